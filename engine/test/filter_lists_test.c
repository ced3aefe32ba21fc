/* Filters over tables with inverted lists and zones: the same rows match as without them, estimates
 * are right, and damaged lists are reported and not used. */
#include <stdarg.h>
#include <stdlib.h>

#include "base/os.h"
#include "query/filter.h"
#include "test/expect.h"
#include "test/random_bits.h"

#define ROWS 40000u

enum { NUMBER, FEW, REAL, FLAG, WORD, TEXT, TAGS, CODES, FIELDS };

static const mv_field_options fields[FIELDS] = {
    {"number", MV_INT64, false, NULL, {MV_INDEX_NONE, {{0}}}, 0},
    {"few", MV_INT32, true, NULL, {MV_INDEX_NONE, {{0}}}, 0},
    {"real", MV_FLOAT, true, NULL, {MV_INDEX_NONE, {{0}}}, 0},
    {"flag", MV_BOOL, false, NULL, {MV_INDEX_NONE, {{0}}}, 0},
    {"word", MV_STRING, true, NULL, {MV_INDEX_NONE, {{0}}}, 0},
    {"text", MV_STRING, false, NULL, {MV_INDEX_NONE, {{0}}}, 0},
    {"tags", (mv_type)(MV_ARRAY | MV_STRING), true, NULL, {MV_INDEX_NONE, {{0}}}, 0},
    {"codes", (mv_type)(MV_ARRAY | MV_UINT32), false, NULL, {MV_INDEX_NONE, {{0}}}, 0},
};

static mv_schema *schema;
static mem_buffer values[FIELDS], ends[FIELDS];
static uint64_t nulls[FIELDS][(ROWS + 63) / 64];
static table_zone zones[FIELDS][8];
static table_column bare[FIELDS], zoned[FIELDS];
static invert_builder *builders[FIELDS];
static invert_lists built[FIELDS];
static mv_error error;

static uint32_t below(uint32_t limit)
{
    return random_bits() % limit;
}

static const char *a_word(void)
{
    static const char *const words[] = {"", "ant", "bee", "beetle", "cat", "catfish", "dog", "b"};
    return words[below(8)];
}

/* ---------------------------------------------------------------- the table */

static mv_value text_value(const char *text)
{
    return (mv_value){.kind = MV_KIND_STRING, .as.string = {text, strlen(text)}};
}

/* `row` matters for number, which ascends so that zones differ. */
static void add_value(uint32_t field, uint32_t row)
{
    static char text[32];
    mv_value items[4], value = {.kind = MV_KIND_INT};
    switch (field) {
    case NUMBER: value.as.i = (int64_t)row / 4 + below(100); break;
    case FEW: value.as.i = (int64_t)below(6) - 3; break;
    case REAL:
        value = (mv_value){.kind = MV_KIND_REAL, .as.real = below(20) ? below(500) / 4.0 : -0.0};
        break;
    case FLAG: value = (mv_value){.kind = MV_KIND_BOOL, .as.boolean = below(10) == 0}; break;
    case WORD: value = text_value(a_word()); break;
    case TEXT:
        (void)snprintf(text, sizeof text, "%s %u %s", a_word(), below(3000), a_word());
        value = text_value(text);
        break;
    default:
        for (uint32_t i = 0; i < 4; i++)
            items[i] = field == TAGS ? text_value(a_word())
                                     : (mv_value){.kind = MV_KIND_INT, .as.i = below(300)};
        value = (mv_value){.kind = MV_KIND_LIST, .as.list = {items, below(5)}};
    }
    EXPECT(
        !cell_from_value(fields[field].type, &value, fields[field].name, &values[field], &error));
}

