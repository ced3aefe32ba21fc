/* Cells and rows: values in and out of every type, encoded rows and damaged ones. */
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "storage/row.h"
#include "test/expect.h"

/* Did the call fail with this code and text? */
static void expect_error(mv_err got, mv_err code, const mv_error *error, const char *text, int line)
{
    bool ok = got == code && error->code == code && strcmp(error->text, text) == 0;
    if (!ok) printf("%s: %s\n", mv_err_name(got), got ? error->text : "");
    expect(ok, text, __FILE__, line);
}
#define EXPECT_ERROR(call, code, text) expect_error((call), (code), &error, (text), __LINE__)

static mv_type array_of(mv_type type)
{
    return (mv_type)(MV_ARRAY | type);
}

static mv_value integer(int64_t i)
{
    return (mv_value){.kind = MV_KIND_INT, .as.i = i};
}

static mv_value big(uint64_t u)
{
    return (mv_value){.kind = MV_KIND_UINT, .as.u = u};
}

static mv_value real(double number)
{
    return (mv_value){.kind = MV_KIND_REAL, .as.real = number};
}

static mv_value boolean(bool b)
{
    return (mv_value){.kind = MV_KIND_BOOL, .as.boolean = b};
}

static mv_value string(const char *text)
{
    return (mv_value){.kind = MV_KIND_STRING, .as.string = {text, strlen(text)}};
}

static mv_value list(const mv_value *items, size_t count)
{
    return (mv_value){.kind = MV_KIND_LIST, .as.list = {items, count}};
}

static bool equal(const mv_value *a, const mv_value *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case MV_KIND_NULL: return true;
    case MV_KIND_BOOL: return a->as.boolean == b->as.boolean;
    case MV_KIND_INT: return a->as.i == b->as.i;
    case MV_KIND_UINT: return a->as.u == b->as.u;
    case MV_KIND_REAL: return memcmp(&a->as.real, &b->as.real, sizeof a->as.real) == 0;
    case MV_KIND_STRING:
        return a->as.string.size == b->as.string.size &&
               memcmp(a->as.string.data, b->as.string.data, a->as.string.size) == 0;
    case MV_KIND_LIST:
        if (a->as.list.count != b->as.list.count) return false;
        for (size_t i = 0; i < a->as.list.count; i++)
            if (!equal(&a->as.list.items[i], &b->as.list.items[i])) return false;
        return true;
    case MV_KIND_SPARSE:
        return a->as.sparse.count == b->as.sparse.count &&
               memcmp(a->as.sparse.indices, b->as.sparse.indices, 4 * a->as.sparse.count) == 0 &&
               memcmp(a->as.sparse.numbers, b->as.sparse.numbers, 4 * a->as.sparse.count) == 0;
    case MV_KIND_MULTI:
        return a->as.multi.count == b->as.multi.count &&
               memcmp(a->as.multi.numbers, b->as.multi.numbers, 4 * a->as.multi.count) == 0;
    case MV_KIND_MATCH: return false; /* no document has it */
    }
    return false;
}

/* ---------------------------------------------------------------- cells */

/* Is `in` given to a field of `type` and asked back as `out`, alone and in a list? */
static bool comes_back(mv_type type, mv_value in, mv_value out)
{
    mem_buffer bytes = {0};
    mem_arena arena = {0};
    mv_value got;
    bool ok = !cell_from_value(type, &in, "f", &bytes, NULL) &&
              !cell_check(type, bytes.data, bytes.size, NULL) &&
              !cell_to_value(type, bytes.data, bytes.size, &arena, &got, NULL) && equal(&got, &out);
    if (!(type & MV_ARRAY)) {
        mv_value ins[] = {in, in, in}, outs[] = {out, out, out};
        ok = ok && comes_back(array_of(type), list(ins, 3), list(outs, 3));
    }
    mem_buffer_free(&bytes);
    mem_arena_free(&arena);
    return ok;
}

