/* Schemas: what may be in them, their bytes and damaged bytes, their differences. */
#include "storage/cell.h"
#include "test/schema_sample.h"

static mv_value integer(int64_t i)
{
    return (mv_value){.kind = MV_KIND_INT, .as.i = i};
}

static mv_value string(const char *text)
{
    return (mv_value){.kind = MV_KIND_STRING, .as.string = {text, strlen(text)}};
}

static mv_err add(mv_schema *schema, const char *name, mv_type type, bool nullable,
                  const mv_value *default_value, mv_error *error)
{
    mv_field_options options = {name, type, nullable, default_value, {MV_INDEX_NONE, {{0}}}, 0};
    return mv_schema_add_field(schema, &options, error);
}

static mv_err add_vector(mv_schema *schema, const char *name, mv_type type, uint32_t dim,
                         mv_metric metric, mv_error *error)
{
    mv_vector_options options = {
        .name = name, .type = type, .dim = dim, .metric = metric, .index.type = MV_INDEX_FLAT};
    return mv_schema_add_vector(schema, &options, error);
}

static mv_err add_index(mv_schema *schema, const char *name, mv_index_type index,
                        mv_hnsw_options hnsw, mv_error *error)
{
    mv_vector_options options = {.name = name,
                                 .type = MV_VECTOR_FP16,
                                 .dim = 4,
                                 .metric = MV_IP,
                                 .index.type = index,
                                 .index.as.hnsw = hnsw};
    return mv_schema_add_vector(schema, &options, error);
}

/* One with something of everything. */
static mv_err fill(mv_schema *schema, mv_error *error)
{
    mv_value year = integer(-1999), big = string("18446744073709551615"), title = string("none");
    mv_value items[] = {string(""), string("scifi"), string("fantasy")};
    mv_value tags = {.kind = MV_KIND_LIST, .as.list = {items, 3}};
    MV_TRY(add(schema, "year", MV_INT32, true, &year, error));
    MV_TRY(add(schema, "big", MV_UINT64, false, &big, error));
    MV_TRY(add(schema, "title", MV_STRING, false, &title, error));
    MV_TRY(add(schema, "tags", array_of(MV_STRING), true, &tags, error));
    MV_TRY(add(schema, "prices", array_of(MV_DOUBLE), false, NULL, error));
    MV_TRY(add_vector(schema, "embedding", MV_VECTOR_FP32, 384, MV_COSINE, error));
    MV_TRY(add_vector(schema, "codes", MV_VECTOR_INT8, 65535, MV_L2, error));
    return add_index(schema, "graph", MV_INDEX_HNSW,
                     (mv_hnsw_options){12, 300, MV_QUANTIZE_INT8, UINT64_MAX}, error);
}

static mv_err fill_with_list(mv_schema *schema, mv_error *error)
{
    return add_text(schema, "the of a", error);
}

static mv_schema *new_full_schema(void)
{
    mv_schema *schema = new_schema("my-books");
    EXPECT(fill(schema, NULL) == MV_OK);
    return schema;
}

/* ---------------------------------------------------------------- building */

static void test_asking(void)
{
    mv_schema *schema = new_full_schema();
    mv_field_options field;
    mv_vector_options vector;
    uint32_t at;
    EXPECT(strcmp(mv_schema_name(schema), "my-books") == 0);
    EXPECT(mv_schema_field_count(schema) == 5 && mv_schema_vector_count(schema) == 3);
    EXPECT(mv_schema_field(schema, 1, &field) && strcmp(field.name, "big") == 0);
    EXPECT(field.type == MV_UINT64 && !field.nullable);
    EXPECT(field.default_value->kind == MV_KIND_UINT && field.default_value->as.u == UINT64_MAX);
    EXPECT(mv_schema_field(schema, 3, &field) && field.default_value->as.list.count == 3);
    EXPECT(memcmp(field.default_value->as.list.items[1].as.string.data, "scifi", 5) == 0);
    EXPECT(mv_schema_field(schema, 4, &field) && !field.default_value);
    EXPECT(!mv_schema_field(schema, 5, &field) && !mv_schema_vector(schema, 3, &vector));
    EXPECT(mv_schema_vector(schema, 0, &vector) && vector.dim == 384 && vector.metric == MV_COSINE);
    EXPECT(mv_schema_find_field(schema, "tags", 4, &at) && at == 3);
    EXPECT(!mv_schema_find_field(schema, "tags", 3, &at));
    EXPECT(!mv_schema_find_field(schema, "embedding", 9, &at));
    EXPECT(mv_schema_find_vector(schema, "codes", 5, &at) && at == 1);
    EXPECT(schema->vectors[0].size == 384 * 4 && schema->vectors[1].size == 65535);
    EXPECT(schema->fields[0].uid == 1 && schema->vectors[1].uid == 7 && schema->next_uid == 9);
    mv_schema_free(schema);
    mv_schema_free(NULL);
}