static void make_table(void)
{
    static const uint8_t zeros[8] = {0};
    for (uint32_t f = 0; f < FIELDS; f++) {
        mv_type type = fields[f].type;
        table_zone zone = TABLE_ZONE_EMPTY;
        for (uint32_t row = 0; row < ROWS; row++) {
            bool null = fields[f].nullable && (below(9) == 0 || (f == FEW && row < 20000));
            size_t before = values[f].size;
            if (null) bits_set(nulls[f], row);
            if (!null)
                add_value(f, row);
            else if (!cell_is_variable(type))
                EXPECT(mem_buffer_append(&values[f], zeros, cell_width(type)));
            uint64_t end = values[f].size;
            EXPECT(mem_buffer_append(&ends[f], &end, sizeof end));
            if (cell_is_variable(type)) continue;
            table_zone_add(&zone, type, null ? NULL : values[f].data + before);
            if (!table_zone_ends(row, ROWS)) continue;
            zones[f][row / TABLE_ZONE_ROWS] = zone;
            zone = TABLE_ZONE_EMPTY;
        }
        bare[f] = (table_column){.nulls = fields[f].nullable ? nulls[f] : NULL,
                                 .values = values[f].data,
                                 .ends = (const uint64_t *)(const void *)ends[f].data,
                                 .bytes = values[f].data,
                                 .bytes_size = values[f].size};
        zoned[f] = bare[f];
        if (!cell_is_variable(type)) zoned[f].zones = zones[f];
    }
}

static index_column column_of(uint32_t f)
{
    return (index_column){.type = fields[f].type,
                          .rows = ROWS,
                          .nulls = bare[f].nulls,
                          .values = bare[f].values,
                          .ends = bare[f].ends,
                          .bytes = bare[f].bytes,
                          .bytes_size = bare[f].bytes_size,
                          .array_count = cell_array_count,
                          .array_string = cell_array_string};
}

static void make_lists(void)
{
    for (uint32_t f = 0; f < FIELDS; f++) {
        index_part parts[INVERT_PARTS_MAX];
        index_column column = column_of(f);
        bool more = true;
        EXPECT(!invert_build_begin(&column, &builders[f], &error));
        while (more) EXPECT(!invert_build_step(builders[f], os_seconds() + 1, &more, &error));
        EXPECT(!invert_open(parts, invert_build_parts(builders[f], parts), &column, &built[f],
                            &error));
    }
}

/* ---------------------------------------------------------------- filters */

static char filter_text[1 << 16];
static size_t filter_size;

static void put(const char *format, ...) MV_PRINTF(1, 2);
static void put(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    filter_size += (size_t)vsnprintf(filter_text + filter_size, sizeof filter_text - filter_size,
                                     format, args);
    va_end(args);
}

static const char *an_operator(void)
{
    static const char *const operators[] = {"=", "!=", "<", "<=", ">", ">="};
    return operators[below(6)];
}

static const char *perhaps_not(void)
{
    return below(3) ? "" : " NOT";
}

static void put_numbers(uint32_t count, uint32_t limit)
{
    put(" (");
    for (uint32_t i = 0; i < count; i++) put("%s%u", i ? ", " : "", below(limit));
    put(")");
}

static void put_words(uint32_t count)
{
    put(" (");
    for (uint32_t i = 0; i < count; i++) put("%s'%s'", i ? ", " : "", below(9) ? a_word() : "zzz");
    put(")");
}

static void put_test(void)
{
    static const char *const patterns[] = {"b%", "%e%", "%t", "c_t%", "bee", "%ee%l%", "", "%"};
    static const char *const folding[] = {"B%", "%E%", "%t", "C_t%", "BEE", "%eE%l%", "%"};
    switch (below(20)) {
    case 0: put("number %s %u", an_operator(), below(11000)); break;
    case 1: put("number%s BETWEEN %u AND %u", perhaps_not(), below(9000), below(11000)); break;
    case 2: put("number%s IN", perhaps_not()), put_numbers(1 + below(200), 12000); break;
    case 3: put("few %s %d", an_operator(), (int)below(8) - 4); break;
    case 4: put("few%s IN", perhaps_not()), put_numbers(1 + below(3), 4); break;
    case 5: put("real %s %u.%s", an_operator(), below(130), below(2) ? "0" : "25"); break;
    case 6: put("real%s BETWEEN %u AND %u", perhaps_not(), below(100), below(130)); break;
    case 7: put("flag = %s", below(2) ? "true" : "false"); break;
    case 8: put("word %s '%s'", an_operator(), a_word()); break;
    case 9: put("word%s LIKE '%s'", perhaps_not(), patterns[below(8)]); break;
    case 10: put("text%s LIKE '%s'", perhaps_not(), patterns[below(8)]); break;
    case 11: put("word%s IN", perhaps_not()), put_words(below(4)); break;
    case 12: put("%s IS%s NULL", below(2) ? "few" : "tags", perhaps_not()); break;
    case 13:
        put("tags%s CONTAIN_%s", perhaps_not(), below(2) ? "ANY" : "ALL"), put_words(below(4));
        break;
    case 14: put("codes%s CONTAIN_ANY", perhaps_not()), put_numbers(below(5), 320); break;
    case 15:
        put("%s%s ILIKE '%s'", below(2) ? "word" : "text", perhaps_not(), folding[below(7)]);
        break;
    case 16: put("word COLLATE NOCASE %s '%s'", an_operator(), below(2) ? "BEE" : a_word()); break;
    case 17: put("word COLLATE NOCASE%s IN", perhaps_not()), put_words(below(4)); break;
    case 18:
        put("%s%s STARTS WITH '%s'", below(2) ? "word" : "text", perhaps_not(), a_word());
        break;
    default: put("codes%s CONTAIN_ALL", perhaps_not()), put_numbers(below(4), 320); break;
    }
}