static void test_whole_numbers(void)
{
    EXPECT(comes_back(MV_INT32, integer(INT32_MIN), integer(INT32_MIN)));
    EXPECT(comes_back(MV_INT32, integer(INT32_MAX), integer(INT32_MAX)));
    EXPECT(comes_back(MV_INT32, real(-1965.0), integer(-1965)));
    EXPECT(comes_back(MV_INT32, real(-0.0), integer(0)));
    EXPECT(comes_back(MV_UINT32, integer(UINT32_MAX), integer(UINT32_MAX)));
    EXPECT(comes_back(MV_UINT32, big(7), integer(7)));
    EXPECT(comes_back(MV_INT64, integer(INT64_MIN), integer(INT64_MIN)));
    EXPECT(comes_back(MV_INT64, big(INT64_MAX), integer(INT64_MAX)));
    EXPECT(comes_back(MV_INT64, real(-0x1p53 + 1), integer(-9007199254740991)));
    EXPECT(comes_back(MV_INT64, string("-9223372036854775808"), integer(INT64_MIN)));
    EXPECT(comes_back(MV_INT64, string("-0"), integer(0)));
    EXPECT(comes_back(MV_UINT64, big(UINT64_MAX), big(UINT64_MAX)));
    EXPECT(comes_back(MV_UINT64, string("18446744073709551615"), big(UINT64_MAX)));
    EXPECT(comes_back(MV_UINT64, real(0x1p53 - 1), integer(9007199254740991)));
    EXPECT(comes_back(MV_UINT64, integer(INT64_MAX), integer(INT64_MAX)));
}

static void test_timestamps(void)
{
    EXPECT(comes_back(MV_TIMESTAMP, integer(INT64_MIN), integer(INT64_MIN)));
    EXPECT(comes_back(MV_TIMESTAMP, integer(INT64_MAX), integer(INT64_MAX)));
    EXPECT(comes_back(MV_TIMESTAMP, real(-1e15), integer(-1000000000000000)));
    EXPECT(comes_back(MV_TIMESTAMP, string("1969-12-31"), integer(-86400000000)));
    EXPECT(
        comes_back(MV_TIMESTAMP, string("2026-11-01t12:30:00.5+02:00"), integer(1793529000500000)));
    EXPECT(comes_back(MV_TIMESTAMP, string("-9223372036854775808"), integer(INT64_MIN)));
    EXPECT(comes_back(MV_TIMESTAMP, string("100000000000000"), integer(100000000000000)));
}

static void test_other_values(void)
{
    EXPECT(comes_back(MV_BOOL, boolean(true), boolean(true)));
    EXPECT(comes_back(MV_BOOL, boolean(false), boolean(false)));
    EXPECT(comes_back(MV_FLOAT, real(0.1), real((double)0.1f)));
    EXPECT(comes_back(MV_FLOAT, real((double)-FLT_MAX), real((double)-FLT_MAX)));
    EXPECT(comes_back(MV_FLOAT, real((double)INFINITY), real((double)INFINITY)));
    EXPECT(comes_back(MV_FLOAT, integer(16777217), real(16777216)));
    EXPECT(comes_back(MV_FLOAT, big(UINT64_MAX), real(0x1p64)));
    EXPECT(comes_back(MV_DOUBLE, real(DBL_MAX), real(DBL_MAX)));
    EXPECT(comes_back(MV_DOUBLE, real(-0.0), real(-0.0)));
    EXPECT(comes_back(MV_DOUBLE, integer(-9007199254740992), real(-0x1p53)));
    EXPECT(comes_back(MV_DOUBLE, integer(INT64_MIN), real(-0x1p63)));
    EXPECT(comes_back(MV_DOUBLE, integer(0), real(0)));
    EXPECT(comes_back(MV_STRING, string(""), string("")));
    mv_value bytes = {.kind = MV_KIND_STRING, .as.string = {"a\0\xff", 3}};
    EXPECT(comes_back(MV_STRING, bytes, bytes));
    mv_value mixed[] = {string(""), bytes, string("x"), string("")};
    EXPECT(comes_back(array_of(MV_STRING), list(mixed, 4), list(mixed, 4)));
    EXPECT(comes_back(array_of(MV_STRING), list(NULL, 0), list(NULL, 0)));
    EXPECT(comes_back(array_of(MV_BOOL), list(NULL, 0), list(NULL, 0)));
    EXPECT(cell_width(MV_STRING) == 0 && cell_width(MV_BOOL) == 1 && cell_width(MV_DOUBLE) == 8);
}

static mv_value sparse(const uint32_t *indices, const float *numbers, size_t count)
{
    return (mv_value){.kind = MV_KIND_SPARSE, .as.sparse = {indices, numbers, count}};
}

