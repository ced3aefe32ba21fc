/* Filters over tables in memory: which rows match, which filters are refused and how, limits, and
 * running out of memory.
 *
 *   filter_test                      all of that
 *   filter_test fuzz SECONDS SEED    random and mutated texts, for sanitizers to watch
 *   filter_test bench                rows per second */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/os.h"
#include "query/filter_tree.h"
#include "test/expect.h"

/* ---------------------------------------------------------------- tables in memory */

#define FIELDS     9
#define VALUE(...) ((mv_value){__VA_ARGS__})
#define NULL_VALUE VALUE(.kind = MV_KIND_NULL)
#define INT(x)     VALUE(.kind = MV_KIND_INT, .as.i = (x))
#define UINT(x)    VALUE(.kind = MV_KIND_UINT, .as.u = (x))
#define REAL(x)    VALUE(.kind = MV_KIND_REAL, .as.real = (x))
#define BOOL(x)    VALUE(.kind = MV_KIND_BOOL, .as.boolean = (x))
#define TEXT(x)    VALUE(.kind = MV_KIND_STRING, .as.string = {(x), sizeof(x) - 1})
#define EMPTY_LIST VALUE(.kind = MV_KIND_LIST, .as.list = {NULL, 0})
#define LIST(...)  VALUE(.kind = MV_KIND_LIST, .as.list = {VALUES(__VA_ARGS__)})
/* An array and its count. */
#define VALUES(...)                                                                                \
    (const mv_value[]){__VA_ARGS__}, sizeof((const mv_value[]){__VA_ARGS__}) / sizeof(mv_value)

static const mv_field_options FIELD_OPTIONS[FIELDS] = {
    {.name = "title", .type = MV_STRING, .nullable = true},
    {.name = "year", .type = MV_INT32, .nullable = true},
    {.name = "big", .type = MV_INT64},
    {.name = "ubig", .type = MV_UINT64, .nullable = true},
    {.name = "price", .type = MV_FLOAT, .nullable = true},
    {.name = "ratio", .type = MV_DOUBLE, .nullable = true},
    {.name = "flag", .type = MV_BOOL, .nullable = true},
    {.name = "tags", .type = MV_ARRAY | MV_STRING, .nullable = true},
    {.name = "nums", .type = MV_ARRAY | MV_FLOAT, .nullable = true},
};

/* A table that owns its columns. */
typedef struct sheet {
    table t;
    table_column columns[FIELDS];
    mem_buffer values[FIELDS + 1]; /* the last one is for ids */
    mem_buffer ends[FIELDS + 1];
    mem_buffer nulls[FIELDS];
} sheet;

static mv_schema *schema;

static void make_schema(void)
{
    EXPECT(!mv_schema_create("test", &schema, NULL));
    for (uint32_t i = 0; i < FIELDS; i++)
        EXPECT(!mv_schema_add_field(schema, &FIELD_OPTIONS[i], NULL));
    mv_vector_options vector = {.name = "embedding",
                                .type = MV_VECTOR_FP32,
                                .dim = 2,
                                .metric = MV_L2,
                                .index.type = MV_INDEX_FLAT};
    EXPECT(!mv_schema_add_vector(schema, &vector, NULL));
}

static bool append_end(mem_buffer *values, mem_buffer *ends)
{
    uint64_t end = values->size;
    return mem_buffer_append(ends, &end, sizeof end);
}

/* False: no memory, or a value that does not fit its field. */
static bool sheet_add(sheet *s, const char *id, const mv_value row[FIELDS])
{
    static const uint8_t ZEROS[8];
    bool ok = mem_buffer_append(&s->values[FIELDS], id, strlen(id)) &&
              append_end(&s->values[FIELDS], &s->ends[FIELDS]);
    for (uint32_t f = 0; f < FIELDS; f++) {
        mv_type type = FIELD_OPTIONS[f].type;
        if (s->t.rows % 64 == 0) ok = ok && mem_buffer_append(&s->nulls[f], ZEROS, sizeof ZEROS);
        if (row[f].kind != MV_KIND_NULL) {
            ok = ok && !cell_from_value(type, &row[f], FIELD_OPTIONS[f].name, &s->values[f], NULL);
        } else {
            if (ok) s->nulls[f].data[s->t.rows / 8] |= (uint8_t)(1u << s->t.rows % 8);
            ok = ok && (cell_is_variable(type) ||
                        mem_buffer_append(&s->values[f], ZEROS, cell_width(type)));
        }
        ok = ok && (!cell_is_variable(type) || append_end(&s->values[f], &s->ends[f]));
    }
    s->t.rows++;
    return ok;
}

static table_column column_of(const mem_buffer *values, const mem_buffer *ends,
                              const mem_buffer *nulls)
{
    return (table_column){.nulls = nulls ? (const void *)nulls->data : NULL,
                          .values = values->data,
                          .ends = (const void *)ends->data,
                          .bytes = values->data,
                          .bytes_size = values->size};
}

/* After the last row: make it a table. */
static void sheet_finish(sheet *s)
{
    s->t.ids = column_of(&s->values[FIELDS], &s->ends[FIELDS], NULL);
    for (uint32_t f = 0; f < FIELDS; f++)
        s->columns[f] = column_of(&s->values[f], &s->ends[f], &s->nulls[f]);
    s->t.columns = s->columns;
}

static void sheet_free(sheet *s)
{
    for (uint32_t f = 0; f <= FIELDS; f++) {
        mem_buffer_free(&s->values[f]);
        mem_buffer_free(&s->ends[f]);
        if (f < FIELDS) mem_buffer_free(&s->nulls[f]);
    }
}

/* ---------------------------------------------------------------- which rows match */

static mv_err run(const filter *f, const table *t, uint32_t begin, uint32_t count, mem_arena *arena,
                  uint64_t *matches, mv_error *e)
{
    filter_table *ft = NULL;
    MV_TRY(filter_table_begin(f, t, NULL, arena, &ft, e));
    return filter_eval_block(ft, begin, count, matches, e);
}

static sheet books;

