/* From times as text (RFC 3339) to microseconds since 1970-01-01T00:00:00Z. */
#ifndef MV_TIMESTAMP_H
#define MV_TIMESTAMP_H

#include "base/config.h"

/* Read one of
 *
 *   2026-11-01                            midnight UTC
 *   2026-11-01T12:30:00Z                  T and Z in either case, or a space for T
 *   2026-11-01 12:30:00.123456+02:00      any number of digits after the point
 *
 * Years are 0001 to 9999, days those of the Gregorian calendar, also before it was introduced. A
 * time of day needs an offset from UTC ("-00:00" means UTC). Digits of the fraction after the sixth
 * must be 0, so that no time is rounded. Second 60 is a leap second: it is accepted where UTC can
 * have one, at 23:59:60 on the last day of a month. It equals the second after it, as in POSIX.
 *
 * False: the text is none of these. `why` says what was expected at which byte, counted from 1: "is
 * no RFC 3339 date or time: at byte 6, expected the month, 01 to 12". */
bool timestamp_read(const char *text, size_t size, int64_t *micros, char *why, size_t why_size);

#endif