static void test_sparse_vectors(void)
{
    static const uint32_t given[] = {UINT32_MAX, 7, 0, 30}, kept[] = {0, 30, UINT32_MAX};
    static const float numbers[] = {-1.5f, 0, 1e15f, 1e-40f},
                       kept_numbers[] = {1e15f, 1e-40f, -1.5f};
    mem_buffer bytes = {0};
    mem_arena arena = {0};
    mv_value in = sparse(given, numbers, 4), out = sparse(kept, kept_numbers, 3), got;
    EXPECT(!cell_from_value(MV_SPARSE_FP32, &in, "f", &bytes, NULL) && bytes.size == 24);
    EXPECT(!cell_to_value(MV_SPARSE_FP32, bytes.data, bytes.size, &arena, &got, NULL));
    EXPECT(equal(&got, &out));
    EXPECT(!cell_check(MV_SPARSE_FP32, bytes.data, bytes.size, NULL));
    for (size_t at = 0; at < bytes.size; at++) /* a flip makes another vector, or none */
        for (int bit = 0; bit < 8; bit++) {
            bytes.data[at] ^= (uint8_t)(1 << bit);
            mv_err err = cell_check(MV_SPARSE_FP32, bytes.data, bytes.size, NULL);
            EXPECT(cell_to_value(MV_SPARSE_FP32, bytes.data, bytes.size, &arena, &got, NULL) ==
                   err);
            bytes.data[at] ^= (uint8_t)(1 << bit);
        }
    EXPECT(cell_check(MV_SPARSE_FP32, bytes.data, 23, NULL) == MV_CORRUPT);
    EXPECT(!cell_check(MV_SPARSE_FP32, bytes.data, 0, NULL));
    in = sparse(NULL, NULL, 0);
    EXPECT(!cell_to_value(MV_SPARSE_FP32, NULL, 0, &arena, &got, NULL) && equal(&got, &in));
    mem_buffer_free(&bytes);
    mem_arena_free(&arena);
}

static void expect_refused(mv_type type, mv_value value, const char *text, int line)
{
    mv_error error;
    mem_buffer bytes = {0};
    EXPECT(mem_buffer_append(&bytes, "kept", 4));
    expect_error(cell_from_value(type, &value, "f", &bytes, &error), MV_MISUSE, &error, text, line);
    EXPECT(bytes.size == 4 && memcmp(bytes.data, "kept", 4) == 0);
    mem_buffer_free(&bytes);
}
#define EXPECT_REFUSED(type, value, text) expect_refused((type), (value), (text), __LINE__)

static void test_refused_sparse_vectors(void)
{
    static const uint32_t twice[] = {3, 9, 3};
    static const float ones[] = {1, 1, 1}, wrong[] = {1, NAN, -2e15f};
    EXPECT_REFUSED(MV_SPARSE_FP32, sparse(twice, ones, 3),
                   "field 'f': the sparse vector has index 3 twice");
    EXPECT_REFUSED(MV_SPARSE_FP32, sparse(twice, wrong, 2),
                   "field 'f': the number at index 9 of the sparse vector is nan, it must be from "
                   "-1e15 to 1e15");
    EXPECT_REFUSED(MV_SPARSE_FP32, sparse(twice + 1, wrong + 1, 2),
                   "field 'f': the number at index 9 of the sparse vector is nan, it must be from "
                   "-1e15 to 1e15");
    EXPECT_REFUSED(MV_SPARSE_FP32, sparse(twice, ones, 65537),
                   "field 'f': the sparse vector has 65537 entries, it may have 65536");
    EXPECT_REFUSED(MV_SPARSE_FP32, real(1), "field 'f' wants a sparse vector, got a number");
    EXPECT_REFUSED(MV_INT32, sparse(twice, ones, 1),
                   "field 'f' wants a number, got a sparse vector");
}