static void test_names(void)
{
    mv_error error;
    mv_schema *schema, *full = new_full_schema();
    char name[MV_NAME_SIZE_MAX + 2];
    memset(name, 'x', sizeof name);
    name[MV_NAME_SIZE_MAX + 1] = 0;
    EXPECT(mv_schema_create(name, &schema, &error) == MV_MISUSE && !schema);
    EXPECT(add(full, name, MV_BOOL, false, NULL, &error) == MV_MISUSE);
    EXPECT(strstr(error.text, "has 65 bytes, at most 64 are allowed"));
    name[MV_NAME_SIZE_MAX] = 0;
    EXPECT(add(full, name, MV_BOOL, false, NULL, &error) == MV_OK);
    EXPECT(add_vector(full, name, MV_VECTOR_FP32, 1, MV_L2, &error) == MV_MISUSE);

    EXPECT_ERROR(mv_schema_create("2x", &schema, &error), MV_MISUSE,
                 "collection name '2x' may only have letters, digits, '-' and '_', and must not "
                 "begin with a digit");
    EXPECT(mv_schema_create("-x", &schema, &error) == MV_MISUSE);
    EXPECT_ERROR(add(full, "a\n", MV_BOOL, false, NULL, &error), MV_MISUSE,
                 "field name 'a\\x0a' may only have letters, digits and '_', and must not begin "
                 "with a digit");
    EXPECT(add(full, "a-b", MV_BOOL, false, NULL, &error) == MV_MISUSE);
    EXPECT_ERROR(add(full, "", MV_BOOL, false, NULL, &error), MV_MISUSE,
                 "the name of a field is missing");
    EXPECT_ERROR(add(full, NULL, MV_BOOL, false, NULL, &error), MV_MISUSE,
                 "the name of a field is missing");
    EXPECT_ERROR(add(full, "score", MV_BOOL, false, NULL, &error), MV_MISUSE,
                 "field name 'score' is reserved");
    EXPECT(add_vector(full, "id", MV_VECTOR_FP32, 1, MV_L2, &error) == MV_MISUSE);
    EXPECT(add(full, "distance", MV_BOOL, false, NULL, &error) == MV_MISUSE);
    EXPECT_ERROR(add(full, "year", MV_BOOL, false, NULL, &error), MV_MISUSE,
                 "field 'year' is in the schema twice");
    EXPECT_ERROR(add(full, "codes", MV_BOOL, false, NULL, &error), MV_MISUSE,
                 "field 'codes' is in the schema twice");
    EXPECT_ERROR(add_vector(full, "year", MV_VECTOR_FP32, 1, MV_L2, &error), MV_MISUSE,
                 "field 'year' is in the schema twice");
    EXPECT(add_vector(full, "codes", MV_VECTOR_FP32, 1, MV_L2, &error) == MV_MISUSE);
    EXPECT(full->fields_count == 6 && full->vectors_count == 3 && full->next_uid == 10);
    mv_schema_free(full);

    schema = new_schema(NULL);
    EXPECT(strcmp(mv_schema_name(schema), "") == 0);
    mv_schema_free(schema);
    mv_schema_free(new_schema(""));
}

static void test_options(void)
{
    mv_error error;
    mv_schema *schema = new_schema("s");
    mv_value text = string("x"), nothing = {.kind = MV_KIND_NULL}, many = integer(3000000000);
    mv_field_options field;
    EXPECT_ERROR(add(schema, "f", (mv_type)31, false, NULL, &error), MV_MISUSE,
                 "field 'f' has the unknown type 31");
    EXPECT(add(schema, "f", MV_ARRAY, false, NULL, &error) == MV_MISUSE);
    EXPECT(add(schema, "f", array_of(MV_VECTOR_FP32), false, NULL, &error) == MV_MISUSE);
    EXPECT_ERROR(add(schema, "f", MV_VECTOR_FP16, false, NULL, &error), MV_MISUSE,
                 "field 'f' is scalar, vector_fp16 is a type of vector fields");
    EXPECT_ERROR(add(schema, "f", MV_INT32, false, &many, &error), MV_MISUSE,
                 "default value: field 'f' is int32: 3000000000 is out of range (-2147483648 to "
                 "2147483647)");
    EXPECT_ERROR(add(schema, "f", MV_BOOL, false, &text, &error), MV_MISUSE,
                 "default value: field 'f' wants a boolean, got a string");
    EXPECT(add(schema, "f", MV_BOOL, false, &nothing, &error) == MV_MISUSE);
    EXPECT(add(schema, "f", MV_BOOL, true, &nothing, &error) == MV_OK);
    EXPECT(mv_schema_field(schema, 0, &field) && !field.default_value);

    EXPECT_ERROR(add_vector(schema, "v", MV_INT32, 1, MV_L2, &error), MV_MISUSE,
                 "vector field 'v' is int32, which is no vector type");
    EXPECT_ERROR(add_vector(schema, "v", (mv_type)69, 1, MV_L2, &error), MV_MISUSE,
                 "vector field 'v' has the unknown type 69");
    EXPECT_ERROR(add_vector(schema, "v", MV_VECTOR_FP16, 0, MV_L2, &error), MV_MISUSE,
                 "vector field 'v' has dim 0, it must be 1 to 65535");
    EXPECT(add_vector(schema, "v", MV_VECTOR_FP16, 65536, MV_L2, &error) == MV_MISUSE);
    EXPECT_ERROR(add_vector(schema, "v", MV_VECTOR_FP16, 1, (mv_metric)6, &error), MV_MISUSE,
                 "vector field 'v' has the unknown metric 6");
    mv_schema_free(schema);
}

static bool has_index(const mv_schema *schema, uint32_t at, mv_index_type index, uint32_t m,
                      uint32_t ef_construction, mv_quantize quantize, uint64_t seed)
{
    mv_vector_options v;
    return mv_schema_vector(schema, at, &v) && v.index.type == index && v.index.as.hnsw.m == m &&
           v.index.as.hnsw.ef_construction == ef_construction &&
           v.index.as.hnsw.quantize == quantize && v.index.as.hnsw.seed == seed;
}

