/* Times as text: every day of the calendar against a count day by day, all offsets and fractions,
 * and what is refused. */
#include "base/timestamp.h"

#include <stdint.h>

#include "test/expect.h"

#define YEARS 9999

/* Days from 1970-01-01 to the first of each month, counted one month after the other. */
static int64_t month_starts[YEARS + 2][13];

static int month_days(int year, int month)
{
    if (month == 4 || month == 6 || month == 9 || month == 11) return 30;
    if (month != 2) return 31;
    if (year % 400 == 0) return 29;
    return year % 4 == 0 && year % 100 != 0 ? 29 : 28;
}

static void count_days(void)
{
    int64_t day = 0, at_1970 = 0;
    for (int year = 1; year <= YEARS; year++)
        for (int month = 1; month <= 12; day += month_days(year, month), month++) {
            if (year == 1970 && month == 1) at_1970 = day;
            month_starts[year][month] = day;
        }
    for (int year = 1; year <= YEARS; year++)
        for (int month = 1; month <= 12; month++) month_starts[year][month] -= at_1970;
}

static bool reads(const char *text, size_t size, int64_t *micros)
{
    char why[128] = "";
    bool ok = timestamp_read(text, size, micros, why, sizeof why);
    bool has_reason = *why != 0;
    if (ok == has_reason)
        EXPECT(ok != has_reason); /* not counted where it holds: a million times */
    return ok;
}

static void expect_micros(const char *text, int64_t wanted, int line)
{
    int64_t micros = wanted - 1;
    expect(reads(text, strlen(text), &micros) && micros == wanted, text, __FILE__, line);
}
#define EXPECT_MICROS(text, wanted) expect_micros((text), (wanted), __LINE__)

static void expect_refused(const char *text, const char *why, int line)
{
    char got[128], wanted[128];
    int64_t micros = 42;
    (void)snprintf(wanted, sizeof wanted, "is no RFC 3339 date or time: at byte %s", why);
    bool refused = !timestamp_read(text, strlen(text), &micros, got, sizeof got);
    expect(refused && micros == 42 && strcmp(got, wanted) == 0, refused ? got : text, __FILE__,
           line);
}
#define EXPECT_REFUSED(text, why) expect_refused((text), (why), __LINE__)

/* ---------------------------------------------------------------- the calendar */

static void test_every_day(void)
{
    int64_t day = month_starts[1][1], micros;
    uint64_t wrong = 0;
    char text[32];
    for (int year = 0; year <= YEARS; year++)
        for (int month = 0; month <= 13; month++)
            for (int of_month = 0; of_month <= 32; of_month++) {
                bool is_there = year >= 1 && month >= 1 && month <= 12 && of_month >= 1 &&
                                of_month <= month_days(year, month);
                (void)snprintf(text, sizeof text, "%04d-%02d-%02d", year, month, of_month);
                if (reads(text, 10, &micros) != is_there) wrong++;
                if (is_there && micros != day++ * 86400000000) wrong++;
            }
    EXPECT(wrong == 0 && day == month_starts[YEARS][12] + 31);
    EXPECT_MICROS("0001-01-01", -62135596800000000);
    EXPECT_MICROS("1969-12-31T23:59:59.999999Z", -1);
    EXPECT_MICROS("1970-01-01", 0);
    EXPECT_MICROS("2000-02-29", 951782400000000);
    EXPECT_MICROS("2026-11-01T12:30:00Z", 1793536200000000);
    EXPECT_MICROS("9999-12-31T23:59:59.999999Z", 253402300799999999);
}

/* ---------------------------------------------------------------- times of day */

