/* sorted.h and mem_grow: arrays that grow, and searches in them. */
#include "base/sorted.h"

#include "test/expect.h"

typedef struct numbered {
    uint64_t key;
    uint32_t other;
} numbered;

static uint32_t lower_bound_by_scan(const numbered *items, uint32_t count, uint64_t key)
{
    uint32_t at = 0;
    while (at < count && items[at].key < key) at++;
    return at;
}

static void test_lower_bound(void)
{
    numbered items[40];
    uint64_t plain[40];
    for (uint32_t count = 0; count <= 40; count++) {
        /* Keys 3, 3, 6, 6, 9 ...: equal neighbours, and gaps between them. */
        for (uint32_t i = 0; i < count; i++)
            items[i] = (numbered){.key = plain[i] = 3 * (i / 2 + 1), .other = ~i};
        for (uint64_t key = 0; key < 70; key++) {
            uint32_t expected = lower_bound_by_scan(items, count, key);
            EXPECT(sorted_lower_bound(items, sizeof *items, count, key) == expected);
            EXPECT(sorted_lower_bound(plain, sizeof *plain, count, key) == expected);
        }
        EXPECT(sorted_lower_bound(items, sizeof *items, count, UINT64_MAX) == count);
    }
    EXPECT(sorted_lower_bound(NULL, sizeof *items, 0, 7) == 0);
}

static void test_grow(void)
{
    size_t before = mem_bytes();
    uint32_t capacity = 0, moves = 0;
    numbered *items = NULL;
    for (uint32_t count = 0; count < 1000; count++) {
        uint32_t capacity_before = capacity;
        numbered *grown = mem_grow(items, &capacity, count, sizeof *items);
        EXPECT(grown && count < capacity);
        if (!grown) break;
        moves += capacity != capacity_before;
        items = grown;
        items[count] = (numbered){.key = count};
    }
    EXPECT(moves < 10);
    for (uint32_t i = 0; i < 1000; i++) EXPECT(items[i].key == i);
    EXPECT(mem_bytes() == before + capacity * sizeof *items);

    uint32_t full = capacity, most = UINT32_MAX / 2 + 1;
    mem_fail_at(1, false);
    EXPECT(!mem_grow(items, &capacity, full, sizeof *items));
    mem_fail_at(0, false);
    EXPECT(capacity == full && items[999].key == 999);
    EXPECT(!mem_grow(items, &most, most, sizeof *items) && most == UINT32_MAX / 2 + 1);
    mem_free(items, capacity * sizeof *items);
    EXPECT(mem_bytes() == before);
}

static void test_array_size(void)
{
    size_t half = SIZE_MAX / 2 + 1;
    EXPECT(mem_array_size(3, 8) == 24 && mem_array_size(0, 8) == 0 && mem_array_size(8, 0) == 0);
    EXPECT(mem_array_size(SIZE_MAX, 1) == SIZE_MAX && mem_array_size(1, SIZE_MAX) == SIZE_MAX);
    EXPECT(mem_array_size(2, half) == SIZE_MAX && mem_array_size(half, 2) == SIZE_MAX);
    EXPECT(mem_array_size(UINT64_MAX, 1) == SIZE_MAX && mem_array_size(UINT64_MAX, 8) == SIZE_MAX);
}

int main(void)
{
    RUN(test_array_size());
    RUN(test_lower_bound());
    RUN(test_grow());
    return tests_conclude();
}