static void test_indexes(void)
{
    mv_error error;
    mv_schema *schema = new_schema("s");
    EXPECT(!add_index(schema, "a", MV_INDEX_NONE, (mv_hnsw_options){0}, &error));
    EXPECT(has_index(schema, 0, MV_INDEX_HNSW, 16, 200, MV_QUANTIZE_AUTO, 1));
    EXPECT(!add_index(schema, "b", MV_INDEX_NONE, (mv_hnsw_options){.m = 4}, &error));
    EXPECT(has_index(schema, 1, MV_INDEX_HNSW, 4, 200, MV_QUANTIZE_AUTO, 1));
    EXPECT(!add_index(schema, "c", MV_INDEX_HNSW, (mv_hnsw_options){64, 2000, MV_QUANTIZE_NONE, 7},
                      &error));
    EXPECT(has_index(schema, 2, MV_INDEX_HNSW, 64, 2000, MV_QUANTIZE_NONE, 7));
    EXPECT(!add_index(schema, "d", MV_INDEX_HNSW,
                      (mv_hnsw_options){.ef_construction = 8, .quantize = MV_QUANTIZE_FP16},
                      &error));
    EXPECT(has_index(schema, 3, MV_INDEX_HNSW, 16, 8, MV_QUANTIZE_FP16, 1));
    EXPECT(!add_index(schema, "e", MV_INDEX_FLAT, (mv_hnsw_options){0}, &error));
    EXPECT(has_index(schema, 4, MV_INDEX_FLAT, 0, 0, MV_QUANTIZE_AUTO, 0));

    EXPECT_ERROR(add_index(schema, "v", (mv_index_type)3, (mv_hnsw_options){0}, &error), MV_MISUSE,
                 "vector field 'v' has the unknown index type 3");
    EXPECT_ERROR(add_index(schema, "v", MV_INDEX_HNSW, (mv_hnsw_options){.m = 3}, &error),
                 MV_MISUSE, "vector field 'v' has an index with m 3, it must be 4 to 64");
    EXPECT_ERROR(add_index(schema, "v", MV_INDEX_NONE, (mv_hnsw_options){.m = 65}, &error),
                 MV_MISUSE, "vector field 'v' has an index with m 65, it must be 4 to 64");
    EXPECT_ERROR(
        add_index(schema, "v", MV_INDEX_HNSW, (mv_hnsw_options){.ef_construction = 7}, &error),
        MV_MISUSE, "vector field 'v' has an index with ef_construction 7, it must be 8 to 2000");
    EXPECT(add_index(schema, "v", MV_INDEX_HNSW, (mv_hnsw_options){.ef_construction = 2001},
                     &error) == MV_MISUSE);
    EXPECT_ERROR(add_index(schema, "v", MV_INDEX_HNSW,
                           (mv_hnsw_options){.quantize = (mv_quantize)5}, &error),
                 MV_MISUSE, "vector field 'v' has an index with the unknown quantize 5");
    const mv_hnsw_options given[] = {
        {.m = 16}, {.ef_construction = 200}, {.quantize = MV_QUANTIZE_NONE}, {.seed = 1}};
    for (size_t i = 0; i < sizeof given / sizeof *given; i++)
        EXPECT_ERROR(add_index(schema, "v", MV_INDEX_FLAT, given[i], &error), MV_MISUSE,
                     "vector field 'v' has a flat index, which takes no options");
    EXPECT(schema->vectors_count == 5 && schema->next_uid == 6);
    mv_schema_free(schema);
}

static void test_limits(void)
{
    mv_error error;
    mv_schema *schema = new_schema("s"), *copy;
    char name[16];
    for (unsigned i = 0; i < MV_FIELDS_MAX; i++) {
        (void)snprintf(name, sizeof name, "f%u", i);
        if (add(schema, name, MV_BOOL, false, NULL, &error)) break;
    }
    for (unsigned i = 0; i < MV_VECTORS_MAX; i++) {
        (void)snprintf(name, sizeof name, "v%u", i);
        if (add_vector(schema, name, MV_VECTOR_FP32, MV_DIM_MAX, MV_L2, &error)) break;
    }
    EXPECT(schema->fields_count == MV_FIELDS_MAX && schema->vectors_count == MV_VECTORS_MAX);
    EXPECT_ERROR(add(schema, "one_more", MV_BOOL, false, NULL, &error), MV_MISUSE,
                 "field 'one_more': a schema has at most 1024 scalar fields");
    EXPECT_ERROR(add_vector(schema, "one_more", MV_VECTOR_FP32, 1, MV_L2, &error), MV_MISUSE,
                 "vector field 'one_more': a schema has at most 256 vector fields");
    EXPECT(schema_format_copy(schema, &copy, &error) == MV_OK &&
           !schema_compare(schema, copy, &error));
    mv_schema_free(copy);
    mv_schema_free(schema);
}