static void test_every_time(void)
{
    char text[40];
    uint64_t wrong = 0;
    int64_t day = 20758 * (int64_t)86400, micros; /* 2026-11-01 */
    for (int second = 0; second < 86400; second++) {
        (void)snprintf(text, sizeof text, "2026-11-01%c%02d:%02d:%02d%c", "Tt "[second % 3],
                       second / 3600, second / 60 % 60, second % 60, "Zz"[second % 2]);
        if (!reads(text, strlen(text), &micros) || micros != (day + second) * 1000000) wrong++;
    }
    for (int minutes = -1439; minutes <= 1439; minutes++) {
        int size = minutes < 0 ? -minutes : minutes;
        (void)snprintf(text, sizeof text, "2026-11-01T12:30:00%c%02d:%02d", minutes < 0 ? '-' : '+',
                       size / 60, size % 60);
        int64_t wanted = day + 45000 - minutes * 60;
        if (!reads(text, strlen(text), &micros) || micros != wanted * 1000000) wrong++;
    }
    EXPECT(wrong == 0);
    EXPECT_MICROS("2026-11-01 12:30:00.123456+02:00", (day + 37800) * 1000000 + 123456);
    EXPECT_MICROS("1970-01-01T00:00:00-00:00", 0); /* an unknown local offset */
    EXPECT_MICROS("0001-01-01T00:00:00+23:59", -62135683140000000);
    EXPECT_MICROS("9999-12-31T23:59:59-23:59", 253402387139000000);
}

static void test_fractions(void)
{
    char text[64];
    uint64_t wrong = 0;
    int64_t micros, unit = 1000000;
    for (int digits = 1; digits <= 6; digits++) {
        unit /= 10;
        for (int64_t fraction = 0; fraction < 1000000 / unit; fraction += unit == 1 ? 7 : 1) {
            (void)snprintf(text, sizeof text, "1970-01-01T00:00:00.%0*lldZ", digits,
                           (long long)fraction);
            if (!reads(text, strlen(text), &micros) || micros != fraction * unit) wrong++;
        }
    }
    EXPECT(wrong == 0);
    EXPECT_MICROS("1969-12-31T23:59:59.75Z", -250000);
    EXPECT_MICROS("1970-01-01T00:00:00.1234560Z", 123456);
    EXPECT_MICROS("1970-01-01T00:00:00.00000000000000000000000000000000Z", 0);
    EXPECT_REFUSED("1970-01-01T00:00:00.1234567Z",
                   "27, expected 0, as there is no unit below a microsecond");
    EXPECT_REFUSED("1970-01-01T00:00:00.00000000001Z",
                   "31, expected 0, as there is no unit below a microsecond");
    EXPECT_REFUSED("1970-01-01T00:00:00.Z", "21, expected a digit");
    EXPECT_REFUSED("1970-01-01T00:00:00,5Z",
                   "20, expected the offset from UTC, 'Z' or one like '+02:00'");
}

/* 23:59:60 UTC around the end of June 2015, seen from every offset: it is there on the 30th only.
 */
static void test_leap_seconds(void)
{
    char text[40];
    uint64_t wrong = 0, taken = 0;
    for (int offset = -1439; offset <= 1439; offset++)
        for (int utc_day = 27; utc_day <= 33; utc_day++) {
            int64_t micros;
            int local = (utc_day - 1) * 1440 + 1439 + offset; /* minutes of June */
            int day = local / 1440 + 1, size = offset < 0 ? -offset : offset;
            (void)snprintf(text, sizeof text, "2015-%02d-%02dT%02d:%02d:60%c%02d:%02d",
                           day <= 30 ? 6 : 7, day <= 30 ? day : day - 30, local % 1440 / 60,
                           local % 60, offset < 0 ? '-' : '+', size / 60, size % 60);
            bool got = reads(text, strlen(text), &micros);
            if (got != (utc_day == 30)) wrong++;
            if (got && micros != month_starts[2015][7] * 86400000000) wrong++;
            taken += got;
        }
    EXPECT(wrong == 0 && taken == 2879);
    EXPECT_MICROS("1990-12-31T23:59:60Z", 662688000000000); /* both from RFC 3339 */
    EXPECT_MICROS("1990-12-31T15:59:60-08:00", 662688000000000);
    EXPECT_MICROS("1990-12-31T23:59:60.25Z", 662688000250000);
    EXPECT_MICROS("9999-12-31T23:59:60Z", 253402300800000000);
    EXPECT_REFUSED("1990-12-30T23:59:60Z",
                   "18, expected a second below 60, as UTC has no leap second then");
    EXPECT_REFUSED("1990-12-31T23:59:60-08:00",
                   "18, expected a second below 60, as UTC has no leap second then");
    EXPECT_REFUSED("1991-01-01T00:00:60Z",
                   "18, expected a second below 60, as UTC has no leap second then");
    EXPECT_REFUSED("1990-12-31T23:59:61Z", "18, expected the second, 00 to 60");
}