static void make_books(void)
{
    /* title, year, big, ubig, price, ratio, flag, tags, nums */
    const mv_value rows[][FIELDS] = {
        {TEXT("Dune"), INT(1965), INT(0), INT(0), REAL(0.1), REAL(0.1), BOOL(true),
         LIST(TEXT("scifi"), TEXT("sand")), LIST(INT(1), REAL(2.5))},
        {TEXT("Emma"), INT(1815), INT(-1), UINT(UINT64_MAX), REAL(-0.0), REAL(-0.0), BOOL(false),
         EMPTY_LIST, LIST(REAL(-0.0))},
        {NULL_VALUE, NULL_VALUE, INT(INT64_MAX), NULL_VALUE, NULL_VALUE, NULL_VALUE, NULL_VALUE,
         NULL_VALUE, NULL_VALUE},
        {TEXT(""), INT(INT32_MIN), INT(INT64_MIN), UINT((uint64_t)1 << 63), REAL(-INFINITY),
         REAL(-INFINITY), BOOL(true), LIST(TEXT("")), EMPTY_LIST},
        {TEXT("100% \xC3\xA9t\xE2\x82\xAC_"), INT(INT32_MAX), INT(((int64_t)1 << 53) + 1), INT(7),
         REAL(INFINITY), REAL(INFINITY), BOOL(false), LIST(TEXT("scifi"), TEXT("it's")),
         LIST(INT(0), INT(0), INT(1))},
        {TEXT("Dun\0e"), INT(-5), INT(5), INT(5), REAL(1e-40), REAL(5e-324), BOOL(true),
         LIST(TEXT("sand")), LIST(INT(3))},
    };
    static const char *const IDS[] = {"a", "b", "c", "d", "e", "f"};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        EXPECT(sheet_add(&books, IDS[i], rows[i]));
    sheet_finish(&books);
}

/* The ids of the matching rows, joined: "acf"; or the error's text. */
static const char *answer(const char *text, size_t size, const mv_value *args, uint32_t args_count)
{
    static char out[MV_ERROR_TEXT_SIZE];
    mem_arena arena = {0}, scratch = {0};
    mv_error error = {0};
    filter *f;
    uint64_t matches[1];
    mv_filter source = {.text = text, .size = size, .args = args, .args_count = args_count};
    if (filter_compile(schema, &source, &arena, &f, &error) ||
        run(f, &books.t, 0, books.t.rows, &scratch, matches, &error)) {
        (void)snprintf(out, sizeof out, "%s", error.text);
    } else {
        char *to = out;
        for (uint32_t row = 0; row < 64; row++)
            if (bits_get(matches, row)) *to++ = (char)('a' + row);
        *to = 0;
    }
    mem_arena_free(&arena);
    mem_arena_free(&scratch);
    return out;
}

static void check(int line, const char *text, const char *wanted, const mv_value *args,
                  uint32_t args_count)
{
    const char *got = answer(text, strlen(text), args, args_count);
    if (!expect(strcmp(got, wanted) == 0, text, __FILE__, line))
        printf("    wanted: %s\n       got: %s\n", wanted, got);
}
#define CHECK(text, wanted)           check(__LINE__, text, wanted, NULL, 0)
#define CHECK_ARGS(text, wanted, ...) check(__LINE__, text, wanted, VALUES(__VA_ARGS__))

static void test_numbers(void)
{
    CHECK("year = 1965", "a");
    CHECK("year != 1965", "bdef");
    CHECK("year <> +1965", "bdef");
    CHECK("year < 1815", "df");
    CHECK("year <= 1815", "bdf");
    CHECK("year > 1815.0", "ae");
    CHECK("year >= 1.815e3", "abe");
    CHECK("year < -2147483648", "");
    CHECK("NOT year < -2147483648", "abdef");
    CHECK("year >= -2147483648", "abdef");
    CHECK("year > 2147483647 OR year IS NULL", "c");
    CHECK("year BETWEEN -5 AND 1965", "abf");
    CHECK("year NOT BETWEEN -5 AND 1965", "de");
    CHECK("year BETWEEN 5 AND 1", "");
    CHECK("year IN (1965, -5, 1965)", "af");
    CHECK("year NOT IN (1965, -5)", "bde");
    CHECK("year IN (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,-5)", "f");
    CHECK("year NOT IN (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,-5)", "abde");
    CHECK("big = 9223372036854775807", "c");
    CHECK("big = -9223372036854775808", "d");
    CHECK("big = 9007199254740993", "e");
    CHECK("big = 9007199254740992", "");
    CHECK("big IN ('9007199254740993', 5)", "ef");
    CHECK("big > -1", "acef");
    CHECK("ubig = 18446744073709551615", "b");
    CHECK("ubig > 9223372036854775807", "bd");
    CHECK("ubig <= 7", "aef");
    CHECK_ARGS("ubig = ? AND big = ?", "b", TEXT("18446744073709551615"), TEXT("-1"));
}

static void test_reals(void)
{
    CHECK("price = 0.1", "a"); /* rounded like the value stored */
    CHECK("ratio = 0.1", "a");
    CHECK("ratio = .1", "a");
    CHECK("price = 0", "b");
    CHECK("price = -0.0", "b");
    CHECK("price >= 0", "abef");
    CHECK("price > -0.0", "aef");
    CHECK("price < 0", "d");
    CHECK("price <= 0.0", "bd");
    CHECK("ratio = 0", "b");
    CHECK("ratio > 0", "aef");
    CHECK("ratio < -0.0", "d");
    CHECK("ratio != 0", "adef");
    CHECK("ratio BETWEEN -1e308 AND 1e308", "abf");
    CHECK("ratio <= 5e-324", "bdf");
    CHECK("price IN (0, 0.1)", "ab");
    CHECK("ratio IN (1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,0)", "b");
    CHECK("price NOT IN (1,2,3,4,5,6,7,8,9,11,12,13,14,15,16,17,18,19,-0.0)", "adef");
    CHECK_ARGS("price < ?", "", REAL(-INFINITY));
    CHECK_ARGS("NOT ratio > ?", "abdef", REAL(INFINITY));
    CHECK_ARGS("ratio = ?", "d", REAL(-INFINITY));
}

static void test_bools(void)
{
    CHECK("flag = true", "adf");
    CHECK("flag != TRUE", "be");
    CHECK("flag < true", "be");
    CHECK("flag >= false", "abdef");
    CHECK("flag > true", "");
    CHECK("flag IN (false)", "be");
    CHECK("true", "abcdef");
    CHECK("NOT true OR false", "");
    CHECK("true AND year IS NOT NULL", "abdef");
}