static void test_refused_numbers(void)
{
    EXPECT_REFUSED(
        MV_INT64, real(-0x1p53),
        "field 'f' is int64: -9007199254740992 may have been rounded: give a decimal string");
    EXPECT_REFUSED(
        MV_UINT64, real(0x1p63),
        "field 'f' is uint64: 9.2233720368547758e+18 may have been rounded: give a decimal string");
    EXPECT_REFUSED(MV_INT32, integer(3000000000),
                   "field 'f' is int32: 3000000000 is out of range (-2147483648 to 2147483647)");
    EXPECT_REFUSED(MV_INT32, integer(INT32_MIN - (int64_t)1),
                   "field 'f' is int32: -2147483649 is out of range (-2147483648 to 2147483647)");
    EXPECT_REFUSED(MV_UINT32, integer(-1),
                   "field 'f' is uint32: -1 is out of range (0 to 4294967295)");
    EXPECT_REFUSED(MV_UINT64, integer(-1),
                   "field 'f' is uint64: -1 is out of range (0 to 18446744073709551615)");
    EXPECT_REFUSED(
        MV_INT64, big((uint64_t)1 << 63),
        "field 'f' is int64: 9223372036854775808 is out of range (-9223372036854775808 to "
        "9223372036854775807)");
    EXPECT_REFUSED(
        MV_UINT64, string("18446744073709551616"),
        "field 'f' is uint64: '18446744073709551616' is out of range (0 to 18446744073709551615)");
    EXPECT_REFUSED(
        MV_UINT64, real(0x1p64),
        "field 'f' is uint64: 1.8446744073709552e+19 is out of range (0 to 18446744073709551615)");
    EXPECT_REFUSED(MV_UINT32, real((double)INFINITY),
                   "field 'f' is uint32: inf is out of range (0 to 4294967295)");
    EXPECT_REFUSED(MV_INT32, real(1.5), "field 'f' is int32: 1.5 is not a whole number");
    EXPECT_REFUSED(MV_INT32, real((double)NAN), "field 'f' is int32: nan is not a whole number");
    EXPECT_REFUSED(MV_INT64, string("12x"), "field 'f' is int64: '12x' is no decimal number");
    EXPECT_REFUSED(MV_INT64, string(""), "field 'f' is int64: '' is no decimal number");
    EXPECT_REFUSED(MV_INT64, string("-"), "field 'f' is int64: '-' is no decimal number");
    EXPECT_REFUSED(MV_TIMESTAMP, real(0.5), "field 'f' is timestamp: 0.5 is not a whole number");
    EXPECT_REFUSED(
        MV_TIMESTAMP, real(0x1p53),
        "field 'f' is timestamp: 9007199254740992 may have been rounded: give a decimal string");
    EXPECT_REFUSED(MV_TIMESTAMP, big((uint64_t)1 << 63),
                   "field 'f' is timestamp: 9223372036854775808 is out of range "
                   "(-9223372036854775808 to 9223372036854775807)");
    EXPECT_REFUSED(MV_TIMESTAMP, string("-9223372036854775809"),
                   "field 'f' is timestamp: '-9223372036854775809' is out of range "
                   "(-9223372036854775808 to 9223372036854775807)");
    EXPECT_REFUSED(MV_TIMESTAMP, string("20261101123000"),
                   "field 'f' is timestamp: '20261101123000' is no RFC 3339 date or time (as text, "
                   "microseconds have at least 15 digits)");
    EXPECT_REFUSED(MV_TIMESTAMP, string("2026-13-01"),
                   "field 'f' is timestamp: '2026-13-01' is no RFC 3339 date or time: at byte 6, "
                   "expected the month, 01 to 12");
    EXPECT_REFUSED(MV_INT64, string("2026-11-01"),
                   "field 'f' is int64: '2026-11-01' is no decimal number");
    EXPECT_REFUSED(MV_FLOAT, real((double)NAN), "field 'f' is float: nan is not a number");
    EXPECT_REFUSED(MV_FLOAT, real(3.5e38),
                   "field 'f' is float: 3.5e+38 is out of range (-3.4028235e+38 to "
                   "3.4028235e+38)");
    EXPECT_REFUSED(MV_DOUBLE, real((double)NAN), "field 'f' is double: nan is not a number");
    EXPECT_REFUSED(MV_DOUBLE, integer(9007199254740993),
                   "field 'f' is double: 9007199254740993 cannot be held exactly");
}

