/* Fuzzer of the filter language: any text, compiled and run over a few documents with every kind of
 * field. The answer is always a count or an error. */
#include <stdio.h>
#include <stdlib.h>

#include "moonvec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(mv_err err, const mv_error *error)
{
    if (!err) return;
    fprintf(stderr, "%s\n", error->text);
    abort();
}

#define TEXT(literal)                                                                              \
    {                                                                                              \
        .kind = MV_KIND_STRING, .as.string = { literal, sizeof literal - 1 }                       \
    }

static const struct {
    const char *name;
    mv_type type;
} fields[] = {
    {"s", MV_STRING},
    {"i", MV_INT32},
    {"u", MV_UINT64},
    {"d", MV_DOUBLE},
    {"b", MV_BOOL},
    {"ss", (mv_type)(MV_ARRAY | MV_STRING)},
    {"is", (mv_type)(MV_ARRAY | MV_INT64)},
    {"t", MV_TIMESTAMP},
};
#define FIELDS (sizeof fields / sizeof *fields)

static mv_collection *open_collection(void)
{
    static const mv_value strings[] = {TEXT("a"), TEXT("b%_")};
    static const mv_value numbers[] = {{.kind = MV_KIND_INT, .as.i = -1},
                                       {.kind = MV_KIND_INT, .as.i = 1}};
    static const mv_value values[FIELDS] = {
        TEXT("abc"),
        {.kind = MV_KIND_INT, .as.i = -7},
        {.kind = MV_KIND_UINT, .as.u = UINT64_MAX},
        {.kind = MV_KIND_REAL, .as.real = 0.5},
        {.kind = MV_KIND_BOOL, .as.boolean = true},
        {.kind = MV_KIND_LIST, .as.list = {strings, 2}},
        {.kind = MV_KIND_LIST, .as.list = {numbers, 2}},
        TEXT("2026-11-01"),
    };
    mv_error error;
    mv_schema *schema;
    mv_collection *collection;
    mv_batch *batch;
    uint64_t written;
    must(mv_schema_create("fuzz", &schema, &error), &error);
    for (uint32_t f = 0; f < FIELDS; f++) {
        mv_field_options options = {
            .name = fields[f].name, .type = fields[f].type, .nullable = true};
        must(mv_schema_add_field(schema, &options, &error), &error);
    }
    must(mv_open(":memory:", &(mv_open_options){.schema = schema}, &collection, &error), &error);
    mv_schema_free(schema);
    must(mv_batch_create(collection, &batch, &error), &error);
    for (uint32_t row = 0; row < 70; row++) { /* more than one word of a bitmap */
        char id[8];
        int id_size = snprintf(id, sizeof id, "%u", row);
        must(mv_batch_add(batch, id, (size_t)id_size, &error), &error);
        for (uint32_t f = 0; f < FIELDS; f++) /* every other one is NULL */
            if ((row + f) % 2) must(mv_batch_set(batch, f, &values[f], &error), &error);
    }
    must(mv_write(collection, MV_INSERT, batch, &written, &error), &error);
    mv_batch_free(batch);
    return collection;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const mv_value items[] = {TEXT("a"), TEXT("abc")};
    static const mv_value args[] = {{.kind = MV_KIND_INT, .as.i = 3},
                                    TEXT("a%"),
                                    {.kind = MV_KIND_LIST, .as.list = {items, 2}}};
    static mv_collection *collection;
    if (!collection) collection = open_collection();

    /* As many arguments as there are `?` outside of strings, nearly always. */
    uint32_t args_count = 0;
    for (size_t i = 0; i < size; i++) args_count += data[i] == '?' && args_count < 3;
    mv_filter filter = {(const char *)data, size, args, args_count};
    mv_error error;
    uint64_t count = 0;
    mv_err err = mv_count(collection, &filter, &count, &error);
    if (err ? err != MV_MISUSE && err != MV_LIMIT : count > 70) {
        fprintf(stderr, "%s, count %u\n", err ? error.text : "no error", (unsigned)count);
        abort();
    }
    return 0;
}