static void test_strings(void)
{
    CHECK("title = 'Dune'", "a");
    CHECK("title > 'Dun'", "abf");
    CHECK("title < 'Dune'", "def");
    CHECK("title <= 'Dune'", "adef");
    CHECK("title = ''", "d");
    CHECK("title != ''", "abef");
    CHECK("title IN ('', 'Emma')", "bd");
    CHECK("title NOT IN ('', 'Emma')", "aef");
    CHECK("id >= 'c' AND id NOT IN ('d')", "cef");
    CHECK("id IS NULL", "");
    CHECK("id IS NOT NULL", "abcdef");
    CHECK_ARGS("title = ?", "f", TEXT("Dun\0e"));
    CHECK("title BETWEEN 'Dune' AND 'Emma'", "ab");
}

static void test_like(void)
{
    CHECK("title LIKE 'D%'", "af");
    CHECK("title LIKE '%m%'", "b");
    CHECK("title LIKE '%a'", "b");
    CHECK("title LIKE '%'", "abdef");
    CHECK("title NOT LIKE '%'", "");
    CHECK("title LIKE ''", "d");
    CHECK("title LIKE 'dune'", "");
    CHECK("title LIKE 'Dune'", "a");
    CHECK("title LIKE '____'", "ab");
    CHECK("title LIKE '%_t_\\_' ESCAPE '\\'", "e");
    CHECK("title LIKE '100\\%%' ESCAPE '\\'", "e");
    CHECK("title LIKE '100!%%!_' ESCAPE '!'", "e");
    CHECK("title LIKE '_u%e'", "af");
    CHECK("title LIKE '%n%'", "af");
    CHECK("title LIKE '%e%e%'", "");
    CHECK("title LIKE '%m%m%'", "b");
    CHECK("title LIKE '%%m_%'", "b");
    CHECK("title LIKE '%__________'", "");
    CHECK("title LIKE '_________'", "e"); /* 9 characters, 12 bytes */
    CHECK("title LIKE '%t%__'", "e");
    CHECK("title LIKE '%t%___'", ""); /* the three-byte character is not three */
    CHECK("title LIKE 'x\\' ESCAPE '\\'", "");
    CHECK("title NOT LIKE 'x\\' ESCAPE '\\'", "abdef");
    CHECK("title LIKE '%\xC3\xA9%'", "e");
    CHECK_ARGS("title LIKE ?", "f", TEXT("%\0%"));
    CHECK_ARGS("title LIKE '1%' ESCAPE ?", "e", TEXT("\xC3\xA9"));
}

static void test_ilike(void)
{
    CHECK("title ILIKE 'dUNE'", "a");
    CHECK("title ILIKE 'd%'", "af");
    CHECK("title ILIKE '%M%'", "b");
    CHECK("title ILIKE '%A'", "b");
    CHECK("title ILIKE 'D_N%E'", "af");
    CHECK("title NOT ILIKE 'DUNE'", "bdef");
    CHECK("NOT title ilike 'D%'", "bde");
    CHECK("title ILIKE '%\xC3\x89T%'", "e");
    CHECK("title ILIKE '100\\% _T%' ESCAPE '\\'", "e");
    CHECK("title ILIKE 'dAUNE' ESCAPE 'A'", "a"); /* the escape character is not folded */
    CHECK("title ILIKE 'dAUNE' ESCAPE 'a'", "");
    CHECK("title ILIKE 'x\\' ESCAPE '\\'", "");
    CHECK("title ILIKE '%'", "abdef");
    CHECK("id ILIKE 'A'", "a");
    CHECK_ARGS("title ILIKE ?", "f", TEXT("%N\0E"));
    CHECK_ARGS("title NOT ILIKE ?", "", NULL_VALUE);
}

static void test_nocase(void)
{
    CHECK("title = 'dUNE' COLLATE NOCASE", "a");
    CHECK("title COLLATE NOCASE = 'dUNE'", "a");
    CHECK("title collate nocase != 'dUNE'", "bdef");
    CHECK("title COLLATE NOCASE > 'DUN'", "abf");
    CHECK("title >= 'dune' COLLATE NOCASE", "ab");
    CHECK("NOT title < 'dune' COLLATE NOCASE", "ab");
    CHECK("title COLLATE NOCASE IN ('EMMA', 'x', '')", "bd");
    CHECK("title COLLATE NOCASE NOT IN ('EMMA', 'x', '')", "aef");
    CHECK("title COLLATE NOCASE IN ()", "");
    CHECK("title COLLATE NOCASE BETWEEN 'DUNE' AND 'emma'", "ab");
    CHECK("title COLLATE NOCASE NOT BETWEEN 'DUNE' AND 'emma'", "def");
    CHECK("title COLLATE NOCASE STARTS WITH 'dU'", "af");
    CHECK("title COLLATE NOCASE NOT STARTS WITH 'dU'", "bde");
    CHECK("id COLLATE NOCASE IN ('A', 'C')", "ac");
    CHECK("title = '100% \xC3\x89T\xE2\x82\xAC_' COLLATE NOCASE", "e");
    CHECK_ARGS("title COLLATE NOCASE IN ?", "ab", LIST(TEXT("DUNE"), TEXT("Emma")));
    CHECK_ARGS("title COLLATE NOCASE != ?", "", NULL_VALUE);
    CHECK("year = 5 COLLATE NOCASE",
          "filter:10: field 'year' is int32: COLLATE NOCASE tests strings");
    CHECK("tags COLLATE NOCASE CONTAIN_ANY ('x')",
          "filter:6: field 'tags' is array_string: COLLATE NOCASE tests single values "
          "(use CONTAIN_ANY, CONTAIN_ALL or array_length)");
    CHECK("title COLLATE BINARY = 'x'",
          "filter:15: expected NOCASE after 'COLLATE', found 'BINARY'");
    CHECK("title COLLATE NOCASE NOT LIKE 'x'",
          "filter:26: expected a comparison, BETWEEN, IN or STARTS WITH (LIKE without case is "
          "ILIKE) after 'NOT', found 'LIKE'");
    CHECK("title COLLATE NOCASE IS NULL",
          "filter:22: expected a comparison, BETWEEN, IN or STARTS WITH (LIKE without case is "
          "ILIKE) after 'NOCASE', found 'IS'");
    CHECK("title IN ('x') COLLATE NOCASE",
          "filter:16: COLLATE stands behind the name: title COLLATE NOCASE ... "
          "(for LIKE without case write ILIKE, and no COLLATE)");
    CHECK("title BETWEEN 'x' AND 'y' COLLATE NOCASE",
          "filter:27: COLLATE stands behind the name: title COLLATE NOCASE ... "
          "(for LIKE without case write ILIKE, and no COLLATE)");
    CHECK("title STARTS WITH 'dU' COLLATE NOCASE", "af");
}