static void test_refused_kinds(void)
{
    mv_value items[] = {integer(1), integer(2), string("3"), (mv_value){.kind = MV_KIND_NULL}};
    EXPECT_REFUSED(MV_STRING, integer(1), "field 'f' wants a string, got a number");
    EXPECT_REFUSED(MV_STRING, list(items, 2), "field 'f' wants a string, got a list");
    EXPECT_REFUSED(MV_BOOL, integer(1), "field 'f' wants a boolean, got a number");
    EXPECT_REFUSED(MV_INT32, string("1"), "field 'f' wants a number, got a string");
    EXPECT_REFUSED(MV_INT32, boolean(true), "field 'f' wants a number, got a boolean");
    EXPECT_REFUSED(MV_DOUBLE, string("1"), "field 'f' wants a number, got a string");
    EXPECT_REFUSED(MV_INT64, items[3], "field 'f' wants a number, got null");
    EXPECT_REFUSED(MV_TIMESTAMP, boolean(true),
                   "field 'f' wants a number or an RFC 3339 text, got a boolean");
    EXPECT_REFUSED(array_of(MV_INT32), integer(1), "field 'f' wants a list, got a number");
    EXPECT_REFUSED(array_of(MV_INT32), list(items, 3),
                   "element 3 of field 'f' wants a number, got a string");
    EXPECT_REFUSED(array_of(MV_INT64), list(items, 4),
                   "element 4 of field 'f' wants a number, got null");
    EXPECT_REFUSED(array_of(MV_STRING), list(items + 2, 2),
                   "element 2 of field 'f' wants a string, got null");
    mv_value lists[] = {list(items, 1)};
    EXPECT_REFUSED(array_of(MV_STRING), list(lists, 1),
                   "element 1 of field 'f' wants a string, got a list");
    items[1] = real(0.5);
    EXPECT_REFUSED(array_of(MV_UINT32), list(items, 2),
                   "element 2 of field 'f' is uint32: 0.5 is not a whole number");

    mv_error error;
    mem_buffer bytes = {0};
    mv_value huge = {.kind = MV_KIND_STRING, .as.string = {"", MV_ROW_SIZE_MAX + (size_t)1}};
    mv_value overflowing[] = {huge, {.kind = MV_KIND_STRING, .as.string = {"", SIZE_MAX}}};
    EXPECT_ERROR(cell_from_value(MV_STRING, &huge, "f", &bytes, &error), MV_LIMIT,
                 "field 'f' has 67108865 bytes, a document holds at most 67108864");
    huge = list(overflowing, 2);
    EXPECT(cell_from_value(array_of(MV_STRING), &huge, "f", &bytes, &error) == MV_LIMIT);
    huge = list(overflowing, SIZE_MAX / 2);
    EXPECT(cell_from_value(array_of(MV_INT64), &huge, "f", &bytes, &error) == MV_LIMIT);
    mem_buffer_free(&bytes);
}

/* Any bytes for any type: cell_check and cell_to_value agree, and nothing reads beyond them. */
static void test_damaged_cells(void)
{
    static const mv_type types[] = {MV_STRING, MV_BOOL,   MV_INT32, MV_INT64,
                                    MV_UINT32, MV_UINT64, MV_FLOAT, MV_DOUBLE};
    mv_value items[] = {string("a"), string(""), string("scifi")}, in = list(items, 3), out;
    mem_buffer whole = {0};
    mem_arena arena = {0};
    size_t disagreements = 0;
    EXPECT(!cell_from_value(array_of(MV_STRING), &in, "f", &whole, NULL));
    EXPECT(cell_array_count(array_of(MV_STRING), whole.data, whole.size) == 3);
    for (size_t i = 0; i < whole.size * 256; i++) {
        size_t size = whole.size - i / 256 * (i % 2); /* whole ones and cut ones */
        uint8_t *bytes = mem_alloc(size);
        memcpy(bytes, whole.data, size);
        if (i / 256 < size) bytes[i / 256] = (uint8_t)(i % 256);
        for (size_t t = 0; t < 16; t++) {
            mv_type type = t < 8 ? types[t] : array_of(types[t - 8]);
            mv_err checked = cell_check(type, bytes, size, NULL);
            disagreements += checked != cell_to_value(type, bytes, size, &arena, &out, NULL);
            disagreements += checked != MV_OK && checked != MV_CORRUPT;
        }
        mem_arena_clear(&arena);
        mem_free(bytes, size);
    }
    EXPECT(disagreements == 0);
    mem_arena_free(&arena);
    mem_buffer_free(&whole);
}

/* ---------------------------------------------------------------- rows */

enum { TITLE, YEAR, OK, TAGS, PRICE, RATINGS, FIELDS };
enum { EMBEDDING, CODES, VECTORS };

static const float embedding[3] = {1, 2, 3};
static const int8_t codes[17] = {-128, 127, 1};

static mv_err add(mv_schema *schema, const char *name, mv_type type, bool nullable,
                  const mv_value *default_value, mv_error *error)
{
    mv_field_options options = {name, type, nullable, default_value, {MV_INDEX_NONE, {{0}}}, 0};
    return mv_schema_add_field(schema, &options, error);
}

