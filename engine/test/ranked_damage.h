/* Damage to the parts of ranked lists, for the tests of those of texts and of those of weights:
 * copies of sound parts, in which every part is allocated to the byte, so that a sanitizer sees the
 * ends, and the tests that are the same for both. */
#ifndef MV_RANKED_DAMAGE_H
#define MV_RANKED_DAMAGE_H

#include <string.h>

#include "index/ranked_read.h"
#include "test/random_bits.h"
#include "test/sample.h"

static uint32_t refused, damaged, answered;

static inline uint32_t below(uint32_t limit)
{
    return random_bits() % limit;
}

/* ---------------------------------------------------------------- copies to damage */

typedef struct copy {
    index_part parts[RANKED_PARTS_MAX];
    uint8_t *bytes[RANKED_PARTS_MAX];
    size_t sizes[RANKED_PARTS_MAX]; /* allocated */
    uint32_t count, rows;
} copy;

static inline copy copy_of_parts(const index_part *parts, uint32_t count, uint32_t rows)
{
    copy c = {.count = count, .rows = rows};
    for (uint32_t i = 0; i < count; i++) {
        c.parts[i] = parts[i];
        c.sizes[i] = (size_t)parts[i].size;
        c.bytes[i] = mem_alloc_aligned(c.sizes[i]);
        memcpy(c.bytes[i], parts[i].bytes, c.sizes[i]);
        c.parts[i].bytes = c.bytes[i];
    }
    return c;
}

static inline void copy_free(copy *c)
{
    for (uint32_t i = 0; i < c->count; i++) mem_free(c->bytes[i], c->sizes[i]);
}

static inline uint32_t find_part(const copy *c, ranked_part_kind kind)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->parts[i].kind == (uint32_t)kind) return i;
    expect(false, "the part is there", __FILE__, __LINE__);
    return 0;
}

static inline void *part_of(const copy *c, ranked_part_kind kind)
{
    return c->bytes[find_part(c, kind)];
}

/* Give a part another size, in a block of that size. What is new is zeros. */
static inline void resize_part(copy *c, uint32_t at, size_t size)
{
    uint8_t *bytes = mem_alloc_aligned(size ? size : 1);
    size_t kept = size < c->sizes[at] ? size : c->sizes[at];
    memset(bytes, 0, size);
    memcpy(bytes, c->bytes[at], kept);
    mem_free(c->bytes[at], c->sizes[at]);
    c->bytes[at] = bytes;
    c->sizes[at] = size ? size : 1;
    c->parts[at].bytes = bytes;
    c->parts[at].size = size;
}

static inline void is_right_error(mv_err err)
{
    EXPECT(err == MV_OK || (err == MV_CORRUPT && error.code == err && error.text[0]));
    damaged += err == MV_CORRUPT;
    answered += err == MV_OK;
    error = (mv_error){0};
}

/* What the test that includes this has: a copy of sound parts; opening one; reading it in every
 * way, which returns what opening and checking say; and reading the list of a term in every way: is
 * it found to be damaged when all of it is read? */
static copy sound_copy(void);
static mv_err open_copy(const copy *c, ranked_lists *lists);
static mv_err read_copy(const copy *c);
static bool is_list_found_damaged(const copy *c, const char *name);

/* ---------------------------------------------------------------- the head and sizes */

/* Each bit of the head changed, and each byte all zeros and all ones. */
static inline void test_head(void)
{
    for (size_t at = 0; at < sizeof(ranked_head); at++) {
        for (uint32_t change = 0; change < 10; change++) {
            doing_now("change %u of byte %zu of the head", change, at);
            copy c = sound_copy();
            uint8_t *byte = (uint8_t *)part_of(&c, RANKED_PART_HEAD) + at;
            *byte = (uint8_t)(change < 8 ? *byte ^ 1u << change : change == 8 ? 0 : 255);
            (void)read_copy(&c);
            copy_free(&c);
        }
    }
}

static inline void test_sizes(void)
{
    for (uint32_t at = 0; at < RANKED_PARTS_MAX; at++) {
        for (uint32_t n = 0; n < 40; n++) {
            copy c = sound_copy();
            if (at >= c.count) {
                copy_free(&c);
                break;
            }
            size_t size = c.sizes[at],
                   cut = n < 18 ? n : 1 + below((uint32_t)size); /* bytes less */
            doing_now("part %u has %zu bytes less", c.parts[at].kind, cut);
            resize_part(&c, at, n == 19 ? size + 16 : n == 18 || cut > size ? 0 : size - cut);
            (void)read_copy(&c);
            copy_free(&c);
        }
        copy c = sound_copy();
        if (at < c.count) { /* the part is missing */
            c.parts[at].kind = 99;
            EXPECT(read_copy(&c) != MV_OK);
        }
        copy_free(&c);
    }
}

/* ---------------------------------------------------------------- contents */