static void test_starts_with(void)
{
    CHECK("title STARTS WITH 'Du'", "af");
    CHECK("title STARTS WITH 'du'", "");
    CHECK("title starts with 'Dune'", "a");
    CHECK("title STARTS WITH ''", "abdef");
    CHECK("title NOT STARTS WITH ''", "");
    CHECK("title NOT STARTS WITH 'Du'", "bde");
    CHECK("NOT (title STARTS WITH 'Du' OR year = 1815)", "de");
    CHECK("title STARTS WITH '100%'", "e");
    CHECK("title STARTS WITH '%'", "");
    CHECK("id STARTS WITH 'a'", "a");
    CHECK_ARGS("title STARTS WITH ?", "f", TEXT("Dun\0"));
    CHECK_ARGS("title NOT STARTS WITH ?", "", NULL_VALUE);
    CHECK("title STARTS 'x'", "filter:14: expected WITH after 'STARTS', found ''x''");
    CHECK("title STARTS WITH 5", "filter:19: field 'title' wants a string, got a number");
    CHECK("year STARTS WITH '1'", "filter:6: field 'year' is int32: STARTS WITH tests strings");
}

static void test_arrays(void)
{
    CHECK("tags CONTAIN_ANY ('scifi', 'x')", "ae");
    CHECK("tags NOT CONTAIN_ANY ('scifi')", "bdf");
    CHECK("tags CONTAIN_ALL ('scifi', 'sand', 'sand')", "a");
    CHECK("tags NOT CONTAIN_ALL ('scifi', 'sand')", "bdef");
    CHECK("tags CONTAIN_ANY ('')", "d");
    CHECK("tags CONTAIN_ANY ('it''s')", "e");
    CHECK("tags CONTAIN_ANY ()", "");
    CHECK("tags NOT CONTAIN_ANY ()", "abdef");
    CHECK("tags CONTAIN_ALL ()", "abdef");
    CHECK("NOT tags CONTAIN_ALL ()", "");
    CHECK("nums CONTAIN_ALL (0)", "be");
    CHECK("nums CONTAIN_ALL (0, 1)", "e");
    CHECK("nums CONTAIN_ANY (2.5, 3)", "af");
    CHECK("array_length(tags) = 2", "ae");
    CHECK("Array_Length(nums) > 1", "ae");
    CHECK("array_length(tags) != 0", "adef");
    CHECK("array_length(tags) > -1", "abdef");
    CHECK("array_length(tags) < -9223372036854775808", "");
    CHECK("tags IS NULL", "c");
    CHECK_ARGS("tags CONTAIN_ANY ?", "af", LIST(TEXT("sand")));
    CHECK_ARGS("array_length(nums) >= ?", "e", INT(3));
}

static void test_logic(void)
{
    CHECK("year = 1965 OR year = 1815 AND flag = true", "a");
    CHECK("(year = 1965 OR year = 1815) AND NOT flag = true", "b");
    CHECK("NOT (year = 1965 OR title LIKE 'D%')", "bde");
    CHECK("NOT (year = 1965 AND big = 0)", "bcdef"); /* unknown AND false is false */
    CHECK("NOT (year > 0 OR flag = true)", "");
    CHECK("year > 0 OR big > 0", "abcef"); /* unknown OR true is true */
    CHECK("NOT NOT year = 1965", "a");
    CHECK("not(not(not year iS nOt NuLl))", "c");
    CHECK("year IN ()", "");
    CHECK("year NOT IN ()", "abcdef");
    CHECK("NOT year IN ()", "abcdef");
    CHECK_ARGS("year IN ?", "", EMPTY_LIST);
    CHECK_ARGS("year = ? OR big = 5", "f", NULL_VALUE);
    CHECK_ARGS("NOT year = ?", "", NULL_VALUE);
    CHECK_ARGS("year BETWEEN ? AND 0", "", NULL_VALUE);
    CHECK_ARGS("year NOT BETWEEN ? AND 0", "abe", NULL_VALUE);
    CHECK_ARGS("title LIKE ?", "", NULL_VALUE);
    CHECK_ARGS("array_length(tags) = ?", "", NULL_VALUE);
    CHECK_ARGS("year = ? AND title = ? OR title = '?' OR big IN (?, 4)", "af", INT(1965),
               TEXT("Dune"), INT(5));
}

/* ---------------------------------------------------------------- what is refused */

