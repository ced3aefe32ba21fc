/* Schemas whose vectors a model makes of texts: what may be in them, their bytes, their differences
 * and changes. */
#include "test/schema_sample.h"

static const mv_embed of_body = {"body", "words", "f1"};

static mv_err add_string(mv_schema *schema, const char *name, mv_error *error)
{
    return mv_schema_add_field(schema, &(mv_field_options){.name = name, .type = MV_STRING}, error);
}

static mv_err add_embedding(mv_schema *schema, const char *name, mv_embed embed, mv_error *error)
{
    const mv_vector_options options = {.name = name,
                                       .type = MV_VECTOR_FP32,
                                       .dim = 3,
                                       .metric = MV_COSINE,
                                       .index.type = MV_INDEX_FLAT,
                                       .embed = embed};
    return mv_schema_add_vector(schema, &options, error);
}

static mv_err fill(mv_schema *schema, mv_error *error)
{
    const mv_field_options year = {.name = "year", .type = MV_INT32};
    MV_TRY(add_string(schema, "body", error));
    MV_TRY(mv_schema_add_field(schema, &year, error));
    MV_TRY(add_embedding(schema, "v", of_body, error));
    return add_embedding(schema, "w", (mv_embed){NULL, NULL, NULL}, error);
}

static mv_schema *new_filled(void)
{
    mv_schema *schema = new_schema("e");
    EXPECT(!fill(schema, NULL));
    return schema;
}

/* The option `embed` of vector field `at` is this one. */
static bool embeds(const mv_schema *schema, uint32_t at, mv_embed embed)
{
    mv_vector_options vector;
    if (!mv_schema_vector(schema, at, &vector)) return false;
    if (!embed.from) return !vector.embed.from && !vector.embed.model;
    return vector.embed.from && !strcmp(vector.embed.from, embed.from) &&
           !strcmp(vector.embed.model, embed.model) &&
           !strcmp(vector.embed.fingerprint, embed.fingerprint);
}

/* ---------------------------------------------------------------- options */

static void test_options(void)
{
    static const char long_name[] =
        "0123456789012345678901234567890123456789012345678901234567890123";
    mv_error error;
    char too_long[MV_NAME_SIZE_MAX + 2];
    mv_schema *schema = new_filled();
    EXPECT(embeds(schema, 0, of_body) && embeds(schema, 1, (mv_embed){NULL, NULL, NULL}));
    EXPECT(!add_embedding(schema, "x", (mv_embed){"body", long_name, long_name}, &error));
    EXPECT(embeds(schema, 2, (mv_embed){"body", long_name, long_name}));
    EXPECT(!add_embedding(schema, "y", (mv_embed){"body", "m", NULL}, &error));
    EXPECT(embeds(schema, 3, (mv_embed){"body", "m", ""}));

    EXPECT_ERROR(add_embedding(schema, "z", (mv_embed){"boody", "m", "f"}, &error), MV_MISUSE,
                 "vector field 'z': embed: unknown field 'boody' (did you mean 'body'?)");
    EXPECT_ERROR(add_embedding(schema, "z", (mv_embed){"v", "m", "f"}, &error), MV_MISUSE,
                 "vector field 'z': embed: field 'v' is a vector field, not a scalar field");
    EXPECT_ERROR(add_embedding(schema, "z", (mv_embed){"year", "m", "f"}, &error), MV_MISUSE,
                 "vector field 'z': embed: field 'year' is int32, not string");
    EXPECT_ERROR(add_embedding(schema, "z", (mv_embed){"body", NULL, "f"}, &error), MV_MISUSE,
                 "vector field 'z': embed: the name of the model is missing");
    EXPECT(add_embedding(schema, "z", (mv_embed){"body", "", "f"}, &error) == MV_MISUSE);
    (void)snprintf(too_long, sizeof too_long, "%s5", long_name);
    EXPECT(add_embedding(schema, "z", (mv_embed){"body", too_long, "f"}, &error) == MV_MISUSE);
    EXPECT_ERROR(add_embedding(schema, "z", (mv_embed){"body", "m", too_long}, &error), MV_MISUSE,
                 "vector field 'z': embed: fingerprint '0123456789012345678901234567890123456789..."
                 "' has 65 bytes, at most 64 are allowed");
    EXPECT(mv_schema_vector_count(schema) == 4);
    mv_schema_free(schema);
}