static mv_err make_schema(mv_schema **out, mv_error *error)
{
    mv_value year = integer(2000), none = list(NULL, 0);
    mv_vector_options vectors[] = {
        {.name = "embedding",
         .type = MV_VECTOR_FP32,
         .dim = 3,
         .metric = MV_COSINE,
         .index.type = MV_INDEX_FLAT},
        {.name = "codes",
         .type = MV_VECTOR_INT8,
         .dim = 17,
         .metric = MV_L2,
         .index.type = MV_INDEX_FLAT},
    };
    MV_TRY(mv_schema_create("rows", out, error));
    MV_TRY(add(*out, "title", MV_STRING, false, NULL, error));
    MV_TRY(add(*out, "year", MV_INT32, false, &year, error));
    MV_TRY(add(*out, "ok", MV_BOOL, true, NULL, error));
    MV_TRY(add(*out, "tags", array_of(MV_STRING), true, &none, error));
    MV_TRY(add(*out, "price", MV_DOUBLE, true, NULL, error));
    MV_TRY(add(*out, "ratings", array_of(MV_UINT32), true, NULL, error));
    MV_TRY(mv_schema_add_vector(*out, &vectors[EMBEDDING], error));
    return mv_schema_add_vector(*out, &vectors[CODES], error);
}

static mv_err set(const mv_schema *schema, row_parts *r, uint32_t field, mv_value value,
                  mem_arena *arena, mv_error *error)
{
    mem_buffer bytes = {0};
    mv_err err = cell_from_value(schema->fields[field].type, &value, schema->fields[field].name,
                                 &bytes, error);
    const uint8_t *kept = err ? NULL : mem_arena_copy(arena, bytes.data, bytes.size);
    if (!err && !kept) err = error_memory(error, bytes.size, "a test");
    r->cells[field] = (cell){kept, (uint32_t)bytes.size, CELL_VALUE};
    mem_buffer_free(&bytes);
    return err;
}

/* A document with something of everything; TAGS is left to its default, PRICE and RATINGS to NULL
 * or not. */
static mv_err make_row(const mv_schema *schema, const char *id, bool with_nulls, mem_arena *arena,
                       row_parts *r, mv_error *error)
{
    mv_value ratings[] = {integer(5), integer(UINT32_MAX)};
    MV_TRY(row_create(schema, arena, r, error));
    r->id = (const uint8_t *)id;
    r->id_size = (uint32_t)strlen(id);
    MV_TRY(set(schema, r, TITLE, string("Dune"), arena, error));
    MV_TRY(set(schema, r, OK, boolean(true), arena, error));
    if (!with_nulls) {
        MV_TRY(set(schema, r, PRICE, real(9.99), arena, error));
        MV_TRY(set(schema, r, RATINGS, list(ratings, 2), arena, error));
    }
    r->vectors[EMBEDDING] = (const uint8_t *)embedding;
    r->inverse_norms[EMBEDDING] = 0.26726124f;
    r->vectors[CODES] = (const uint8_t *)codes;
    return row_complete(schema, r, arena, error);
}

/* Encode into a block of exactly the right size, which the caller frees. */
static mv_err encode(const mv_schema *schema, const row_parts *r, uint8_t **bytes, size_t *size,
                     mv_error *error)
{
    MV_TRY(row_encoded_size(schema, r, size, error));
    *bytes = mem_alloc(*size);
    if (!*bytes) return error_memory(error, *size, "a test");
    memset(*bytes, 0xa5, *size);
    row_encode(schema, r, *bytes);
    return MV_OK;
}

static bool value_is(const mv_schema *schema, const row_parts *r, uint32_t field, mv_value expected)
{
    mem_arena arena = {0};
    mv_value got;
    const cell *c = &r->cells[field];
    bool ok = c->state == CELL_VALUE &&
              !cell_to_value(schema->fields[field].type, c->bytes, c->size, &arena, &got, NULL) &&
              equal(&got, &expected);
    mem_arena_free(&arena);
    return ok;
}