static void put_tree(uint32_t depth)
{
    if (!depth || below(3) == 0) {
        put_test();
        return;
    }
    const char *word = below(2) ? " AND " : " OR ";
    put(below(3) ? "(" : "NOT (");
    put_tree(depth - 1);
    for (uint32_t more = 1 + below(3); more; more--) {
        put("%s", word);
        put_tree(depth - 1);
    }
    put(")");
}

/* ---------------------------------------------------------------- running */

static uint32_t damages; /* told of */
static uint32_t damaged_field;

static void note_damage(void *ctx, uint32_t field, const mv_error *why)
{
    (void)ctx;
    EXPECT(why->code == MV_CORRUPT && why->text[0]);
    damages++;
    damaged_field = field;
}

static uint32_t listed_filters;

/* Rows one by one are those of the bitmap. */
static void compare_list(const uint32_t *rows, uint32_t count, const uint64_t *matches,
                         size_t matching)
{
    static uint64_t listed[ROWS / 64 + 1];
    memset(listed, 0, sizeof listed);
    for (uint32_t i = 0; i < count && rows[i] < ROWS; i++) bits_set(listed, rows[i]);
    bool same = count == matching && memcmp(listed, matches, bits_words(ROWS) * 8) == 0;
    EXPECT(same);
    if (!same) printf("    %u rows listed, %zu match: %s\n", count, matching, filter_text);
    listed_filters++;
}

/* Run the filter in blocks, and as a list where that is possible. Returns how many rows match. */
static size_t run(const filter *f, const table_column *columns, const invert_lists **lists,
                  mem_arena *arena, uint64_t *matches)
{
    table t = {.rows = ROWS, .columns = columns};
    filter_indexes indexes = {.lists = lists, .note_damage = note_damage};
    filter_table *ft = NULL;
    uint32_t least = 0, most = 0, count, *rows = NULL;
    EXPECT(!filter_table_begin(f, &t, &indexes, arena, &ft, &error));
    EXPECT(!filter_table_list(ft, &rows, &error));
    filter_table_estimate(ft, &least, &most);
    for (uint32_t begin = 0; begin < ROWS; begin += count) {
        count = ROWS - begin < FILTER_BLOCK_ROWS ? ROWS - begin : FILTER_BLOCK_ROWS;
        EXPECT(!filter_eval_block(ft, begin, count, matches + begin / 64, &error));
    }
    size_t matching = bits_count(matches, ROWS);
    bool holds = least <= matching && matching <= most;
    if (rows) compare_list(rows, most, matches, matching);
    EXPECT(holds || damages);
    if (!holds && !damages)
        printf("    %u to %u estimated, %zu match: %s\n", least, most, matching, filter_text);
    return matching;
}