static void test_field_index(void)
{
    mv_error error;
    mv_schema *schema = NULL, *copy = NULL;
    mv_field_options field = {.name = "n", .type = MV_INT32, .index.type = MV_INDEX_HNSW};
    EXPECT(!mv_schema_create("s", &schema, &error));
    EXPECT_ERROR(
        mv_schema_add_field(schema, &field, &error), MV_MISUSE,
        "field 'n' is scalar: its index is 'invert', 'text', 'sparse' or none, not 2 ('hnsw')");
    field.index.type = (mv_index_type)77;
    EXPECT_ERROR(
        mv_schema_add_field(schema, &field, &error), MV_MISUSE,
        "field 'n' is scalar: its index is 'invert', 'text', 'sparse' or none, not 77 ('unknown')");
    field.index.type = MV_INDEX_INVERT;
    EXPECT(!mv_schema_add_field(schema, &field, &error));
    EXPECT(!schema_format_copy(schema, &copy, &error) && !schema_compare(schema, copy, &error));
    EXPECT(mv_schema_field(copy, 0, &field) && field.index.type == MV_INDEX_INVERT);
    copy->fields[0].index.type = MV_INDEX_NONE;
    EXPECT_ERROR(schema_compare(schema, copy, &error), MV_SCHEMA_MISMATCH,
                 "field 'n' has index none in the collection, invert in the given schema");
    mv_schema_free(copy);
    mv_schema_free(schema);
}

/* ---------------------------------------------------------------- metrics */

static mv_err add_with(mv_schema *schema, mv_type type, mv_metric metric, mv_quantize quantize,
                       mv_error *error)
{
    return mv_schema_add_vector(
        schema,
        &(mv_vector_options){.name = "v",
                             .type = type,
                             .dim = 16,
                             .metric = metric,
                             .index = {MV_INDEX_HNSW, {.hnsw = {.quantize = quantize}}}},
        error);
}

static void test_metric_names(void)
{
    mv_metric metric = MV_IP;
    int count = 0;
    while (mv_metric_name((mv_metric)(count + 1))) count++;
    EXPECT(count == MV_HAMMING && !mv_metric_name(0) && !mv_metric_name((mv_metric)-1));
    for (int i = 1; i <= count; i++) {
        const char *name = mv_metric_name((mv_metric)i);
        EXPECT(mv_metric_from_name(name, strlen(name), &metric) && metric == (mv_metric)i);
        EXPECT(!mv_metric_from_name(name, strlen(name) - 1, &metric));
    }
    metric = MV_IP;
    EXPECT(!mv_metric_from_name("l22", 3, &metric) && !mv_metric_from_name("", 0, &metric));
    EXPECT(metric == MV_IP && mv_metric_from_name("l2 and more", 2, &metric) && metric == MV_L2);
    EXPECT(mv_metric_default(MV_VECTOR_FP32) == MV_COSINE);
    EXPECT(mv_metric_default(MV_VECTOR_INT8) == MV_COSINE);
    EXPECT(mv_metric_default(MV_VECTOR_BINARY) == MV_HAMMING && !mv_metric_default(MV_STRING));
}

static void test_metrics_and_types(void)
{
    mv_error error;
    mv_schema *schema = new_schema("s");
    EXPECT_ERROR(add_vector(schema, "v", MV_VECTOR_BINARY, 12, MV_HAMMING, &error), MV_MISUSE,
                 "vector field 'v' has dim 12, that of vector_binary must be a multiple of 8");
    EXPECT_ERROR(
        add_vector(schema, "v", MV_VECTOR_BINARY, 16, MV_L1, &error), MV_MISUSE,
        "vector field 'v' is vector_binary, which has no metric 'l1' (possible: 'hamming')");
    EXPECT_ERROR(add_vector(schema, "v", MV_VECTOR_INT8, 16, MV_HAMMING, &error), MV_MISUSE,
                 "vector field 'v' is vector_int8, which has no metric 'hamming' (possible: 'l2', "
                 "'ip', 'cosine', 'l1')");
    EXPECT_ERROR(add_with(schema, MV_VECTOR_FP32, MV_L1, MV_QUANTIZE_INT4, &error), MV_MISUSE,
                 "vector field 'v' has an index with quantize 'int4', which metric 'l1' cannot use "
                 "(possible: 'auto', 'none', 'fp16')");
    EXPECT_ERROR(
        add_with(schema, MV_VECTOR_BINARY, MV_HAMMING, MV_QUANTIZE_FP16, &error), MV_MISUSE,
        "vector field 'v' has an index with quantize 'fp16', which metric 'hamming' cannot "
        "use (possible: 'auto', 'none')");
    EXPECT(!add_with(schema, MV_VECTOR_FP16, MV_L1, MV_QUANTIZE_FP16, &error));
    EXPECT(schema->vectors[0].size == 32);
    uint32_t uid;
    mv_index_change change = {.name = "v",
                              .index = {MV_INDEX_HNSW, {.hnsw = {.quantize = MV_QUANTIZE_INT8}}}};
    EXPECT(schema_change_index(schema, &change, 9, &uid, &error) == MV_MISUSE);
    EXPECT(strstr(error.text, "quantize 'int8', which metric 'l1' cannot use"));
    EXPECT(schema->vectors[0].index.as.hnsw.quantize == MV_QUANTIZE_FP16);
    mv_schema_free(schema);
    schema = new_schema("s");
    EXPECT(!add_with(schema, MV_VECTOR_BINARY, MV_HAMMING, MV_QUANTIZE_NONE, &error));
    EXPECT(schema->vectors[0].size == 2);
    mv_schema_free(schema);
}

/* ---------------------------------------------------------------- bytes */

/* The bytes of a schema with one vector field, whose type and metric are at the end but 9 and 8. */
static mem_buffer saved(mv_type type, mv_metric metric)
{
    mv_error error;
    mem_buffer bytes = {0};
    mv_schema *schema = new_schema("s");
    mv_vector_options options = {
        .name = "v", .type = type, .dim = 16, .metric = metric, .index.type = MV_INDEX_FLAT};
    EXPECT(!mv_schema_add_vector(schema, &options, &error) &&
           !schema_format_save(schema, &bytes, &error));
    mv_schema_free(schema);
    return bytes;
}

