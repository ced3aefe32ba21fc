/* Inverted lists over columns of every type: what they find is what looking at every row finds,
 * however the building is sliced; damaged lists are refused or answer something; a failure leaves
 * nothing behind. Every part is allocated to the byte, so that a sanitizer sees the ends. */
#include <math.h>
#include <stdlib.h>

#include "base/order_key.h"
#include "base/os.h"
#include "index/invert.h"
#include "storage/cell.h"
#include "test/expect.h"
#include "test/random_bits.h"

static const mv_type types[] = {MV_STRING, MV_BOOL,   MV_INT32, MV_INT64,
                                MV_UINT32, MV_UINT64, MV_FLOAT, MV_DOUBLE};

/* How values are drawn. */
typedef enum draw {
    DRAW_ANY,
    DRAW_FEW,
    DRAW_DOZENS,
    DRAW_ONE,
    DRAW_SKEWED,
    DRAW_EXTREMES,
    DRAWS
} draw;

typedef struct sample {
    index_column column;
    mem_buffer values, ends, bytes;
    uint64_t *nulls;
} sample;

static mv_error error;

/* ---------------------------------------------------------------- columns */

static uint64_t draw_bits(draw how)
{
    uint64_t wide = (uint64_t)random_bits() << 32 | random_bits();
    switch (how) {
    case DRAW_FEW: return wide % 5;
    case DRAW_DOZENS: return wide % 60;
    case DRAW_ONE: return 7;
    case DRAW_SKEWED: return wide % 4 ? 1 : wide >> 50;
    default: return wide;
    }
}

static void put_number(mv_type type, draw how, mem_buffer *out)
{
    static const uint64_t extremes_64[] = {0, 1, UINT64_MAX, (uint64_t)1 << 63, INT64_MAX, 2};
    static const uint32_t extremes_32[] = {0, 1, UINT32_MAX, (uint32_t)1 << 31, INT32_MAX, 2};
    uint64_t bits = draw_bits(how), pick = bits % 6;
    uint32_t narrow = (uint32_t)bits;
    uint8_t flag = bits & 1;
    double real = (double)(int64_t)bits / (how == DRAW_ANY ? 1e9 : -2);
    if (how == DRAW_EXTREMES) {
        const double reals[] = {0.0, -0.0, INFINITY, -INFINITY, 5e-324, -5e-324};
        bits = extremes_64[pick], narrow = extremes_32[pick], real = reals[pick];
    }
    float narrow_real = (float)real;
    switch (type) {
    case MV_BOOL: EXPECT(mem_buffer_append(out, &flag, 1)); break;
    case MV_FLOAT: EXPECT(mem_buffer_append(out, &narrow_real, 4)); break;
    case MV_DOUBLE: EXPECT(mem_buffer_append(out, &real, 8)); break;
    case MV_INT32:
    case MV_UINT32: EXPECT(mem_buffer_append(out, &narrow, 4)); break;
    default: EXPECT(mem_buffer_append(out, &bits, 8)); break;
    }
}

static void put_text(draw how, mem_buffer *out)
{
    char text[64] = {0};
    uint64_t bits = draw_bits(how);
    static const char *const extremes[] = {
        "", "\xff\xff", "a common beginning 1", "a common beginning 2", "a common", "a"};
    size_t size;
    if (how == DRAW_EXTREMES) {
        const char *picked = extremes[bits % 6];
        size = strlen(picked);
        memcpy(text, picked, size);
        if (bits % 7 == 0) size++; /* a zero at the end */
    } else {
        (void)snprintf(text, sizeof text, "%s%llu", bits % 3 ? "begins alike " : "",
                       (unsigned long long)(bits % 100000));
        size = strlen(text);
    }
    EXPECT(mem_buffer_append(out, text, size));
}

static void put_text_array(draw how, uint32_t count, mem_buffer *out)
{
    mem_buffer texts = {0};
    EXPECT(mem_buffer_append(out, &count, 4));
    for (uint32_t i = 0; i < count; i++) {
        put_text(how, &texts);
        uint32_t end = (uint32_t)texts.size;
        EXPECT(mem_buffer_append(out, &end, 4));
    }
    EXPECT(mem_buffer_append(out, texts.data, texts.size));
    mem_buffer_free(&texts);
}