/* ---------------------------------------------------------------- what is refused */

static void test_refused(void)
{
    EXPECT_REFUSED("", "1, expected the year, 0001 to 9999");
    EXPECT_REFUSED("0000-01-01", "1, expected the year, 0001 to 9999");
    EXPECT_REFUSED("-001-01-01", "1, expected the year, 0001 to 9999");
    EXPECT_REFUSED("12026-01-01", "5, expected '-'");
    EXPECT_REFUSED("20261101", "5, expected '-'");
    EXPECT_REFUSED("2026-13-01", "6, expected the month, 01 to 12");
    EXPECT_REFUSED("2026-1-01", "6, expected the month, 01 to 12");
    EXPECT_REFUSED("2026-11-31", "9, expected the day, 01 to 30");
    EXPECT_REFUSED("1900-02-29", "9, expected the day, 01 to 28");
    EXPECT_REFUSED("2024-02-30", "9, expected the day, 01 to 29");
    EXPECT_REFUSED("2026-11-01Z", "11, expected the end, or 'T' and a time of day");
    EXPECT_REFUSED("2026-11-01 ", "12, expected the hour, 00 to 23");
    EXPECT_REFUSED("2026-11-01T24:00:00Z", "12, expected the hour, 00 to 23");
    EXPECT_REFUSED("2026-11-01T12:60:00Z", "15, expected the minute, 00 to 59");
    EXPECT_REFUSED("2026-11-01T12:30Z", "17, expected ':'");
    EXPECT_REFUSED("2026-11-01T12:30:00",
                   "20, expected the offset from UTC, 'Z' or one like '+02:00'");
    EXPECT_REFUSED("2026-11-01T12:30:00 Z",
                   "20, expected the offset from UTC, 'Z' or one like '+02:00'");
    EXPECT_REFUSED("2026-11-01T12:30:00+2:00", "21, expected the hours of the offset, 00 to 23");
    EXPECT_REFUSED("2026-11-01T12:30:00+0200", "23, expected ':'");
    EXPECT_REFUSED("2026-11-01T12:30:00+02:60", "24, expected the minutes of the offset, 00 to 59");
    EXPECT_REFUSED("2026-11-01T12:30:00Z ", "21, expected the end");
}

/* Every beginning of a time, and every byte of it replaced by every other one. */
static void test_other_bytes(void)
{
    static const char time[] = "2026-11-01T12:30:00.5+02:00",
                      kinds[] = "dddd-dd-ddTdd:dd:dd.d+dd:dd";
    uint64_t wrong = 0;
    int64_t micros;
    char text[sizeof time];
    for (size_t size = 0; size < sizeof time; size++)
        if (reads(time, size, &micros) != (size == 10 || size == sizeof time - 1)) wrong++;
    for (size_t at = 0; at < sizeof time - 1; at++)
        for (int byte = 0; byte < 256; byte++) {
            memcpy(text, time, sizeof time);
            text[at] = (char)byte;
            bool fits = kinds[at] == 'd'   ? byte >= '0' && byte <= '9'
                        : kinds[at] == 'T' ? byte == 'T' || byte == 't' || byte == ' '
                        : kinds[at] == '+' ? byte == '+' || byte == '-'
                                           : byte == kinds[at];
            /* 2026-x1-01, 2026-1x-01, x0 as a day, and so on: what the tens leave of the ones. */
            if (at == 5) fits = fits && byte <= '1';
            if (at == 6) fits = fits && byte <= '2';
            if (at == 8) fits = fits && byte <= '2';
            if (at == 9) fits = fits && byte != '0';
            if (at == 11) fits = fits && byte <= '2';
            if (at == 14 || at == 17 || at == 25) fits = fits && byte <= '5';
            if (at == 22) fits = fits && byte <= '2';
            if (reads(text, sizeof time - 1, &micros) != fits) wrong++;
        }
    EXPECT(wrong == 0);
}

int main(void)
{
    count_days();
    RUN(test_every_day());
    RUN(test_every_time());
    RUN(test_fractions());
    RUN(test_leap_seconds());
    RUN(test_refused());
    RUN(test_other_bytes());
    return tests_conclude();
}