/* A fingerprint that is not known can be compared, but not stored. */
static void test_create(void)
{
    mv_error error;
    mv_collection *c = NULL;
    mv_column *column = NULL;
    mv_schema *schema = new_schema("e");
    EXPECT(!add_string(schema, "body", &error));
    EXPECT(!add_embedding(schema, "v", (mv_embed){"body", "words", NULL}, &error));
    mv_open_options options = {.schema = schema};
    EXPECT_ERROR(
        mv_open(":memory:", &options, &c, &error), MV_MISUSE,
        "vector field 'v': embed: the fingerprint of model 'words' is not known (the model "
        "is not given)");
    mv_schema_free(schema);

    options.schema = schema = new_filled();
    EXPECT(!mv_open(":memory:", &options, &c, &error));
    EXPECT(embeds(mv_get_schema(c), 0, of_body));
    mv_vector_options more = {
        .name = "more", .type = MV_VECTOR_FP32, .dim = 2, .embed = {"body", "two", NULL}};
    more.metric = MV_L2;
    EXPECT(mv_column_begin(c, NULL, &more, &column, &error) == MV_MISUSE && !column);
    more.embed.from = "bdy";
    more.embed.fingerprint = "f2";
    EXPECT(mv_column_begin(c, NULL, &more, &column, &error) == MV_MISUSE && !column);
    more.embed.from = "body";
    EXPECT(!mv_column_begin(c, NULL, &more, &column, &error));
    EXPECT(!mv_column_commit(column, &error));
    mv_column_free(column);
    EXPECT(embeds(mv_get_schema(c), 2, (mv_embed){"body", "two", "f2"}));
    EXPECT(!mv_close(c, &error));
    mv_schema_free(schema);
}

/* ---------------------------------------------------------------- bytes */

static void test_bytes(void)
{
    static const char wanted[] =
        "\x07\0\0\0\x05\0\0\0\x01"
        "e\x02\0\0\0\x02\0\0\0"                         /* format, next uid, name, counts */
        "\x01\0\0\0\x01\0\x04"                          /* uid, type, flags */
        "body"                                          /* name */
        "\x02\0\0\0\x03\0\x04year"                      /* the other */
        "\x03\0\0\0\x41\x03\x01\x03\0\0\0\x01v"         /* uid, type, metric, index, dim, name */
        "\x01\0\0\0\x05words\x02\x66\x31"               /* uid of body, model, fingerprint */
        "\x04\0\0\0\x41\x03\x01\x03\0\0\0\x01w\0\0\0\0" /* without a model */
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";   /* no retention */
    mv_error error;
    uint32_t uid;
    mem_buffer bytes = {0};
    mv_schema *schema = new_filled(), *loaded = NULL;
    EXPECT(!schema_format_save(schema, &bytes, &error) && bytes.size == sizeof wanted - 1);
    EXPECT(memcmp(bytes.data, wanted, sizeof wanted - 1) == 0);
    EXPECT(!schema_format_load(bytes.data, bytes.size, &loaded, &error));
    EXPECT(embeds(loaded, 0, of_body) && embeds(loaded, 1, (mv_embed){NULL, NULL, NULL}));
    EXPECT(!schema_compare(schema, loaded, &error));
    mv_schema_free(loaded);

    size_t uid_at = sizeof wanted - 1 - 21 - 17 - 13;
    EXPECT(bytes.data[uid_at] == 1);
    bytes.data[uid_at] = 2;
    EXPECT_ERROR(
        schema_format_load(bytes.data, bytes.size, &loaded, &error), MV_CORRUPT,
        "the stored schema cannot be read: vector field 'v': embed: field 'year' is int32, "
        "not string");
    bytes.data[uid_at] = 9;
    EXPECT_ERROR(schema_format_load(bytes.data, bytes.size, &loaded, &error), MV_CORRUPT,
                 "the stored schema cannot be read: vectors are made of field number 9, which is "
                 "missing");

    bytes.size = 0; /* without it older readers read the schema */
    EXPECT(!schema_drop_field(schema, "v", &uid, &error));
    EXPECT(!schema_format_save(schema, &bytes, &error) && bytes.data[0] == 2);
    mem_buffer_free(&bytes);
    mv_schema_free(schema);
}