static void test_syntax_errors(void)
{
    CHECK("", "filter:1: expected a test, found the end");
    CHECK("  year >= ", "filter:11: expected a value after '>=', found the end");
    CHECK("year >= AND big = 1", "filter:9: expected a value after '>=', found 'AND'");
    CHECK("title = Dune OR true",
          "filter:9: expected a value, found the name 'Dune' (a string is in "
          "single quotes, or given in 'args' for a '?')");
    CHECK("year IN (1, big)",
          "filter:13: a field is compared with a value, not with another field: "
          "'big' is a field (a string is in single quotes)");
    CHECK("year", "filter:5: expected an operator after 'year', found the end");
    CHECK("year = 1 big = 2", "filter:10: expected AND, OR or the end after '1', found 'big'");
    CHECK("(year = 1", "filter:10: expected AND, OR or ')' after '1', found the end");
    CHECK("year = 1)", "filter:9: expected AND, OR or the end after '1', found ')'");
    CHECK("year = 1 AND AND big = 1", "filter:14: expected a test after 'AND', found 'AND'");
    CHECK("year = 1 OR IN (1)", "filter:13: expected a test after 'OR', found 'IN'");
    CHECK("Contain_Any ('x')", "filter:1: expected a test, found 'Contain_Any'");
    CHECK("year IN (1, )", "filter:13: expected a value after ',', found ')'");
    CHECK("year IN (1 2)", "filter:12: expected ',' or ')' after '1', found '2'");
    CHECK("year IN 1", "filter:9: expected '(' or '?' after 'IN', found '1'");
    CHECK("year IS 1", "filter:9: expected NULL after 'IS', found '1'");
    CHECK("year BETWEEN 1 OR 2", "filter:16: expected AND after '1', found 'OR'");
    CHECK("year == 1", "filter:6: no operator '==' (write '=')");
    CHECK("year ~= 1", "filter:6: no operator '~=' (write '!=')");
    CHECK("title = \"x\"", "filter:9: strings are in single quotes, names in none");
    CHECK("title = 'x", "filter:9: the string that begins here has no end");
    CHECK("title = 'x''", "filter:9: the string that begins here has no end");
    CHECK("year = 12a", "filter:8: malformed number");
    CHECK("year = 1e", "filter:8: malformed number");
    CHECK("year = -", "filter:8: malformed number");
    CHECK("year = 1.2.3", "filter:8: malformed number");
    CHECK("year = 1e999", "filter:8: the number is too large");
    CHECK("year = 1 && big = 2", "filter:10: no operator '&&' (write 'AND')");
    CHECK("year = 1 || big = 2", "filter:10: no operator '||' (write 'OR')");
    CHECK("!(year = 1)", "filter:1: no operator '!' (write 'NOT')");
    CHECK("year = 1 & big = 2", "filter:10: unexpected character '&'");
    CHECK("year = NULL",
          "filter:8: NULL is no value to compare with: write IS NULL or IS NOT NULL");
    CHECK("year IN (NULL)",
          "filter:10: NULL is no value to compare with: write IS NULL or IS NOT NULL");
    CHECK("array_length(tags) IN (1)", "filter:20: expected a comparison after ')', found 'IN'");
}

static void test_type_errors(void)
{
    CHECK("yeer = 1", "filter:1: unknown field 'yeer' (did you mean 'year'?)");
    CHECK("true AND Year = 1", "filter:10: unknown field 'Year' (did you mean 'year'?)");
    CHECK("embedding = 1", "filter:1: field 'embedding' is a vector: filters test scalar fields");
    CHECK("tags = 'x'", "filter:6: field 'tags' is array_string: '=' tests single values "
                        "(use CONTAIN_ANY, CONTAIN_ALL or array_length)");
    CHECK("tags IN ('x')", "filter:6: field 'tags' is array_string: IN tests single values "
                           "(use CONTAIN_ANY, CONTAIN_ALL or array_length)");
    CHECK("year CONTAIN_ANY (1)",
          "filter:6: field 'year' is int32: CONTAIN_ANY tests arrays (use IN)");
    CHECK("array_length(year) = 1", "filter:14: field 'year' is int32: array_length tests arrays");
    CHECK("array_length(tags) = '1'",
          "filter:22: array_length(tags) is compared with whole numbers");
    CHECK("array_length(tags) = 1.5",
          "filter:22: array_length(tags) is compared with whole numbers");
    CHECK("year LIKE '1%'", "filter:6: field 'year' is int32: LIKE tests strings");
    CHECK("title LIKE 'x' ESCAPE 'ab'", "filter:23: ESCAPE wants a string of one character");
    CHECK(
        "year = 3000000000",
        "filter:8: field 'year' is int32: 3000000000 is out of range (-2147483648 to 2147483647)");
    CHECK("year = 1.5", "filter:8: field 'year' is int32: 1.5 is not a whole number");
    CHECK("year = '1965'", "filter:8: field 'year' wants a number, got a string");
    CHECK("title = 1", "filter:9: field 'title' wants a string, got a number");
    CHECK("flag = 1", "filter:8: field 'flag' wants a boolean, got a number");
    CHECK("ubig > -1",
          "filter:8: field 'ubig' is uint64: -1 is out of range (0 to 18446744073709551615)");
    CHECK_ARGS("ratio = ?", "filter:9: argument 1: field 'ratio' is double: nan is not a number",
               REAL((double)NAN));
    CHECK_ARGS("year > 1 AND year = ?",
               "filter:21: argument 1: field 'year' wants a number, got a list", LIST(INT(1)));
    CHECK_ARGS("year IN ?", "filter:9: argument 1 is not a list", INT(1));
    CHECK_ARGS("year IN (?)", "filter:10: argument 1: field 'year' wants a number, got null",
               NULL_VALUE);
    CHECK_ARGS("year = 1", "the filter has 0 '?', 1 arguments were given", INT(1));
    CHECK("year = ?", "the filter has 1 '?', 0 arguments were given");
    CHECK("tags CONTAIN_ALL (1)", "filter:19: field 'tags' wants a string, got a number");
}

/* `prefix`, then `count` times `middle`, then `suffix` is answered with `wanted`. */
static void check_repeated(int line, const char *prefix, const char *middle, size_t count,
                           const char *suffix, const char *wanted)
{
    mem_buffer text = {0};
    bool ok = mem_buffer_append(&text, prefix, strlen(prefix));
    for (size_t i = 0; i < count; i++) ok = ok && mem_buffer_append(&text, middle, strlen(middle));
    EXPECT(ok && mem_buffer_append(&text, suffix, strlen(suffix)));
    const char *got = answer((const char *)text.data, text.size, NULL, 0);
    if (!expect(strcmp(got, wanted) == 0, middle, __FILE__, line))
        printf("    wanted: %s\n       got: %s\n", wanted, got);
    mem_buffer_free(&text);
}
#define CHECK_REPEATED(...) check_repeated(__LINE__, __VA_ARGS__)