/* What format 2 has no number for is written as format 3, all else as before. */
static void test_format_needed(void)
{
    mv_error error;
    mv_schema *loaded = NULL;
    for (mv_type type = MV_VECTOR_FP32; type <= MV_VECTOR_BINARY; type++) {
        for (mv_metric metric = MV_L2; metric <= MV_HAMMING; metric++) {
            if (!metric_takes_type(metric, type)) continue;
            mem_buffer bytes = saved(type, metric);
            bool is_new = type == MV_VECTOR_BINARY || metric == MV_L1;
            EXPECT(bytes.data[0] == (is_new ? 3 : 2));
            EXPECT(!schema_format_load(bytes.data, bytes.size, &loaded, &error));
            EXPECT(loaded->vectors[0].type == type && loaded->vectors[0].metric == metric);
            mv_schema_free(loaded);
            mem_buffer_free(&bytes);
        }
    }
    mem_buffer bytes = saved(MV_VECTOR_FP32, MV_L1);
    bytes.data[bytes.size - 8] = MV_HAMMING + 1;
    EXPECT_ERROR(
        schema_format_load(bytes.data, bytes.size, &loaded, &error), MV_WRONG_VERSION,
        "the stored schema cannot be read: vector field 'v' has type 65 and metric 6, which "
        "a newer moonvec knows");
    bytes.data[bytes.size - 8] = MV_L1;
    bytes.data[bytes.size - 9] = MV_VECTOR_BINARY + 1;
    EXPECT(schema_format_load(bytes.data, bytes.size, &loaded, &error) == MV_WRONG_VERSION);
    bytes.data[0] = 2; /* format 2 has no types and metrics that are newer */
    EXPECT(schema_format_load(bytes.data, bytes.size, &loaded, &error) == MV_CORRUPT);
    bytes.data[bytes.size - 9] = MV_VECTOR_BINARY; /* which has no such metric */
    EXPECT(schema_format_load(bytes.data, bytes.size, &loaded, &error) == MV_CORRUPT);
    mem_buffer_free(&bytes);
}

#define HNSW_SIZE 25 /* bytes of m, ef_construction, quantize, seed, index_since */

/* Older readers are to read all that they know: the format grows with what is used. */
static void test_formats(void)
{
    static const struct {
        mv_type type;
        uint8_t format;
    } cases[] = {{MV_STRING, 2},    {MV_BOOL, 2},       {MV_INT32, 2}, {MV_INT64, 2},
                 {MV_UINT32, 2},    {MV_UINT64, 2},     {MV_FLOAT, 2}, {MV_DOUBLE, 2},
                 {MV_TIMESTAMP, 3}, {MV_SPARSE_FP32, 5}};
    for (size_t i = 0; i < 2 * sizeof cases / sizeof *cases; i++) {
        mv_type type = i % 2 ? array_of(cases[i / 2].type) : cases[i / 2].type;
        mv_error error;
        mem_buffer bytes = {0};
        uint32_t uid;
        if (!mv_type_name(type)) continue;
        mv_schema *schema = new_full_schema();
        EXPECT(add(schema, "one", type, true, NULL, &error) == MV_OK);
        EXPECT(schema_format_save(schema, &bytes, &error) == MV_OK);
        EXPECT(bytes.data[0] == cases[i / 2].format && !bytes.data[1]);
        bytes.size = 0;
        EXPECT(schema_drop_field(schema, "one", &uid, &error) == MV_OK);
        EXPECT(schema_format_save(schema, &bytes, &error) == MV_OK && bytes.data[0] == 2);
        mem_buffer_free(&bytes);
        mv_schema_free(schema);
    }
}

/* The bytes of a schema are a format: those of before index types were described. */
static void test_bytes(void)
{
    static const char wanted[] =
        "\x02\0\0\0\x05\0\0\0\x06golden\x02\0\0\0\x02\0\0\0" /* format, next uid, name, counts */
        "\x01\0\0\0\x03\x04\x01n"                            /* uid, type, flags, name */
        "\x02\0\0\0\x01\x01\x01t"
        "\x03\0\0\0\x41\x01\x02\x03\0\0\0\x01v" /* uid, type, metric, index, dim, name */
        "\x05\0\0\0\x02\x01\0\0\x03\x08\x07\x06\x05\x04\x03\x02\x01\x22\x11\0\0\0\0\0\0" /* hnsw */
        "\x04\0\0\0\x42\x02\x01\x04\0\0\0\x01w";
    mv_error error;
    mem_buffer bytes = {0};
    mv_schema *schema = new_schema("golden");
    const mv_field_options n = {.name = "n", .type = MV_INT32, .index.type = MV_INDEX_INVERT};
    EXPECT(!mv_schema_add_field(schema, &n, &error));
    EXPECT(!add(schema, "t", MV_STRING, true, NULL, &error));
    const mv_vector_options v = {.name = "v",
                                 .type = MV_VECTOR_FP32,
                                 .dim = 3,
                                 .metric = MV_L2,
                                 .index.type = MV_INDEX_HNSW,
                                 .index.as.hnsw = {5, 258, MV_QUANTIZE_INT8, 0x0102030405060708}};
    EXPECT(!mv_schema_add_vector(schema, &v, &error));
    EXPECT(!add_vector(schema, "w", MV_VECTOR_FP16, 4, MV_IP, &error));
    schema->vectors[0].index_since = 0x1122;
    EXPECT(schema_format_save(schema, &bytes, &error) == MV_OK && bytes.size == sizeof wanted - 1);
    EXPECT(memcmp(bytes.data, wanted, sizeof wanted - 1) == 0);
    mem_buffer_free(&bytes);
    mv_schema_free(schema);
}