static inline void test_bytes(ranked_part_kind kind, uint32_t rounds)
{
    for (uint32_t n = 0; n < rounds && unmet < 20; n++) {
        copy c = sound_copy();
        uint8_t *bytes = part_of(&c, kind);
        uint32_t size = (uint32_t)c.sizes[find_part(&c, kind)], changes = 1 + n % 3 * 20;
        for (uint32_t i = 0; i < changes; i++) {
            uint32_t at = below(n % 2 && size > 2000 ? 2000 : size);
            if (n % 4 == 3)
                bytes[at] = (uint8_t)random_bits();
            else
                bytes[at] ^= (uint8_t)(1u << below(8));
        }
        if (n % 50 == 49) /* nothing but noise */
            for (uint32_t i = 0; i < size; i++) bytes[i] = (uint8_t)random_bits();
        doing_now("round %u, part %d", n, (int)kind);
        (void)read_copy(&c);
        copy_free(&c);
    }
}

static inline void test_packed_blocks(ranked_part_kind kind)
{
    static const uint64_t bases[] = {0,
                                     1,
                                     3,
                                     4,
                                     UINT32_MAX,
                                     UINT64_MAX,
                                     UINT64_MAX - 3, /* a multiple of 4: 4 more bytes wrap */
                                     UINT64_MAX - 7,
                                     (uint64_t)1 << 63};
    static const uint32_t numbers[] = {0, 1, 8, 31, 56, 57, 63, 64, 65, 255, UINT32_MAX};
    for (size_t i = 0; i < sizeof bases / sizeof *bases; i++) {
        for (size_t j = 0; j < 2 * sizeof numbers / sizeof *numbers; j++) {
            copy c = sound_copy();
            invert_block *block = part_of(&c, kind);
            block->base = bases[i];
            *(j % 2 ? &block->width : &block->offset) = numbers[j / 2];
            doing_now("part %d, base %" PRIu64 ", number %zu", (int)kind, bases[i], j);
            (void)read_copy(&c);
            copy_free(&c);
        }
    }
}

/* ---------------------------------------------------------------- hostile lists */

typedef struct found_list {
    uint8_t *bytes;
    ranked_block *blocks;
    uint8_t *tail;
    uint32_t count; /* of rows */
} found_list;

static inline found_list list_of(const copy *c, const char *name)
{
    ranked_lists lists;
    uint32_t first = 0, end = 0;
    uint64_t start = 0;
    ranked_cursor *cursor = mem_alloc(sizeof *cursor);
    WORKS(open_copy(c, &lists));
    WORKS(ranked_find(&lists, name, (uint32_t)strlen(name), false, &first, &end, &error));
    EXPECT(end == first + 1 && invert_pack_get(&lists.starts, first, &start));
    WORKS(ranked_cursor_begin(cursor, &lists, first, &error));
    uint8_t *bytes = part_of(c, RANKED_PART_LISTS);
    found_list list = {
        .bytes = bytes + start,
        .blocks = (ranked_block *)(void *)(bytes + ((const uint8_t *)cursor->blocks - lists.lists)),
        .tail = bytes + (cursor->tail - lists.lists),
        .count = cursor->count};
    mem_free(cursor, sizeof *cursor);
    return list;
}

/* Another count of a list; if it takes more bytes, it is written over those behind it. */
static inline void set_count(const copy *c, const char *name, uint32_t count)
{
    const ranked_head *head = part_of(c, RANKED_PART_HEAD);
    uint8_t *bytes = list_of(c, name).bytes;
    if (head->format >= 3)
        (void)ranked_write_varint(count, bytes);
    else
        memcpy(bytes, &count, sizeof count);
}

/* The two bytes with which a tail begins, with every value at an end of something: they are numbers
 * of 7 bits, and the eighth bit says that one goes on. */
static inline void test_tail(const char *name)
{
    static const uint8_t values[] = {0,   1,   2,   3,   4,   7,   8,   15,  16,  31,  32,
                                     33,  63,  64,  65,  100, 126, 127, 128, 129, 130, 143,
                                     159, 160, 191, 192, 193, 223, 240, 253, 254, 255};
    for (uint32_t i = 0; i < 2 * sizeof values; i++) {
        copy c = sound_copy();
        found_list list = list_of(&c, name);
        EXPECT(list.count % RANKED_BLOCK);
        doing_now("byte %u of the tail of %s is %u", i % 2, name, values[i / 2]);
        list.tail[i % 2] = values[i / 2];
        (void)is_list_found_damaged(&c, name);
        copy_free(&c);
    }
}

static inline void test_counts(const char *name)
{
    copy sound = sound_copy();
    const uint32_t rows = sound.rows,
                   counts[] = {0, 1, 127, 128, 129, rows, rows + 1, 1u << 30, UINT32_MAX};
    copy_free(&sound);
    for (size_t i = 0; i < sizeof counts / sizeof *counts; i++) {
        copy c = sound_copy();
        doing_now("%s has %u rows", name, counts[i]);
        set_count(&c, name, counts[i]);
        bool found = is_list_found_damaged(&c, name);
        EXPECT(found || (counts[i] && counts[i] <= rows));
        copy_free(&c);
    }
}

#endif