static void test_filters(uint32_t filters)
{
    static uint64_t plain[ROWS / 64 + 1], other[ROWS / 64 + 1];
    size_t size = bits_words(ROWS) * 8;
    mem_arena arena = {0}, block = {0};
    uint32_t exact = 0;
    for (uint32_t i = 0; i < filters; i++) {
        filter *f = NULL;
        filter_size = 0;
        put_tree(below(4));
        mv_filter source = {.text = filter_text, .size = filter_size};
        mem_arena_clear(&arena);
        EXPECT(!filter_compile(schema, &source, &arena, &f, &error));
        (void)run(f, bare, NULL, &block, plain);
        (void)run(f, zoned, NULL, &block, other);
        bool same = memcmp(plain, other, size) == 0;
        for (uint32_t turn = 0; turn < 2; turn++) {
            const invert_lists *lists[FIELDS];
            for (uint32_t field = 0; field < FIELDS; field++)
                lists[field] = turn || below(2) ? &built[field] : NULL;
            (void)run(f, turn ? bare : zoned, lists, &block, other);
            same = same && memcmp(plain, other, size) == 0;
        }
        EXPECT(same);
        if (!same) printf("    %s\n", filter_text);
        exact += same;
    }
    EXPECT(exact == filters && damages == 0 && listed_filters > filters / 20);
    size_t bytes = mem_bytes();
    for (uint32_t i = 0; i < 3; i++) { /* warm: nothing is allocated */
        static const char TEXT_[] = "number < 3000 AND (word = 'bee' OR text LIKE '%ee%')";
        mv_filter source = {.text = TEXT_, .size = sizeof TEXT_ - 1};
        const invert_lists *lists[FIELDS];
        filter *f = NULL;
        for (uint32_t field = 0; field < FIELDS; field++) lists[field] = &built[field];
        mem_arena_clear(&arena);
        EXPECT(!filter_compile(schema, &source, &arena, &f, &error));
        if (i) mem_fail_at(1, true);
        (void)run(f, bare, lists, &block, other);
        mem_fail_at(0, false);
        EXPECT(!i || mem_bytes() == bytes);
        bytes = mem_bytes();
    }
    mem_arena_free(&arena);
    mem_arena_free(&block);
}

/* A test that is known exactly before anything is read. */
static void test_estimate(void)
{
    static const struct {
        const char *text;
        bool is_exact;
    } cases[] = {{"number < 700", true},
                 {"number != 500", true},
                 {"NOT real >= 3", true},
                 {"number >= 100 AND number <= 110", true},
                 {"word LIKE 'b%'", true},
                 {"word STARTS WITH 'b'", true},
                 {"text NOT STARTS WITH 'b'", true}, /* one range, however many values there are */
                 {"word ILIKE 'B%'", true},
                 {"NOT word = 'BEE' COLLATE NOCASE", true},
                 {"word COLLATE NOCASE IN ('BEE', 'Ant')", true},
                 {"word IN ('ant', 'bee')", true},
                 {"few IS NULL", true},
                 {"number < 700 AND few = 1", false},
                 {"tags CONTAIN_ANY ('ant', 'bee')", false}};
    mem_arena arena = {0}, block = {0};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const invert_lists *lists[FIELDS];
        filter_indexes indexes = {.lists = lists};
        table t = {.rows = ROWS, .columns = bare};
        filter *f = NULL;
        filter_table *ft = NULL;
        uint32_t least = 0, most = 0;
        mv_filter source = {.text = cases[i].text, .size = strlen(cases[i].text)};
        for (uint32_t field = 0; field < FIELDS; field++) lists[field] = &built[field];
        EXPECT(!filter_compile(schema, &source, &arena, &f, &error));
        EXPECT(!filter_table_begin(f, &t, &indexes, &block, &ft, &error));
        filter_table_estimate(ft, &least, &most);
        doing_now("%s: %u to %u", cases[i].text, least, most);
        EXPECT((least == most) == cases[i].is_exact && most < ROWS);
    }
    mem_arena_free(&arena);
    mem_arena_free(&block);
}