/* A field of two vectors of 2 numbers as its default, with a graph. */
static mv_schema *new_multi_schema(void)
{
    static const float numbers[] = {1, 2, 3, 4};
    const mv_value pair = {.kind = MV_KIND_MULTI, .as.multi = {numbers, 4}};
    const mv_field_options field = {.name = "t",
                                    .type = MV_MULTI_FP32,
                                    .nullable = true,
                                    .default_value = &pair,
                                    .index.type = MV_INDEX_HNSW,
                                    .index.as.hnsw = {5, 258, MV_QUANTIZE_INT8, 7},
                                    .dim = 2};
    mv_schema *schema = new_schema("multi");
    EXPECT(!mv_schema_add_field(schema, &field, NULL));
    schema->fields[0].index_since = 0x1122;
    return schema;
}

/* Several vectors in a field have a dim, which only format 5 stores. */
static void test_multi_bytes(void)
{
    static const char wanted[] =
        "\x05\0\0\0\x02\0\0\0\x05multi\x01\0\0\0\0\0\0\0"
        "\x01\0\0\0\x0b\x0b\x01t\x02\0\0\0"                        /* uid, type, flags, name, dim */
        "\x10\0\0\0\0\0\x80\x3f\0\0\0\x40\0\0\x40\x40\0\0\x80\x40" /* the default value */
        "\x02\x05\0\0\0\x02\x01\0\0\x03\x07\0\0\0\0\0\0\0\x22\x11\0\0\0\0\0\0"; /* hnsw */
    const size_t dim_at = 4 + 4 + 6 + 8 + 8, size = sizeof wanted - 1;
    mv_error error;
    mem_buffer bytes = {0};
    mv_schema *schema = new_multi_schema(), *loaded;
    EXPECT(!schema_format_save(schema, &bytes, &error) && bytes.size == size);
    EXPECT(memcmp(bytes.data, wanted, size) == 0);
    EXPECT(!schema_format_load(bytes.data, bytes.size, &loaded, &error));
    EXPECT(!schema_compare(schema, loaded, &error));
    EXPECT(schema_compare_has_same_files(schema, loaded));
    EXPECT(loaded->fields[0].dim == 2 && loaded->fields[0].index_since == 0x1122);
    loaded->fields[0].dim = 4;
    EXPECT_ERROR(schema_compare(schema, loaded, &error), MV_SCHEMA_MISMATCH,
                 "field 't' has dim 4 in the collection, 2 in the given schema");
    EXPECT(!schema_compare_has_same_rows(schema, loaded));
    mv_schema_free(loaded);
    bytes.data[dim_at] = 0;
    EXPECT_ERROR(schema_format_load(bytes.data, size, &loaded, &error), MV_CORRUPT,
                 "the stored schema cannot be read: field 't' has dim 0, it must be 1 to 65535");
    bytes.data[dim_at] = 3;
    EXPECT_ERROR(schema_format_load(bytes.data, size, &loaded, &error), MV_CORRUPT,
                 "the stored schema cannot be read: default value: field 't' wants vectors of 3 "
                 "numbers");
    bytes.data[dim_at] = 2;
    bytes.data[dim_at + 8 + 3] = 0x7f; /* the first number is no longer one that vectors have */
    EXPECT(schema_format_load(bytes.data, size, &loaded, &error) == MV_CORRUPT);
    mv_schema_free(schema);
    mem_buffer_free(&bytes);
}

static void test_save_and_load(void)
{
    mv_error error;
    mem_buffer bytes = {0}, again = {0};
    mv_schema *schema = new_full_schema(), *loaded;
    schema->fields[1].uid = 100; /* as after schema changes */
    schema->next_uid = 101;
    EXPECT(schema_format_save(schema, &bytes, &error) == MV_OK);
    EXPECT(schema_format_load(bytes.data, bytes.size, &loaded, &error) == MV_OK);
    EXPECT(schema_compare(schema, loaded, &error) == MV_OK);
    EXPECT(loaded->next_uid == 101 && loaded->fields[1].uid == 100 && loaded->vectors[1].uid == 7);
    EXPECT(has_index(loaded, 0, MV_INDEX_FLAT, 0, 0, MV_QUANTIZE_AUTO, 0));
    EXPECT(has_index(loaded, 2, MV_INDEX_HNSW, 12, 300, MV_QUANTIZE_INT8, UINT64_MAX));
    EXPECT(schema_format_save(loaded, &again, &error) == MV_OK && again.size == bytes.size);
    EXPECT(memcmp(bytes.data, again.data, bytes.size) == 0);
    mv_schema_free(loaded);

    bytes.data[0] = 8;
    EXPECT_ERROR(schema_format_load(bytes.data, bytes.size, &loaded, &error), MV_WRONG_VERSION,
                 "the stored schema cannot be read: it has format 8, this moonvec reads up to 7");
    EXPECT(!loaded);
    bytes.data[0] = 1; /* format 1 has no indexes of scalar fields, and no index_since: the last
                         bytes are that of the last field */
    EXPECT(schema_format_load(bytes.data, bytes.size - 8, &loaded, &error) == MV_OK);
    EXPECT(schema_compare(schema, loaded, &error) == MV_OK);
    mv_schema_free(loaded);
    bytes.data[0] = 2;
    bytes.data[4] = 7; /* next uid: now below those in use */
    EXPECT(schema_format_load(bytes.data, bytes.size, &loaded, &error) == MV_CORRUPT);
    again.data[again.size - HNSW_SIZE - 1] = '!';
    EXPECT(schema_format_load(again.data, again.size, &loaded, &error) == MV_CORRUPT);
    EXPECT(
        strstr(error.text, "the stored schema cannot be read: field name 'grap!' may only have"));
    mv_schema_free(schema);
    mem_buffer_free(&bytes);
    mem_buffer_free(&again);
}

