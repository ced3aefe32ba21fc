/* A line of JSON -> the members of a document, without Lua values, for `ingest`. Only plain lines
 * are read: an object whose values are strings, numbers, true, false, null, and arrays of the first
 * four kinds. For any other line lua-cjson decides, and says what is wrong with it. */
#ifndef MV_JSON_LINE_H
#define MV_JSON_LINE_H

#include "raise.h"

/* A line with more is not plain; chosen. */
#define JSON_MEMBERS_MAX 256
#define JSON_ITEMS_MAX   8192       /* elements of all arrays */
#define JSON_TEXTS_SIZE  (1u << 20) /* bytes of all strings with escapes */

typedef struct json_member {
    const char *key;
    size_t key_size;
    mv_value value; /* a number is MV_KIND_INT or MV_KIND_REAL, as read_value makes it */
} json_member;

/* The members of the line that was read last. Their strings are in the text, or in `texts`. */
typedef struct json_line {
    size_t members_count, items_count, texts_size;
    json_member members[JSON_MEMBERS_MAX];
    mv_value items[JSON_ITEMS_MAX];
    char texts[JSON_TEXTS_SIZE];
} json_line;

/* Read the line at `at`, which must end with "\n". Returns the position behind its end; NULL: it is
 * not plain. */
const char *json_line_read(json_line *line, const char *at);

#endif