/* One in `null_part` rows is NULL; 0: none, 1: all. */
static void sample_make(sample *s, mv_type type, bool is_array, uint32_t rows, draw how,
                        uint32_t null_part)
{
    *s = (sample){.column = {.type = is_array ? (mv_type)(MV_ARRAY | type) : type,
                             .rows = rows,
                             .array_count = cell_array_count,
                             .array_string = cell_array_string}};
    if (null_part) s->nulls = mem_alloc_zero(bits_words(rows) * 8);
    for (uint32_t row = 0; row < rows; row++) {
        bool null = null_part && random_bits() % null_part == 0;
        uint32_t count = is_array ? random_bits() % 6 : 1;
        if (null) bits_set(s->nulls, row);
        if (type != MV_STRING) {
            mem_buffer *out = is_array ? &s->bytes : &s->values;
            for (uint32_t i = 0; i < count && !(is_array && null); i++) put_number(type, how, out);
        } else if (!null && is_array) {
            put_text_array(how, count, &s->bytes);
        } else if (!null) {
            put_text(how, &s->bytes);
        }
        uint64_t end = s->bytes.size;
        EXPECT(mem_buffer_append(&s->ends, &end, 8));
    }
    s->column.nulls = s->nulls;
    s->column.values = s->values.data;
    s->column.ends = (const uint64_t *)(const void *)s->ends.data;
    s->column.bytes = s->bytes.data ? s->bytes.data : (const uint8_t *)"";
    s->column.bytes_size = s->bytes.size;
}

static void sample_free(sample *s)
{
    mem_buffer_free(&s->values);
    mem_buffer_free(&s->ends);
    mem_buffer_free(&s->bytes);
    mem_free(s->nulls, bits_words(s->column.rows) * 8);
}

/* A value of the column as bytes: element `at` of a row, or false. */
static bool value_at(const sample *s, uint32_t row, uint32_t at, const uint8_t **bytes,
                     size_t *size)
{
    mv_type type = (mv_type)((unsigned)s->column.type & ~(unsigned)MV_ARRAY);
    bool is_array = s->column.type & MV_ARRAY;
    if (s->nulls && bits_get(s->nulls, row)) return false;
    *size = cell_width(type);
    if (type != MV_STRING && !is_array) {
        *bytes = s->column.values + row * *size;
        return at == 0;
    }
    uint64_t begin = row ? s->column.ends[row - 1] : 0;
    size_t cell_size = (size_t)(s->column.ends[row] - begin);
    const uint8_t *array = s->column.bytes + begin;
    if (!is_array) {
        *bytes = array, *size = cell_size;
        return at == 0;
    }
    if (at >= cell_array_count(s->column.type, array, cell_size)) return false;
    *bytes = array + at * *size;
    if (type != MV_STRING) return true;
    const char *data;
    uint32_t data_size;
    EXPECT(cell_array_string(array, cell_size, at, &data, &data_size));
    *bytes = (const uint8_t *)data, *size = data_size;
    return true;
}

/* ---------------------------------------------------------------- lists */

typedef struct made {
    invert_builder *b;
    index_part parts[INVERT_PARTS_MAX];
    uint32_t parts_count;
    invert_lists lists;
} made;

static void build(const sample *s, bool slices, made *out)
{
    bool more = true;
    uint64_t done = 0, before = 0, total = 0;
    *out = (made){0};
    EXPECT(!invert_build_begin(&s->column, &out->b, &error));
    while (more) {
        EXPECT(!invert_build_step(out->b, slices ? 0 : os_seconds() + 1, &more, &error));
        invert_build_progress(out->b, &done, &total);
        EXPECT(done >= before && done <= total);
        before = done;
    }
    EXPECT(done == total);
    uint64_t values = s->column.rows;
    if (s->column.type & MV_ARRAY) values = s->bytes.size;
    EXPECT(invert_build_bytes(out->b) <= 64 * values + 8 * s->bytes.size + 65536);
    out->parts_count = invert_build_parts(out->b, out->parts);
    mv_err err = invert_open(out->parts, out->parts_count, &s->column, &out->lists, &error);
    EXPECT(!err);
    if (err) printf("    %s\n", error.text);
}