/* What a program may leave out, bytes must have. */
static void test_zeros_in_bytes(void)
{
    mv_error error;
    mem_buffer bytes = {0};
    mv_schema *schema = new_full_schema(), *loaded;
    EXPECT(schema_format_save(schema, &bytes, &error) == MV_OK);
    const struct {
        size_t at, size;
    } options[] = {{0, 4}, {4, 4}, {9, 8}}; /* m, ef_construction, seed */
    for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
        uint8_t *option = bytes.data + bytes.size - HNSW_SIZE + options[i].at, kept[8];
        memcpy(kept, option, options[i].size);
        memset(option, 0, options[i].size);
        EXPECT_ERROR(schema_format_load(bytes.data, bytes.size, &loaded, &error), MV_CORRUPT,
                     "the stored schema cannot be read: vector field 'graph' has an index with an "
                     "option that is 0");
        memcpy(option, kept, options[i].size);
    }
    uint8_t *index = bytes.data + bytes.size - HNSW_SIZE - strlen("graph") - 1 - 4 - 1;
    EXPECT(*index == MV_INDEX_HNSW);
    *index = MV_INDEX_NONE;
    EXPECT_ERROR(schema_format_load(bytes.data, bytes.size, &loaded, &error), MV_CORRUPT,
                 "the stored schema cannot be read: vector field 'graph' has the unknown index "
                 "type 0");
    mv_schema_free(schema);
    mem_buffer_free(&bytes);
}

static void test_damaged_bytes(void)
{
    mv_schema *texts = new_schema("texts");
    EXPECT(!fill_with_list(texts, NULL));
    damage_bytes(texts);
    damage_bytes(new_multi_schema());
    damage_bytes(new_full_schema());
}

/* ---------------------------------------------------------------- differences */

/* Compare a schema of one field and one vector with another, the collection's. */
static const char *difference(const mv_field_options *field, const mv_vector_options *vector)
{
    static mv_error error;
    mv_value year = integer(7);
    mv_schema *found = new_schema("found"), *wanted = new_schema("");
    EXPECT(!add(found, "year", MV_INT32, true, &year, NULL));
    EXPECT(!add_vector(found, "v", MV_VECTOR_FP32, 384, MV_COSINE, NULL));
    if (vector) EXPECT(!mv_schema_add_vector(wanted, vector, NULL)); /* the order must not matter */
    if (field) EXPECT(!mv_schema_add_field(wanted, field, NULL));
    mv_err err = schema_compare(wanted, found, &error);
    mv_schema_free(found);
    mv_schema_free(wanted);
    if (err == MV_SCHEMA_MISMATCH) return error.text;
    return err ? "another error" : "";
}

static void test_compare(void)
{
    mv_value seven = {.kind = MV_KIND_REAL, .as.real = 7}, eight = integer(8);
    const mv_field_options same = {"year", MV_INT32, true, &seven, {MV_INDEX_NONE, {{0}}}, 0};
    const mv_vector_options vector = {.name = "v",
                                      .type = MV_VECTOR_FP32,
                                      .dim = 384,
                                      .metric = MV_COSINE,
                                      .index.type = MV_INDEX_FLAT};
    mv_field_options f;
    mv_vector_options v;
    EXPECT(!strcmp(difference(&same, &vector), ""));
    f = same, f.type = MV_INT64;
    EXPECT(!strcmp(difference(&f, &vector),
                   "field 'year' is int32 in the collection, int64 in the given schema"));
    f = same, f.nullable = false;
    EXPECT(!strcmp(difference(&f, &vector),
                   "field 'year' is nullable in the collection, not nullable in the given schema"));
    f = same, f.default_value = NULL;
    EXPECT(!strcmp(difference(&f, &vector),
                   "field 'year' has a default value in the collection, none in the given schema"));
    f = same, f.default_value = &eight;
    EXPECT(!strcmp(
        difference(&f, &vector),
        "field 'year' has another default value in the collection than in the given schema"));
    f = same, f.name = "v";
    EXPECT(!strcmp(difference(&f, NULL),
                   "field 'v' is vector_fp32 in the collection, int32 in the given schema"));
    f = same, f.name = "jahr";
    EXPECT(!strcmp(difference(&f, &vector),
                   "field 'jahr' is in the given schema but not in the collection"));
    EXPECT(!strcmp(difference(NULL, &vector),
                   "field 'year' is in the collection but not in the given schema"));
    EXPECT(!strcmp(difference(&same, NULL),
                   "field 'v' is in the collection but not in the given schema"));
    v = vector, v.type = MV_VECTOR_INT8;
    EXPECT(!strcmp(difference(&same, &v),
                   "field 'v' is vector_fp32 in the collection, vector_int8 in the given schema"));
    v = vector, v.dim = 768;
    EXPECT(!strcmp(difference(&same, &v),
                   "field 'v' has dim 384 in the collection, 768 in the given schema"));
    v = vector, v.metric = MV_IP;
    EXPECT(!strcmp(difference(&same, &v),
                   "field 'v' has metric cosine in the collection, ip in the given schema"));
    v = vector, v.index.type = MV_INDEX_NONE;
    EXPECT(!strcmp(difference(&same, &v),
                   "field 'v' has index flat in the collection, hnsw in the given schema"));
    v = vector, v.name = "year";
    EXPECT(!strcmp(difference(NULL, &v),
                   "field 'year' is int32 in the collection, vector_fp32 in the given schema"));

    mv_error error;
    mv_schema *a = new_schema("a"), *b = new_schema("b");
    EXPECT_ERROR(schema_compare(a, b, &error), MV_SCHEMA_MISMATCH,
                 "the collection is named 'b', the given schema 'a'");
    mv_schema_free(a);
    mv_schema_free(b);
}