static void test_round_trip(bool with_nulls)
{
    mem_arena arena = {0};
    mv_schema *schema;
    row_parts r, back;
    uint8_t *bytes;
    size_t size;
    mv_value ratings[] = {integer(5), integer(UINT32_MAX)};
    EXPECT(!make_schema(&schema, NULL) && !make_row(schema, "dune", with_nulls, &arena, &r, NULL));
    EXPECT(!encode(schema, &r, &bytes, &size, NULL) && size % 16 == 0);
    EXPECT(!row_check(schema, bytes, size, NULL));
    EXPECT(!row_create(schema, &arena, &back, NULL));
    row_decode(schema, bytes, &back);
    EXPECT(back.id_size == 4 && memcmp(back.id, "dune", 4) == 0);
    EXPECT(value_is(schema, &back, TITLE, string("Dune")) &&
           value_is(schema, &back, YEAR, integer(2000)));
    EXPECT(value_is(schema, &back, OK, boolean(true)) &&
           value_is(schema, &back, TAGS, list(NULL, 0)));
    if (with_nulls) {
        EXPECT(back.cells[PRICE].state == CELL_NULL && back.cells[RATINGS].state == CELL_NULL);
    } else {
        EXPECT(value_is(schema, &back, PRICE, real(9.99)) &&
               value_is(schema, &back, RATINGS, list(ratings, 2)));
    }
    EXPECT(memcmp(back.vectors[EMBEDDING], embedding, sizeof embedding) == 0);
    EXPECT(memcmp(back.vectors[CODES], codes, sizeof codes) == 0);
    EXPECT((back.vectors[EMBEDDING] - bytes) % 16 == 0 && (back.vectors[CODES] - bytes) % 16 == 0);
    EXPECT(back.inverse_norms[EMBEDDING] == 0.26726124f && back.inverse_norms[CODES] == 0);
    mem_free(bytes, size);
    mem_arena_free(&arena);
    mv_schema_free(schema);
}

static void test_incomplete(void)
{
    mv_error error;
    mem_arena arena = {0};
    mv_schema *schema;
    row_parts r;
    char id[MV_ID_SIZE_MAX];
    memset(id, '\n', sizeof id);
    EXPECT(!make_schema(&schema, NULL) && !make_row(schema, "a\x7f", true, &arena, &r, NULL));
    r.cells[TITLE].state = CELL_UNSET;
    EXPECT_ERROR(row_complete(schema, &r, &arena, &error), MV_MISUSE,
                 "document 'a\\x7f': field 'title' is missing");
    EXPECT(!set(schema, &r, TITLE, string(""), &arena, NULL));
    r.vectors[CODES] = NULL;
    r.id = (const uint8_t *)id;
    r.id_size = sizeof id;
    EXPECT(row_complete(schema, &r, &arena, &error) == MV_MISUSE);
    EXPECT(strstr(error.text, "\\x0a...': vector field 'codes' is missing"));
    mem_arena_free(&arena);
    mv_schema_free(schema);
}

static void test_size_limit(void)
{
    mv_error error;
    mem_arena arena = {0};
    mv_schema *schema;
    row_parts r;
    size_t size;
    EXPECT(!make_schema(&schema, NULL) && !make_row(schema, "dune", true, &arena, &r, NULL));
    EXPECT(!row_encoded_size(schema, &r, &size, NULL));
    r.cells[TITLE].size += MV_ROW_SIZE_MAX - (uint32_t)size; /* only counted, never read */
    EXPECT(!row_encoded_size(schema, &r, &size, NULL) && size == MV_ROW_SIZE_MAX);
    r.cells[TITLE].size += 16;
    EXPECT_ERROR(row_encoded_size(schema, &r, &size, &error), MV_LIMIT,
                 "document 'dune' has 67108880 bytes, at most 67108864 are allowed");
    mem_arena_free(&arena);
    mv_schema_free(schema);
}

/* The widest schema there may be: bitmaps of many words, and nothing but empty values. */
static void test_widest(void)
{
    mem_arena arena = {0};
    mv_schema *schema;
    row_parts r;
    uint8_t *bytes;
    size_t size;
    char name[16];
    mv_value nothing = string("");
    EXPECT(!mv_schema_create("", &schema, NULL));
    for (unsigned i = 0; i < MV_FIELDS_MAX; i++) {
        (void)snprintf(name, sizeof name, "f%u", i);
        if (add(schema, name, MV_STRING, true, i % 3 ? NULL : &nothing, NULL)) break;
    }
    EXPECT(!row_create(schema, &arena, &r, NULL) && !row_complete(schema, &r, &arena, NULL));
    r.id = (const uint8_t *)"x";
    r.id_size = 1;
    EXPECT(!encode(schema, &r, &bytes, &size, NULL) && !row_check(schema, bytes, size, NULL));
    size_t wrong = 0;
    for (uint32_t i = 0; i < MV_FIELDS_MAX; i++) {
        cell c;
        row_cell(schema, bytes, i, &c);
        wrong += c.state != (i % 3 ? CELL_NULL : CELL_VALUE) || c.size != 0;
    }
    EXPECT(wrong == 0);
    mem_free(bytes, size);
    mem_arena_free(&arena);
    mv_schema_free(schema);
}

