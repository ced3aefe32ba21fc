/* RFC 3339, section 5.6. The time functions of the C library are not used: they depend on locale
 * and time zone, and end in 2038 on some systems. */
#include "base/timestamp.h"

#include <stdio.h>

#define SECONDS_OF_DAY   86400
#define MICROS_OF_SECOND 1000000

/* The state of reading. After a failure the functions below still return, without meaning; `why`
 * has the first failure. */
typedef struct time_reader {
    const char *text;
    size_t size;
    size_t at; /* the next byte */
    char *why; /* of the caller */
    size_t why_size;
    bool failed;
} time_reader;

static void time_fail(time_reader *r, const char *expected, size_t at)
{
    if (r->failed) return;
    r->failed = true;
    (void)snprintf(r->why, r->why_size, "is no RFC 3339 date or time: at byte %zu, expected %s",
                   at + 1, expected);
}

static bool time_is_digit(const time_reader *r, size_t at)
{
    return at < r->size && r->text[at] >= '0' && r->text[at] <= '9';
}

/* Read a number of exactly `digits` digits, from `min` to `max`. Returns 0 when it fails. */
static int time_read_digits(time_reader *r, size_t digits, int min, int max, const char *what)
{
    char expected[64];
    int number = 0;
    mv_assert(digits >= 1 && digits <= 4); /* the number fits in an int */
    mv_assert(min <= max);
    bool ok = true;
    for (size_t i = 0; i < digits && (ok = time_is_digit(r, r->at + i)); i++)
        number = number * 10 + (r->text[r->at + i] - '0');
    if (!ok || number < min || number > max) {
        (void)snprintf(expected, sizeof expected, "the %s, %0*d to %d", what, (int)digits, min,
                       max);
        time_fail(r, expected, r->at);
        return 0;
    }
    r->at += digits;
    return number;
}

static bool time_is_next(const time_reader *r, char a, char b)
{
    return !r->failed && r->at < r->size && (r->text[r->at] == a || r->text[r->at] == b);
}

static void time_read_sign(time_reader *r, char sign)
{
    char expected[] = "'?'";
    expected[1] = sign;
    if (time_is_next(r, sign, sign))
        r->at++;
    else
        time_fail(r, expected, r->at);
}

/* ---------------------------------------------------------------- the calendar */

static int days_of_month(int year, int month)
{
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    mv_assert(month >= 1 && month <= 12);
    return month == 2 && is_leap ? 29 : days[month - 1];
}

/* Days from 1970-01-01 to a date of year 1 or later: days_from_civil of Howard Hinnant,
 * "chrono-Compatible Low-Level Date Algorithms". A year begins in March, so that the leap day is
 * its last day. 400 years are an era. */
static int64_t days_since_1970(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400, year_of_era = y % 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

/* Is the day, counted from 1970-01-01 in UTC, the first of a month? `year` and `month` are those of
 * the local date, which differs from the date in UTC by at most one day. */
static bool begins_a_month(int64_t day, int year, int month)
{
    int next_year = month == 12 ? year + 1 : year, next_month = month == 12 ? 1 : month + 1;
    return day == days_since_1970(year, month, 1) ||
           day == days_since_1970(next_year, next_month, 1);
}

/* ---------------------------------------------------------------- the fields */

static int64_t time_read_fraction(time_reader *r)
{
    int64_t micros = 0, unit = MICROS_OF_SECOND / 10;
    if (!time_is_next(r, '.', '.')) return 0;
    r->at++;
    if (!time_is_digit(r, r->at)) time_fail(r, "a digit", r->at);
    for (; !r->failed && time_is_digit(r, r->at); r->at++, unit /= 10) {
        int digit = r->text[r->at] - '0';
        if (unit == 0 && digit) time_fail(r, "0, as there is no unit below a microsecond", r->at);
        micros += digit * unit;
    }
    return micros;
}

/* Minutes by which the local time is ahead of UTC. */
static int time_read_offset(time_reader *r)
{
    if (time_is_next(r, 'Z', 'z')) {
        r->at++;
        return 0;
    }
    if (!time_is_next(r, '+', '-')) {
        time_fail(r, "the offset from UTC, 'Z' or one like '+02:00'", r->at);
        return 0;
    }
    int sign = r->text[r->at++] == '-' ? -1 : 1;
    int hours = time_read_digits(r, 2, 0, 23, "hours of the offset");
    time_read_sign(r, ':');
    int minutes = time_read_digits(r, 2, 0, 59, "minutes of the offset");
    return sign * (hours * 60 + minutes);
}

bool timestamp_read(const char *text, size_t size, int64_t *micros, char *why, size_t why_size)
{
    time_reader r = {.text = text, .size = size, .why = why, .why_size = why_size};
    int year = time_read_digits(&r, 4, 1, 9999, "year");
    time_read_sign(&r, '-');
    int month = time_read_digits(&r, 2, 1, 12, "month");
    time_read_sign(&r, '-');
    int day = time_read_digits(&r, 2, 1, r.failed ? 31 : days_of_month(year, month), "day");
    int64_t seconds = days_since_1970(year, month, day) * SECONDS_OF_DAY, fraction = 0;
    if (!r.failed && r.at < size) {
        if (time_is_next(&r, 'T', 't') || time_is_next(&r, ' ', ' '))
            r.at++;
        else
            time_fail(&r, "the end, or 'T' and a time of day", r.at);
        int hour = time_read_digits(&r, 2, 0, 23, "hour");
        time_read_sign(&r, ':');
        int minute = time_read_digits(&r, 2, 0, 59, "minute");
        time_read_sign(&r, ':');
        size_t second_at = r.at;
        int second = time_read_digits(&r, 2, 0, 60, "second");
        fraction = time_read_fraction(&r);
        seconds += hour * 3600 + (minute - time_read_offset(&r)) * 60 + second;
        if (second == 60 && (seconds % SECONDS_OF_DAY != 0 ||
                             !begins_a_month(seconds / SECONDS_OF_DAY, year, month)))
            time_fail(&r, "a second below 60, as UTC has no leap second then", second_at);
        if (r.at < size) time_fail(&r, "the end", r.at);
    }
    if (r.failed) return false;
    mv_assert(r.at == r.size);
    *micros = seconds * MICROS_OF_SECOND + fraction;
    return true;
}