static void test_limits(void)
{
    CHECK_REPEATED("", "(", 10000, "", "filter:201: more than 200 levels of parentheses and NOT");
    CHECK_REPEATED("", "NOT ", 200, "year = 1965", "a");
    CHECK_REPEATED("", "NOT ", 201, "year = 1965",
                   "filter:801: more than 200 levels of parentheses and NOT");
    CHECK_REPEATED("true", " AND year = 1965", 4095, "", "a");
    CHECK_REPEATED("true", " AND year = 1965", 4096, "", "filter:65530: more than 4096 tests");
    CHECK_REPEATED("year = 1965", " OR year IS NULL AND true", 2000, "", "ac");
    CHECK_REPEATED("year IN (1965", ",1", 400000, ")", "a");
    CHECK_REPEATED("year = 1", " ", (1 << 20), "",
                   "the filter has 1048584 bytes, at most 1048576 are allowed");
    CHECK_REPEATED("year = ", "0", 1100, "", "");
    CHECK_REPEATED("year = ", "0", 1101, "",
                   "filter:8: the number has 1101 characters, at most 1100 are allowed");
    CHECK_REPEATED("title = '", "x", 900000, "'", "");
    CHECK_REPEATED("title LIKE '", "_%", 400000, "'", "");
    CHECK_REPEATED("", "x", 5000, " = 1",
                   "filter:1: unknown field 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...'");

    size_t count = MV_FILTER_LIST_MAX + 1;
    mv_value *items = mem_alloc(count * sizeof *items);
    if (!EXPECT(items != NULL)) return;
    for (size_t i = 0; i < count; i++) items[i] = INT((int64_t)i * 7);
    mv_value list = {.kind = MV_KIND_LIST, .as.list = {items, count}};
    check(__LINE__, "big IN ?", "filter:8: argument 1 has 1048577 values, a list at most 1048576",
          &list, 1);
    list.as.list.count--;
    check(__LINE__, "big IN ?", "a", &list, 1);
    mem_free(items, count * sizeof *items);
}

static void test_uses(void)
{
    mem_arena arena = {0};
    filter *f;
    static const char TEXT_[] = "year = 1 OR NOT (id = 'x' AND array_length(tags) = 2)";
    mv_filter source = {.text = TEXT_, .size = sizeof TEXT_ - 1};
    EXPECT(!filter_compile(schema, &source, &arena, &f, NULL));
    EXPECT(filter_uses_id(f));
    for (uint32_t i = 0; i < FIELDS; i++) EXPECT(filter_uses_field(f, i) == (i == 1 || i == 7));
    mem_arena_free(&arena);
}

static void test_damage(void)
{
    uint64_t *title_ends = (uint64_t *)(void *)books.ends[0].data,
             *tags_ends = (uint64_t *)(void *)books.ends[7].data;
    uint64_t title_end = title_ends[1], tags_end = tags_ends[0];
    title_ends[1] = 1u << 30;
    CHECK("title = 'Dune'", "field 'title' of row 1 is damaged");
    CHECK("big = 0 AND title = 'Dune'", "a"); /* damage is met only where it is looked for */
    title_ends[1] = title_end;
    tags_ends[0]--;
    CHECK("tags CONTAIN_ANY ('x')", "field 'tags' of row 0 is damaged");
    CHECK("array_length(tags) > 1", "field 'tags' of row 0 is damaged");
    CHECK("tags CONTAIN_ALL ('x')", "field 'tags' of row 0 is damaged");
    tags_ends[0] = tags_end;
    CHECK("array_length(tags) > 1", "ae");
}

/* Fail every allocation in turn. */
static void test_memory(void)
{
    static const char TEXT_[] =
        "(title = 'a''b' OR year IN (1,2,3,4,5,6,7,8,9,10,11) AND tags CONTAIN_ALL ('x','y')) "
        "AND NOT (title LIKE '%x_%' OR price BETWEEN 1 AND 2 OR title ILIKE '%Q' OR "
        "title COLLATE NOCASE IN ('x') OR title STARTS WITH 'q')";
    mv_filter source = {.text = TEXT_, .size = sizeof TEXT_ - 1};
    size_t before = mem_bytes();
    mv_err err = MV_NO_MEMORY;
    for (uint64_t n = 1; err && n < 100; n++) {
        mem_arena arena = {0}, scratch = {0};
        mv_error error = {0};
        filter *f;
        uint64_t matches[1];
        mem_fail_at(n, n % 2);
        err = filter_compile(schema, &source, &arena, &f, &error);
        if (!err) err = run(f, &books.t, 0, books.t.rows, &scratch, matches, &error);
        mem_fail_at(0, false);
        EXPECT(err == error.code && (err == MV_OK || err == MV_NO_MEMORY));
        mem_arena_free(&arena);
        mem_arena_free(&scratch);
        EXPECT(mem_bytes() == before);
    }
    EXPECT(err == MV_OK);
}

/* ---------------------------------------------------------------- many rows */

static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)((random_state >> 33) % n);
}

static void make_many(sheet *s, uint32_t rows)
{
    bool ok = true;
    for (uint32_t i = 0; i < rows; i++) {
        char id[24], text[64];
        int id_size = snprintf(id, sizeof id, "%u", i);
        int text_size = snprintf(text, sizeof text, "%u some words to be searched in %u",
                                 random_below(1000), random_below(1000));
        mv_value tag = {.kind = MV_KIND_STRING, .as.string = {id, (size_t)id_size}};
        mv_value row[FIELDS] = {{.kind = MV_KIND_STRING, .as.string = {text, (size_t)text_size}},
                                INT((int)random_below(2000)),
                                INT((int64_t)random_below(1000000) - 500000),
                                UINT(random_below(100)),
                                REAL(random_below(100)),
                                REAL(random_below(100) / 7.0),
                                BOOL(random_below(2)),
                                LIST(tag),
                                EMPTY_LIST};
        for (uint32_t f = 0; f < FIELDS; f++)
            if (FIELD_OPTIONS[f].nullable && random_below(8) == 0) row[f].kind = MV_KIND_NULL;
        ok = ok && sheet_add(s, id, row);
    }
    EXPECT(ok);
    sheet_finish(s);
}

/* Blocks of all sizes and positions give the rows that a plain loop gives, and zeros behind them.
 */