/* Look at every byte of a row that row_check let through. */
static uint32_t read_all(const mv_schema *schema, const uint8_t *bytes, mem_arena *arena)
{
    row_parts r;
    mv_value value;
    uint32_t sum = 0;
    if (row_create(schema, arena, &r, NULL)) return 0;
    row_decode(schema, bytes, &r);
    for (uint32_t i = 0; i < r.id_size; i++) sum += r.id[i];
    for (uint32_t f = 0; f < FIELDS; f++) {
        for (uint32_t i = 0; i < r.cells[f].size; i++) sum += r.cells[f].bytes[i];
        if (r.cells[f].state == CELL_VALUE)
            (void)cell_to_value(schema->fields[f].type, r.cells[f].bytes, r.cells[f].size, arena,
                                &value, NULL);
    }
    for (uint32_t v = 0; v < VECTORS; v++)
        for (uint32_t i = 0; i < schema->vectors[v].size; i++) sum += r.vectors[v][i];
    return sum;
}

/* Cut at every length, and with every byte given every value: refused, or safe to read. */
static void test_damaged_rows(void)
{
    mem_arena arena = {0};
    mv_schema *schema;
    row_parts r;
    uint8_t *bytes;
    size_t size, refused = 0, surprises = 0;
    mv_error error;
    EXPECT(!make_schema(&schema, NULL) && !make_row(schema, "dune", false, &arena, &r, NULL));
    EXPECT(!encode(schema, &r, &bytes, &size, NULL));
    for (size_t cut = 0; cut < size; cut++) {
        uint8_t *block = mem_alloc(cut);
        memcpy(block, bytes, cut);
        refused += row_check(schema, block, cut, &error) == MV_CORRUPT;
        uint32_t claimed = (uint32_t)cut; /* and with a size that admits to the cut */
        if (cut >= 4) memcpy(block, &claimed, 4);
        refused += row_check(schema, block, cut, &error) == MV_CORRUPT;
        mem_free(block, cut);
    }
    EXPECT(refused == 2 * size);
    volatile uint32_t sum = 0;
    for (size_t i = 0; i < size * 256; i++) {
        uint8_t before = bytes[i / 256];
        bytes[i / 256] = (uint8_t)(i % 256);
        mv_err err = row_check(schema, bytes, size, &error);
        surprises += err && err != MV_CORRUPT;
        if (!err) sum = sum + read_all(schema, bytes, &arena);
        bytes[i / 256] = before;
        mem_arena_clear(&arena);
    }
    EXPECT(surprises == 0 && sum != 0);
    mem_free(bytes, size);
    mem_arena_free(&arena);
    mv_schema_free(schema);
}

static mv_err live(mv_error *error)
{
    mem_arena arena = {0};
    mv_schema *schema = NULL;
    row_parts r, back;
    uint8_t *bytes = NULL;
    size_t size = 0;
    mv_err err = make_schema(&schema, error);
    if (!err) err = make_row(schema, "dune", false, &arena, &r, error);
    if (!err) err = encode(schema, &r, &bytes, &size, error);
    if (!err) err = row_check(schema, bytes, size, error);
    if (!err) err = row_create(schema, &arena, &back, error);
    mem_free(bytes, size);
    mem_arena_free(&arena);
    mv_schema_free(schema);
    return err;
}

static void test_out_of_memory(void)
{
    mv_error error;
    mv_err err;
    uint64_t n = 0;
    do {
        n++;
        mem_fail_at(n, n % 2);
        err = live(&error);
        mem_fail_at(0, false);
        EXPECT(mem_bytes() == 0 && (!err || (err == MV_NO_MEMORY && error.code == err)));
    } while (err);
    EXPECT(n > 10);
}

int main(void)
{
    RUN(test_whole_numbers());
    RUN(test_timestamps());
    RUN(test_other_values());
    RUN(test_sparse_vectors());
    RUN(test_refused_sparse_vectors());
    RUN(test_refused_numbers());
    RUN(test_refused_kinds());
    RUN(test_damaged_cells());
    RUN(test_round_trip(false));
    RUN(test_round_trip(true));
    RUN(test_incomplete());
    RUN(test_size_limit());
    RUN(test_widest());
    RUN(test_damaged_rows());
    RUN(test_out_of_memory());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