static bool same_parts(const made *a, const made *b)
{
    if (a->parts_count != b->parts_count) return false;
    for (uint32_t i = 0; i < a->parts_count; i++)
        if (a->parts[i].kind != b->parts[i].kind || a->parts[i].size != b->parts[i].size ||
            (a->parts[i].size &&
             memcmp(a->parts[i].bytes, b->parts[i].bytes, (size_t)a->parts[i].size)))
            return false;
    return true;
}

/* ---------------------------------------------------------------- searching */

/* A range of values by its ends, and whether they belong to it. */
typedef struct wanted {
    const uint8_t *low, *high;
    size_t low_size, high_size;
    bool after_low, after_high; /* as invert_find_ takes them */
    bool as_prefix;             /* strings that begin with `low` */
} wanted;

static int compare(mv_type type, const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size)
{
    if (type != MV_STRING) {
        uint64_t x = order_key_of(type, a), y = order_key_of(type, b);
        return x < y ? -1 : x > y;
    }
    size_t both = a_size < b_size ? a_size : b_size;
    int order = both ? memcmp(a, b, both) : 0;
    return order ? order : a_size < b_size ? -1 : a_size > b_size;
}

static bool is_in(mv_type type, const wanted *w, const uint8_t *bytes, size_t size)
{
    if (w->as_prefix) return size >= w->low_size && memcmp(bytes, w->low, w->low_size) == 0;
    int low = compare(type, bytes, size, w->low, w->low_size);
    int high = compare(type, bytes, size, w->high, w->high_size);
    return (w->after_low ? low > 0 : low >= 0) && (w->after_high ? high <= 0 : high < 0);
}

static mv_err find_range(const invert_lists *l, const wanted *w, invert_range *range)
{
    if (l->type != MV_STRING) {
        MV_TRY(invert_search_number(l, order_key_of(l->type, w->low), w->after_low, &range->first,
                                    &error));
        MV_TRY(invert_search_number(l, order_key_of(l->type, w->high), w->after_high, &range->end,
                                    &error));
    } else {
        MV_TRY(invert_search_text(l, w->low, w->low_size, w->after_low, w->as_prefix, &range->first,
                                  &error));
        MV_TRY(invert_search_text(l, w->high, w->high_size, w->after_high, w->as_prefix,
                                  &range->end, &error));
    }
    if (range->end < range->first) range->end = range->first;
    return MV_OK;
}

static bool draw_value(const sample *s, const uint8_t **bytes, size_t *size)
{
    for (uint32_t tried = 0; tried < 100; tried++)
        if (value_at(s, random_bits() % s->column.rows, random_bits() % 3, bytes, size))
            return true;
    return false;
}

static bool draw_wanted(const sample *s, wanted *w)
{
    *w = (wanted){.after_low = random_bits() % 2, .after_high = random_bits() % 2};
    if (!draw_value(s, &w->low, &w->low_size) || !draw_value(s, &w->high, &w->high_size))
        return false;
    uint32_t kind = random_bits() % 4;
    if (kind == 0 || (s->column.type & MV_ARRAY)) { /* equal */
        w->high = w->low, w->high_size = w->low_size;
        w->after_low = false, w->after_high = true;
    } else if (kind == 1 && s->column.type == MV_STRING) {
        w->low_size = w->low_size ? random_bits() % (w->low_size + 1) : 0;
        w->high = w->low, w->high_size = w->low_size;
        w->after_low = false, w->after_high = true, w->as_prefix = true;
    }
    return true;
}

static void look_at_rows(const sample *s, const wanted *w, uint64_t *bits, uint32_t *count)
{
    mv_type type = (mv_type)((unsigned)s->column.type & ~(unsigned)MV_ARRAY);
    *count = 0;
    for (uint32_t row = 0; row < s->column.rows; row++) {
        const uint8_t *bytes;
        size_t size;
        bool found = false;
        for (uint32_t at = 0; value_at(s, row, at, &bytes, &size) && !found; at++)
            found = is_in(type, w, bytes, size);
        if (found) bits_set(bits, row), ++*count;
    }
}

