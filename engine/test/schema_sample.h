/* Schemas for the tests of schemas. */
#ifndef MV_SCHEMA_SAMPLE_H
#define MV_SCHEMA_SAMPLE_H

#include <stdio.h>
#include <string.h>

#include "storage/schema.h"
#include "test/expect.h"

/* Did the call fail with this code and text? */
static inline void expect_error(mv_err got, mv_err code, const mv_error *error, const char *text,
                                int line)
{
    bool ok = got == code && error->code == code && strcmp(error->text, text) == 0;
    if (!ok) printf("%s: %s\n", mv_err_name(got), got ? error->text : "");
    expect(ok, text, __FILE__, line);
}
#define EXPECT_ERROR(call, code, text) expect_error((call), (code), &error, (text), __LINE__)

static inline mv_type array_of(mv_type type)
{
    return (mv_type)(MV_ARRAY | type);
}

static inline mv_schema *new_schema(const char *name)
{
    mv_schema *schema;
    EXPECT(mv_schema_create(name, &schema, NULL) == MV_OK);
    return schema;
}

#define ENGLISH 7 /* its number is part of the format */

static inline mv_err add_text(mv_schema *schema, const char *stop_words, mv_error *error)
{
    mv_field_options t = {.name = "t", .type = MV_STRING, .index.type = MV_INDEX_TEXT};
    t.index.as.text.stop_words = stop_words;
    t.index.as.text.language = ENGLISH;
    return mv_schema_add_field(schema, &t, error);
}

#endif