/* Compare a field with these options, the given schema's, with one with those of a collection. */
static const char *index_difference(mv_hnsw_options given, mv_hnsw_options there)
{
    static mv_error error;
    mv_schema *found = new_schema("s"), *wanted = new_schema("s");
    EXPECT(!add_index(found, "v", MV_INDEX_HNSW, there, NULL));
    EXPECT(!add_index(wanted, "v", MV_INDEX_NONE, given, NULL));
    mv_err err = schema_compare(wanted, found, &error);
    mv_schema_free(found);
    mv_schema_free(wanted);
    if (err == MV_SCHEMA_MISMATCH) return error.text;
    return err ? "another error" : "";
}

static void test_compare_indexes(void)
{
    const mv_hnsw_options none = {0}, defaults = {16, 200, MV_QUANTIZE_AUTO, 1};
    EXPECT(!strcmp(index_difference(none, none), ""));
    EXPECT(!strcmp(index_difference(none, defaults), ""));
    EXPECT(!strcmp(index_difference(defaults, none), ""));
    EXPECT(!strcmp(index_difference((mv_hnsw_options){.m = 32}, none),
                   "field 'v' has an index with m 16 in the collection, 32 in the given schema"));
    EXPECT(!strcmp(index_difference(none, (mv_hnsw_options){.m = 32}),
                   "field 'v' has an index with m 32 in the collection, 16 in the given schema"));
    EXPECT(!strcmp(index_difference((mv_hnsw_options){.ef_construction = 100}, none),
                   "field 'v' has an index with ef_construction 200 in the collection, 100 in the "
                   "given schema"));
    EXPECT(!strcmp(index_difference((mv_hnsw_options){.quantize = MV_QUANTIZE_INT8},
                                    (mv_hnsw_options){.quantize = MV_QUANTIZE_NONE}),
                   "field 'v' has an index with quantize none in the collection, int8 in the "
                   "given schema"));
    EXPECT(!strcmp(index_difference((mv_hnsw_options){.quantize = MV_QUANTIZE_FP16}, none),
                   "field 'v' has an index with quantize auto in the collection, fp16 in the "
                   "given schema"));
    EXPECT(!strcmp(index_difference(none, (mv_hnsw_options){.seed = UINT64_MAX}),
                   "field 'v' has an index with seed 18446744073709551615 in the collection, 1 in "
                   "the given schema"));
}

/* ---------------------------------------------------------------- odds and ends */

static void test_unknown_field(void)
{
    mv_error error;
    mv_schema *schema = new_full_schema();
    EXPECT_ERROR(schema_unknown_field(schema, "yeer", 4, false, &error), MV_MISUSE,
                 "unknown field 'yeer' (did you mean 'year'?)");
    EXPECT_ERROR(schema_unknown_field(schema, "author", 6, false, &error), MV_MISUSE,
                 "unknown field 'author'");
    EXPECT_ERROR(schema_unknown_field(schema, "Embeding", 8, true, &error), MV_MISUSE,
                 "unknown field 'Embeding' (did you mean 'embedding'?)");
    EXPECT_ERROR(schema_unknown_field(schema, "embedding", 9, false, &error), MV_MISUSE,
                 "field 'embedding' is a vector field, not a scalar field");
    EXPECT_ERROR(schema_unknown_field(schema, "year", 4, true, &error), MV_MISUSE,
                 "field 'year' is a scalar field, not a vector field");
    EXPECT_ERROR(schema_unknown_field(schema, "\0\xff", 2, true, &error), MV_MISUSE,
                 "unknown field '\\x00\\xff'");
    EXPECT(strcmp(type_name(array_of(MV_UINT32)), "array_uint32") == 0);
    EXPECT(strcmp(type_name((mv_type)0), "unknown") == 0);
    mv_schema_free(schema);
}

static void test_out_of_memory(void)
{
    fail_memory(fill);
    fail_memory(fill_with_list);
}

int main(void)
{
    RUN(test_asking());
    RUN(test_names());
    RUN(test_options());
    RUN(test_indexes());
    RUN(test_limits());
    RUN(test_field_index());
    RUN(test_metric_names());
    RUN(test_metrics_and_types());
    RUN(test_format_needed());
    RUN(test_formats());
    RUN(test_bytes());
    RUN(test_multi_bytes());
    RUN(test_save_and_load());
    RUN(test_zeros_in_bytes());
    RUN(test_damaged_bytes());
    RUN(test_compare());
    RUN(test_compare_indexes());
    RUN(test_unknown_field());
    RUN(test_out_of_memory());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