static void search(const sample *s, const invert_lists *l, uint32_t times)
{
    size_t words = bits_words(s->column.rows);
    uint64_t *found = mem_alloc(words * 8), *truth = mem_alloc(words * 8);
    for (uint32_t i = 0; i < times; i++) {
        wanted w;
        invert_range range;
        uint32_t rows, count;
        uint64_t cost;
        if (!draw_wanted(s, &w)) break;
        memset(found, 0, words * 8);
        memset(truth, 0, words * 8);
        look_at_rows(s, &w, truth, &rows);
        EXPECT(!find_range(l, &w, &range));
        EXPECT(!invert_search_count(l, range, &count, &error) && count == rows);
        EXPECT(!invert_search_cost(l, range, &cost, &error));
        EXPECT(!invert_search_add(l, range, found, &error));
        EXPECT(memcmp(found, truth, words * 8) == 0);
        if (l->is_array) continue;
        /* What is left comes in on top, up to all that is not NULL. */
        EXPECT(!invert_search_add(l, (invert_range){0, range.first}, found, &error));
        EXPECT(!invert_search_add(l, (invert_range){range.end, l->values.count}, found, &error));
        EXPECT(bits_count(found, s->column.rows) == l->head->entries);
        for (size_t word = 0; word < words && s->nulls; word++)
            EXPECT((found[word] & s->nulls[word]) == 0);
    }
    mem_free(found, words * 8);
    mem_free(truth, words * 8);
}

/* The dictionary read from end to end: ascending, and every value of the column is in it. */
static void read_values(const invert_lists *l)
{
    uint64_t last_key = 0, ends[65], keys[64];
    const uint8_t *last = NULL;
    size_t last_size = 0;
    for (uint32_t first = 0; first < l->values.count; first += 64) {
        uint32_t count = l->values.count - first < 64 ? l->values.count - first : 64;
        if (l->type != MV_STRING) {
            EXPECT(!invert_search_read_numbers(l, first, count, keys, &error));
            for (uint32_t i = 0; i < count; last_key = keys[i++])
                EXPECT(first + i == 0 || keys[i] > last_key);
            continue;
        }
        EXPECT(!invert_search_read_texts(l, first, count, ends, &error));
        for (uint32_t i = 0; i < count; i++) {
            const uint8_t *text = l->text + ends[i];
            size_t size = (size_t)(ends[i + 1] - ends[i]);
            EXPECT(!last || compare(MV_STRING, last, last_size, text, size) < 0);
            last = text, last_size = size;
        }
    }
}

static void test_column(mv_type type, bool is_array, uint32_t rows, draw how, uint32_t null_part)
{
    sample s;
    made whole, sliced;
    doing_now("type %d%s, %u rows, draw %d, nulls 1/%u", (int)type, is_array ? "[]" : "", rows,
              (int)how, null_part);
    sample_make(&s, type, is_array, rows, how, null_part);
    build(&s, false, &whole);
    build(&s, true, &sliced);
    EXPECT(same_parts(&whole, &sliced));
    EXPECT(!invert_check(&whole.lists, &s.column, &error));
    read_values(&whole.lists);
    search(&s, &whole.lists, rows > 1000 ? 30 : 10);
    if (rows > 1000 && how == DRAW_FEW && !is_array) EXPECT(!whole.lists.head->has_rows);
    invert_build_free(whole.b);
    invert_build_free(sliced.b);
    sample_free(&s);
}

static void test_columns(void)
{
    static const uint32_t rows[] = {1, 63, 64, 130, 2500, 20000};
    for (size_t t = 0; t < sizeof types / sizeof *types; t++)
        for (int is_array = 0; is_array < 2; is_array++)
            for (size_t r = 0; r < sizeof rows / sizeof *rows; r++)
                for (int how = 0; how < DRAWS; how++)
                    for (uint32_t null_part = 0; null_part < (how == 0 ? 4 : 3);
                         null_part += null_part == 0 && how ? 2 : 1)
                        test_column(types[t], is_array, rows[r], (draw)how, null_part);
}