static void test_damaged_bytes(void)
{
    damage_bytes(new_filled());
}

/* ---------------------------------------------------------------- differences and changes */

/* Between a field of these options, the given schema's, and the one of the collection. */
static const char *difference(mv_embed given, mv_embed there)
{
    static mv_error error;
    mv_schema *found = new_schema("s"), *wanted = new_schema("s");
    EXPECT(!add_string(found, "title", &error) && !add_string(found, "body", &error));
    EXPECT(!add_string(wanted, "body", &error) && !add_string(wanted, "title", &error));
    EXPECT(!add_embedding(found, "v", there, NULL) && !add_embedding(wanted, "v", given, NULL));
    mv_err err = schema_compare(wanted, found, &error);
    mv_schema_free(found);
    mv_schema_free(wanted);
    if (err == MV_SCHEMA_MISMATCH) return error.text;
    return err ? "another error" : "";
}

static void test_compare(void)
{
    const mv_embed none = {NULL, NULL, NULL};
    mv_embed given = of_body;
    EXPECT(!strcmp(difference(given, of_body), "") && !strcmp(difference(none, none), ""));
    given.fingerprint = NULL;
    EXPECT(!strcmp(difference(given, of_body), ""));
    given.fingerprint = "f2";
    EXPECT(!strcmp(difference(given, of_body),
                   "field 'v' has vectors of model 'words' with fingerprint 'f1', that of the "
                   "given one is 'f2'"));
    given.model = "static";
    EXPECT(!strcmp(difference(given, of_body),
                   "field 'v' embeds by model words in the collection, static in the given "
                   "schema"));
    given.from = "title";
    EXPECT(!strcmp(difference(given, of_body),
                   "field 'v' embeds field body in the collection, title in the given schema"));
    EXPECT(!strcmp(difference(none, of_body),
                   "field 'v' embeds texts in the collection, not in the given schema"));
    EXPECT(!strcmp(difference(of_body, none),
                   "field 'v' embeds texts in the given schema, not in the collection"));
}

static void test_changes(void)
{
    mv_error error;
    uint32_t uid;
    mv_schema *schema = new_filled(), *copy = NULL;
    EXPECT_ERROR(schema_drop_field(schema, "body", &uid, &error), MV_MISUSE,
                 "field 'body' has the texts of vector field 'v': drop that one first");
    EXPECT(!schema_rename_field(schema, "body", "text", &error));
    EXPECT(!schema_rename_field(schema, "v", "u", &error));
    EXPECT(embeds(schema, 0, (mv_embed){"text", "words", "f1"}));
    EXPECT(!schema_format_copy(schema, &copy, &error));
    EXPECT(embeds(copy, 0, (mv_embed){"text", "words", "f1"}));
    EXPECT(!schema_drop_field(copy, "u", &uid, &error));
    EXPECT(!schema_drop_field(copy, "text", &uid, &error));
    mv_schema_free(schema);
    mv_schema_free(copy);
}

static void test_out_of_memory(void)
{
    fail_memory(fill);
}

int main(void)
{
    RUN(test_options());
    RUN(test_create());
    RUN(test_bytes());
    RUN(test_damaged_bytes());
    RUN(test_compare());
    RUN(test_changes());
    RUN(test_out_of_memory());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