static void test_blocks(void)
{
    sheet many = {0};
    make_many(&many, 20000);
    mem_arena arena = {0}, scratch = {0};
    filter *f;
    static const char TEXT_[] =
        "big > 100000 AND NOT year BETWEEN 500 AND 900 OR ratio <= 2 AND id LIKE '%7'";
    mv_filter source = {.text = TEXT_, .size = sizeof TEXT_ - 1};
    EXPECT(!filter_compile(schema, &source, &arena, &f, NULL));
    for (uint32_t begin = 0; begin < many.t.rows; begin += 64 * (1 + random_below(60))) {
        uint32_t count =
            1 + random_below(many.t.rows - begin < FILTER_BLOCK_ROWS ? many.t.rows - begin
                                                                     : FILTER_BLOCK_ROWS);
        uint64_t matches[FILTER_BLOCK_ROWS / 64];
        bool agrees = !run(f, &many.t, begin, count, &scratch, matches, NULL);
        for (uint32_t i = 0; i < bits_words(count) * 64; i++) {
            uint32_t row = begin + i;
            int64_t big = 0;
            int32_t year = 0;
            double ratio = 0;
            bool wanted = false;
            if (i < count) {
                const uint64_t *ends = many.t.ids.ends;
                memcpy(&big, many.columns[2].values + row * 8, 8);
                memcpy(&year, many.columns[1].values + row * 4, 4);
                memcpy(&ratio, many.columns[5].values + row * 8, 8);
                bool left = big > 100000 && !table_is_null(&many.columns[1], row) &&
                            (year < 500 || year > 900);
                bool right = !table_is_null(&many.columns[5], row) && ratio <= 2 &&
                             many.t.ids.bytes[ends[row] - 1] == '7';
                wanted = left || right;
            }
            agrees = agrees && bits_get(matches, i) == wanted;
        }
        EXPECT(agrees);
    }
    mem_arena_free(&arena);
    mem_arena_free(&scratch);
    sheet_free(&many);
}

/* A block of cells that fold to other sizes, are not UTF-8 or have no bytes: the rows that match
 * are those that a search in each folded cell finds. A few cells are too large to be folded with
 * their neighbours. */
static void test_folded_cells(void)
{
    enum { ROWS = 64 * 12 };
    static const char *const PIECES[] = {
        "a",    "B",    "",         "\xC3\x89",         "\xC3\xA9",     "\xE2\x84\xAA",
        "\xC3", "\x89", "\xC8\xBA", "\xF0\x90\x90\x80", "\xE6\x97\xA5", "ABCDEFGHIJKLMNOPQRSTUV",
        "k",    "s",    "\xC5\xBF",
    };
    static uint8_t large[FILTER_FOLD_TOGETHER_MAX], folded[FILTER_FOLD_SIZE_MAX(sizeof large)];
    sheet cells = {0};
    mem_arena arena = {0}, scratch = {0};
    memset(large, 'x', sizeof large);
    for (uint32_t i = 0; i < ROWS; i++) {
        char text[256] = "";
        for (uint32_t n = random_below(5); n; n--)
            strcat(text, PIECES[random_below(sizeof PIECES / sizeof *PIECES)]);
        mv_value row[FIELDS] = {[2] = INT(0)};
        for (uint32_t f = 0; f < FIELDS; f++)
            if (f != 2) row[f].kind = MV_KIND_NULL;
        row[0] = VALUE(.kind = MV_KIND_STRING, .as.string = {text, strlen(text)});
        if (i % 200 == 0) {
            memcpy(large + 1000, text, strlen(text));
            row[0].as.string.data = (const char *)large;
            row[0].as.string.size = sizeof large;
        }
        EXPECT(sheet_add(&cells, "id", row));
    }
    sheet_finish(&cells);
    const table_column *column = &cells.columns[0];
    for (size_t p = 0; p < sizeof PIECES / sizeof *PIECES; p++) {
        char text[64];
        uint8_t wanted[64];
        uint64_t matches[ROWS / 64];
        filter *f;
        size_t wanted_size =
            filter_fold_text((const uint8_t *)PIECES[p], strlen(PIECES[p]), wanted);
        (void)snprintf(text, sizeof text, "title ILIKE '%%%s%%'", PIECES[p]);
        mv_filter source = {.text = text, .size = strlen(text)};
        EXPECT(!filter_compile(schema, &source, &arena, &f, NULL));
        EXPECT(!run(f, &cells.t, 0, ROWS, &scratch, matches, NULL));
        uint32_t wrong = 0;
        for (uint32_t i = 0; i < ROWS; i++) {
            uint64_t begin = i ? column->ends[i - 1] : 0;
            size_t size =
                filter_fold_text(column->bytes + begin, (size_t)(column->ends[i] - begin), folded);
            bool is_in = memmem(folded, size, wanted, wanted_size) != NULL;
            wrong += bits_get(matches, i) != is_in;
        }
        EXPECT(wrong == 0);
    }
    mem_arena_free(&arena);
    mem_arena_free(&scratch);
    sheet_free(&cells);
}

/* ---------------------------------------------------------------- other modes */

static void test_speed(void)
{
    static const char *const FILTERS[] = {
        "big > 0",
        "big BETWEEN 0 AND 1000",
        "year >= 1900",
        "price > 50",
        "ratio > 5",
        "flag = true",
        "big IN (1,2,3)",
        "year IN (1,2,3,4,5,6,7,8)",
        "big IN (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16)",
        "big IN (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22)",
        "title LIKE '%needle%'",
        "title LIKE '%999%'",
        "title LIKE '5%'",
        "title LIKE '%some%in 5_'",
        "title ILIKE '%needle%'",
        "title ILIKE '%999%'",
        "title ILIKE '5%'",
        "title ILIKE '%some%in 5_'",
        "title = 'x' COLLATE NOCASE",
        "title = 'x'",
        "id IN ('1','2','3')",
        "tags CONTAIN_ANY ('5','6')",
        "tags CONTAIN_ALL ('5')",
        "array_length(tags) = 1",
        "year < 10 AND title LIKE '%needle%'",
    };
    sheet many = {0};
    make_many(&many, FILTER_BLOCK_ROWS);
    mem_arena arena = {0}, scratch = {0};
    for (size_t i = 0; i < sizeof FILTERS / sizeof *FILTERS; i++) {
        filter *f;
        uint64_t matches[FILTER_BLOCK_ROWS / 64];
        mv_filter source = {.text = FILTERS[i], .size = strlen(FILTERS[i])};
        EXPECT(!filter_compile(schema, &source, &arena, &f, NULL));
        double begin = os_seconds(), seconds = 0;
        uint32_t rounds = 0;
        for (; seconds < 0.3; rounds++, seconds = os_seconds() - begin)
            EXPECT(!run(f, &many.t, 0, FILTER_BLOCK_ROWS, &scratch, matches, NULL));
        double rows = (double)rounds * FILTER_BLOCK_ROWS / seconds;
        printf("%-40s %8.1f million rows/s, %5zu match\n", FILTERS[i], rows / 1e6,
               bits_count(matches, FILTER_BLOCK_ROWS));
        if (strstr(FILTERS[i], "LIKE"))
            printf("%40s %8.2f GB/s\n", "",
                   rows * (double)many.columns[0].bytes_size / FILTER_BLOCK_ROWS / 1e9);
    }
    mem_arena_free(&arena);
    mem_arena_free(&scratch);
    sheet_free(&many);
}