/* What is not in the column is between values, or at an end. */
static void test_absent(void)
{
    sample s;
    made m;
    uint32_t at;
    sample_make(&s, MV_INT64, false, 3000, DRAW_ONE, 0);
    build(&s, false, &m);
    int64_t seven = 7;
    uint64_t key = order_key_of(MV_INT64, (const uint8_t *)&seven);
    EXPECT(!invert_search_number(&m.lists, key - 1, true, &at, &error) && at == 0);
    EXPECT(!invert_search_number(&m.lists, key, false, &at, &error) && at == 0);
    EXPECT(!invert_search_number(&m.lists, key, true, &at, &error) && at == 1);
    EXPECT(!invert_search_number(&m.lists, UINT64_MAX, true, &at, &error) && at == 1);
    invert_build_free(m.b);
    sample_free(&s);
}

/* Few bits a row: what a file of lists takes up. */
static void test_sizes(void)
{
    static const struct {
        draw how;
        double most; /* bytes a row */
    } cases[] = {{DRAW_FEW, 0.6}, {DRAW_DOZENS, 4}, {DRAW_ANY, 14}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sample s;
        made m;
        uint64_t size = 0;
        sample_make(&s, MV_INT64, false, 200000, cases[i].how, 0);
        build(&s, false, &m);
        for (uint32_t part = 0; part < m.parts_count; part++) size += m.parts[part].size;
        EXPECT((double)size / 200000 <= cases[i].most);
        printf("%zu: %.2f bytes a row\n", i, (double)size / 200000);
        invert_build_free(m.b);
        sample_free(&s);
    }
}

/* ---------------------------------------------------------------- damage */

typedef struct copy {
    index_part parts[INVERT_PARTS_MAX];
    uint8_t *bytes[INVERT_PARTS_MAX];
    size_t sizes[INVERT_PARTS_MAX];
    uint32_t count;
} copy;

static copy copy_of(const made *m)
{
    copy c = {.count = m->parts_count};
    for (uint32_t i = 0; i < c.count; i++) {
        c.parts[i] = m->parts[i];
        c.sizes[i] = (size_t)m->parts[i].size;
        c.bytes[i] = mem_alloc_aligned(c.sizes[i]);
        if (c.sizes[i]) memcpy(c.bytes[i], m->parts[i].bytes, c.sizes[i]);
        c.parts[i].bytes = c.bytes[i];
    }
    return c;
}

static void copy_free(copy *c)
{
    for (uint32_t i = 0; i < c->count; i++) mem_free(c->bytes[i], c->sizes[i]);
}

/* Read damaged lists: every call gives an answer or an error. */
static void try_lists(const sample *s, const copy *c)
{
    invert_lists l;
    mv_error why;
    size_t words = bits_words(s->column.rows);
    if (invert_open(c->parts, c->count, &s->column, &l, &why)) return;
    uint64_t *bits = mem_alloc(words * 8), ends[65], keys[64], cost;
    for (uint32_t i = 0; i < 20; i++) {
        wanted w;
        invert_range range = {0, 0};
        uint32_t count;
        if (!draw_wanted(s, &w) || find_range(&l, &w, &range)) continue;
        memset(bits, 0, words * 8);
        (void)invert_search_count(&l, range, &count, &why);
        (void)invert_search_cost(&l, range, &cost, &why);
        if (!invert_search_add(&l, range, bits, &why) && s->column.rows % 64)
            EXPECT(bits[words - 1] >> s->column.rows % 64 == 0);
    }
    for (uint32_t first = 0; first < l.values.count; first += 64) {
        uint32_t count = l.values.count - first < 64 ? l.values.count - first : 64;
        if (l.type == MV_STRING)
            (void)invert_search_read_texts(&l, first, count, ends, &why);
        else
            (void)invert_search_read_numbers(&l, first, count, keys, &why);
    }
    mem_free(bits, words * 8);
}