/* Lists in which every block of a part says what cannot be: found wherever they are used. */
static void test_damage(void)
{
    static uint64_t plain[ROWS / 64 + 1], other[ROWS / 64 + 1];
    mem_arena arena = {0}, block = {0};
    static const invert_part_kind kinds[] = {INVERT_PART_VALUES, INVERT_PART_STARTS,
                                             INVERT_PART_ROWS};
    for (uint32_t i = 0; i < 600; i++) {
        index_part parts[INVERT_PARTS_MAX];
        invert_lists hurt;
        uint32_t field = below(FIELDS), count = invert_build_parts(builders[field], parts), at = 0;
        index_column column = column_of(field);
        while (at < count && parts[at].kind != kinds[i % 3]) at++;
        if (at == count) continue; /* no rows: all is in bitmaps */
        size_t size = (size_t)parts[at].size;
        uint8_t *copy = mem_alloc_aligned(size);
        memcpy(copy, parts[at].bytes, size);
        for (size_t from = 8; from < size; from += 16)
            memset(copy + from, 0xff, 8); /* offset and width of each block */
        parts[at].bytes = copy;
        EXPECT(!invert_open(parts, count, &column, &hurt, &error));
        const invert_lists *lists[FIELDS];
        for (uint32_t f = 0; f < FIELDS; f++) lists[f] = f == field ? &hurt : &built[f];
        filter *f = NULL;
        filter_size = 0;
        put_tree(below(4));
        mv_filter source = {.text = filter_text, .size = filter_size};
        EXPECT(!filter_compile(schema, &source, &arena, &f, &error));
        (void)run(f, bare, NULL, &block, plain);
        (void)run(f, zoned, lists, &block, other);
        EXPECT(memcmp(plain, other, bits_words(ROWS) * 8) == 0);
        EXPECT(damages <= 1 && (!damages || (damaged_field == field && !lists[field])));
        damages = 0;
        mem_free(copy, size);
        mem_arena_clear(&arena);
    }
    mem_arena_free(&arena);
    mem_arena_free(&block);
}

static void test_no_memory(void)
{
    static const char TEXT_[] = "number BETWEEN 50 AND 900 AND (word LIKE '%e%' OR few IN (1, 2)) "
                                "OR tags CONTAIN_ALL ('ant', 'bee') AND codes CONTAIN_ALL (1, 2)";
    static uint64_t matches[ROWS / 64 + 1];
    mv_filter source = {.text = TEXT_, .size = sizeof TEXT_ - 1};
    mv_err err = MV_NO_MEMORY;
    for (uint64_t n = 1; err; n++) {
        const invert_lists *lists[FIELDS];
        filter_indexes indexes = {.lists = lists, .note_damage = note_damage};
        table t = {.rows = ROWS, .columns = bare};
        mem_arena arena = {0}, block = {0};
        filter *f = NULL;
        filter_table *ft = NULL;
        for (uint32_t field = 0; field < FIELDS; field++) lists[field] = &built[field];
        lists[CODES] = NULL;
        EXPECT(!filter_compile(schema, &source, &arena, &f, &error));
        mem_fail_at(n, n % 2);
        uint32_t *rows;
        err = filter_table_begin(f, &t, &indexes, &block, &ft, &error);
        if (!err) err = filter_table_list(ft, &rows, &error);
        if (!err) err = filter_eval_block(ft, 0, FILTER_BLOCK_ROWS, matches, &error);
        mem_fail_at(0, false);
        EXPECT(!err || err == MV_NO_MEMORY);
        mem_arena_free(&arena);
        mem_arena_free(&block);
    }
    EXPECT(damages == 0);
}

int main(int count, char **arguments)
{
    size_t bytes = mem_bytes();
    EXPECT(!mv_schema_create("s", &schema, &error));
    for (uint32_t f = 0; f < FIELDS; f++) EXPECT(!mv_schema_add_field(schema, &fields[f], &error));
    make_table();
    make_lists();
    RUN(test_filters(count > 1 ? (uint32_t)strtoul(arguments[1], NULL, 10) : 2000));
    RUN(test_estimate());
    RUN(test_damage());
    RUN(test_no_memory());
    for (uint32_t f = 0; f < FIELDS; f++) {
        invert_build_free(builders[f]);
        mem_buffer_free(&values[f]);
        mem_buffer_free(&ends[f]);
    }
    mv_schema_free(schema);
    RUN(test_memory_is_freed(bytes));
    return tests_conclude();
}