static const char *const FUZZ_TESTS[] = {
    "year = 1965",
    "NOT year < -5",
    "title LIKE '%u%e'",
    "title ILIKE '%U%\xC3\x89'",
    "title COLLATE NOCASE NOT IN ('dune', 'x')",
    "title > 'EMMA' COLLATE NOCASE",
    "title COLLATE NOCASE BETWEEN 'a' AND 'F'",
    "title NOT STARTS WITH 'Du'",
    "title NOT LIKE '\\%%_' ESCAPE '\\'",
    "flag = true",
    "tags CONTAIN_ANY ('sand', 'x')",
    "nums NOT CONTAIN_ALL (0, 1)",
    "array_length(tags) >= 1",
    "id IN ('a', 'b')",
    "ratio BETWEEN -0.0 AND 1e300",
    "price NOT BETWEEN 1 AND .5",
    "ubig > 9223372036854775807",
    "title IS NOT NULL",
    "big IN ('-1', 5)",
    "year NOT IN (1,2,3,4,5,6,7,8,9,10,11,12,13,14,15)",
    "(true OR false)",
    "title > 'D'",
    "year = ?",
    "tags CONTAIN_ALL ?",
    "title LIKE ?",
};
static const char *const FUZZ_PIECES[] = {
    "year",
    "title",
    "tags",
    "embedding",
    " AND ",
    " NOT ",
    "(",
    ")",
    " IN ",
    " LIKE ",
    " ILIKE ",
    " STARTS WITH ",
    " COLLATE NOCASE ",
    " BETWEEN ",
    " NULL",
    " CONTAIN_ANY ",
    "array_length(",
    " = ",
    "1e400",
    "'%e_'",
    "'",
    "?",
    ",",
    "true",
    "'\xC3'",
    "9223372036854775808",
    " ",
    "(1, 2)",
    "=",
    "\xFF",
};
#define COUNT_OF(array) ((uint32_t)(sizeof(array) / sizeof *(array)))

static void append_text(mem_buffer *out, const char *text)
{
    (void)mem_buffer_append(out, text, strlen(text));
}

/* A few tests that are right, then a few things done to them, or not. */
static void random_text(mem_buffer *out)
{
    out->size = 0;
    for (uint32_t n = random_below(4); n; n--) {
        append_text(out, FUZZ_TESTS[random_below(COUNT_OF(FUZZ_TESTS))]);
        append_text(out, random_below(2) ? " AND " : " OR ");
    }
    append_text(out, FUZZ_TESTS[random_below(COUNT_OF(FUZZ_TESTS))]);
    for (uint32_t n = random_below(4); n; n--) {
        size_t at = random_below((uint32_t)out->size), size = random_below(8);
        const char *piece = FUZZ_PIECES[random_below(COUNT_OF(FUZZ_PIECES))];
        switch (random_below(4)) {
        case 0: out->data[at] = (uint8_t)random_below(256); break;
        case 1: out->size = at + 1; break;
        case 2: append_text(out, piece); break;
        default:
            if (size > out->size - at) size = out->size - at;
            if (size > strlen(piece)) size = strlen(piece);
            memcpy(out->data + at, piece, size);
        }
    }
}

static void test_random_texts(double seconds, uint64_t seed)
{
    const mv_value values[] = {INT(1965),          TEXT("Dune"), LIST(INT(1), INT(1965)),
                               LIST(TEXT("sand")), NULL_VALUE,   TEXT("%n_")};
    double end = os_seconds() + seconds;
    unsigned long texts = 0, filters = 0;
    mem_buffer text = {0};
    random_state = seed;
    while (os_seconds() < end) {
        random_text(&text);
        mv_value args[64];
        uint32_t args_count = 0;
        for (size_t i = 0; i < text.size && args_count < 64; i++)
            if (text.data[i] == '?') args[args_count++] = values[random_below(COUNT_OF(values))];
        /* In a block of its own size, so that reading behind it is seen. */
        char *exact = mem_alloc(text.size);
        if (!exact) break;
        memcpy(exact, text.data, text.size);
        filters += strchr(answer(exact, text.size, args, args_count), ' ') == NULL;
        texts++;
        mem_free(exact, text.size);
    }
    mem_buffer_free(&text);
    printf("seed %llu: %lu texts, %lu of them filters\n", (unsigned long long)seed, texts, filters);
    EXPECT(texts > 0);
}

int main(int argc, char **argv)
{
    make_schema();
    make_books();
    if (argc == 4 && strcmp(argv[1], "fuzz") == 0) {
        RUN(test_random_texts(strtod(argv[2], NULL), strtoull(argv[3], NULL, 10)));
    } else if (argc == 2 && strcmp(argv[1], "bench") == 0) {
        RUN(test_speed());
    } else {
        RUN(test_numbers());
        RUN(test_reals());
        RUN(test_bools());
        RUN(test_strings());
        RUN(test_like());
        RUN(test_ilike());
        RUN(test_nocase());
        RUN(test_starts_with());
        RUN(test_arrays());
        RUN(test_logic());
        RUN(test_syntax_errors());
        RUN(test_type_errors());
        RUN(test_limits());
        RUN(test_uses());
        RUN(test_damage());
        RUN(test_memory());
        RUN(test_blocks());
        RUN(test_folded_cells());
    }
    sheet_free(&books);
    mv_schema_free(schema);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