static void test_damage(mv_type type, bool is_array, draw how, uint32_t rows)
{
    sample s;
    made m;
    doing_now("damage, type %d%s", (int)type, is_array ? "[]" : "");
    sample_make(&s, type, is_array, rows, how, 5);
    build(&s, false, &m);
    for (uint32_t i = 0; i < 600; i++) {
        copy c = copy_of(&m);
        uint32_t at = random_bits() % c.count;
        if (c.sizes[at]) {
            uint32_t flips = 1 + random_bits() % 3;
            while (flips--)
                c.bytes[at][random_bits() % c.sizes[at]] ^= (uint8_t)(1 + random_bits() % 255);
            try_lists(&s, &c);
            invert_lists l;
            if (!invert_open(c.parts, c.count, &s.column, &l, &error) && i % 20 == 0 &&
                memcmp(c.bytes[at], m.parts[at].bytes, c.sizes[at]) != 0)
                EXPECT(invert_check(&l, &s.column, &error) == MV_CORRUPT);
        }
        copy_free(&c);
    }
    for (uint32_t part = 0; part < m.parts_count; part++) {
        copy c = copy_of(&m);
        uint8_t *whole = c.bytes[part];
        size_t size = c.sizes[part], cut = size ? random_bits() % size : 0;
        c.bytes[part] = mem_alloc_aligned(cut);
        if (cut) memcpy(c.bytes[part], whole, cut);
        c.parts[part].bytes = c.bytes[part];
        c.parts[part].size = c.sizes[part] = cut;
        mem_free(whole, size);
        try_lists(&s, &c);
        copy_free(&c);
        c = copy_of(&m);
        c.parts[part].kind = (invert_part_kind)(c.parts[part].kind ? 0 : 1);
        try_lists(&s, &c);
        copy_free(&c);
    }
    sample other; /* lists of another column */
    sample_make(&other, type, is_array, rows, how, 5);
    invert_lists l;
    EXPECT(!invert_open(m.parts, m.parts_count, &other.column, &l, &error));
    EXPECT(invert_check(&l, &other.column, &error) == MV_CORRUPT);
    sample_free(&other);
    sample_make(&other, type, is_array, rows + 1, how, 5);
    EXPECT(invert_open(m.parts, m.parts_count, &other.column, &l, &error) == MV_CORRUPT);
    sample_free(&other);
    invert_build_free(m.b);
    sample_free(&s);
}

/* Cells that are none stop the building. */
static void test_damaged_cells(void)
{
    for (int is_array = 0; is_array < 2; is_array++) {
        sample s;
        invert_builder *b = NULL;
        bool more = true;
        sample_make(&s, MV_STRING, is_array, 2000, DRAW_DOZENS, 0);
        ((uint64_t *)(void *)s.ends.data)[1234] = s.bytes.size + 1;
        EXPECT(!invert_build_begin(&s.column, &b, &error));
        mv_err err = MV_OK;
        while (!err && more) err = invert_build_step(b, 0, &more, &error);
        EXPECT(err == MV_CORRUPT && strstr(error.text, "row 1234"));
        invert_build_free(b);
        sample_free(&s);
    }
}

static void test_no_memory(mv_type type, bool is_array)
{
    sample s;
    mv_err err = MV_NO_MEMORY;
    sample_make(&s, type, is_array, 3000, DRAW_DOZENS, 3);
    for (uint64_t n = 1; err; n++) {
        size_t before = mem_bytes();
        invert_builder *b = NULL;
        bool more = true;
        mem_fail_at(n, false);
        err = invert_build_begin(&s.column, &b, &error);
        while (!err && more) err = invert_build_step(b, 0, &more, &error);
        mem_fail_at(0, false);
        EXPECT(!err || err == MV_NO_MEMORY);
        invert_build_free(b);
        EXPECT(mem_bytes() == before);
    }
    sample_free(&s);
}

/* ---------------------------------------------------------------- */

int main(void)
{
    size_t bytes = mem_bytes();
    RUN(test_columns());
    RUN(test_absent());
    RUN(test_sizes());
    RUN(test_damage(MV_INT64, false, DRAW_ANY, 3000));
    RUN(test_damage(MV_INT32, false, DRAW_DOZENS, 3001));
    RUN(test_damage(MV_BOOL, false, DRAW_FEW, 2500));
    RUN(test_damage(MV_STRING, false, DRAW_DOZENS, 2600));
    RUN(test_damage(MV_STRING, true, DRAW_FEW, 9000));
    RUN(test_damage(MV_DOUBLE, true, DRAW_ANY, 1000));
    RUN(test_damaged_cells());
    RUN(test_no_memory(MV_INT64, false));
    RUN(test_no_memory(MV_STRING, false));
    RUN(test_no_memory(MV_STRING, true));
    RUN(test_memory_is_freed(bytes));
    return tests_conclude();
}
