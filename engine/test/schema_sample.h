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

/* Cut at every length, and with every bit of every byte turned: refused, or a schema that can be
 * saved. */
static inline void damage_bytes(mv_schema *schema)
{
    mv_error error;
    mem_buffer bytes = {0}, again = {0};
    mv_schema *loaded;
    size_t surprises = 0;
    EXPECT(schema_format_save(schema, &bytes, &error) == MV_OK);
    for (size_t size = 0; size <= bytes.size; size++) {
        uint8_t *cut = mem_alloc(size); /* a block of its own: reading past its end is seen */
        memcpy(cut, bytes.data, size);
        mv_err err = schema_format_load(cut, size, &loaded, &error);
        if (err != (size < bytes.size ? MV_CORRUPT : MV_OK)) surprises++;
        mv_schema_free(loaded);
        mem_free(cut, size);
    }
    for (size_t i = 0; i < bytes.size * 255; i++) {
        uint8_t flip = (uint8_t)(i % 255 + 1);
        bytes.data[i / 255] ^= flip;
        mv_err err = schema_format_load(bytes.data, bytes.size, &loaded, &error);
        again.size = 0;
        if (err ? err != MV_CORRUPT && err != MV_WRONG_VERSION
                : schema_format_save(loaded, &again, &error))
            surprises++;
        mv_schema_free(loaded);
        bytes.data[i / 255] ^= flip;
    }
    EXPECT(surprises == 0);
    EXPECT(mem_buffer_append(&bytes, "x", 1) &&
           schema_format_load(bytes.data, bytes.size, &loaded, &error) == MV_CORRUPT);
    mv_schema_free(schema);
    mem_buffer_free(&bytes);
    mem_buffer_free(&again);
}

/* Build, save, load and compare. */
static inline mv_err live(mv_err (*fill_one)(mv_schema *, mv_error *), mv_error *error)
{
    mv_schema *schema = NULL, *copy = NULL;
    mv_err err = mv_schema_create("s", &schema, error);
    if (!err) err = fill_one(schema, error);
    if (!err) err = schema_format_copy(schema, &copy, error);
    if (!err) err = schema_compare(schema, copy, error);
    mv_schema_free(schema);
    mv_schema_free(copy);
    return err;
}

static inline void fail_memory(mv_err (*fill_one)(mv_schema *, mv_error *))
{
    mv_error error;
    mv_err err;
    uint64_t n = 0;
    do {
        n++;
        mem_fail_at(n, n % 2);
        err = live(fill_one, &error);
        mem_fail_at(0, false);
        EXPECT(mem_bytes() == 0 && (!err || (err == MV_NO_MEMORY && error.code == err)));
    } while (err);
    EXPECT(n > 5);
}

#endif
