/* The values of IN, CONTAIN_ANY and CONTAIN_ALL: a hash table with linear probing. */
#include <string.h>

#include "base/hash.h"
#include "query/filter_tree.h"

#define SLOTS_MIN 32u
#define SLOTS_PER_KEY                                                                              \
    4u /* three in four are free: most values that are not in the set meet a free                  \
        * slot first and are compared with no key */

static_assert((SLOTS_MIN & (SLOTS_MIN - 1)) == 0, "slots are counted in powers of two");
static_assert(SLOTS_MIN / SLOTS_PER_KEY >= 1, "an empty set has space for a key");

static uint64_t hash_key(const filter_set *set, filter_key key)
{
    if (key.bytes) return hash_bytes(key.bytes, (size_t)key.number, set->seed);
    /* The finalizer of MurmurHash3: every bit of the key affects every bit of the hash. */
    uint64_t h = key.number ^ set->seed;
    h = (h ^ h >> 33) * 0xff51afd7ed558ccdu;
    h = (h ^ h >> 33) * 0xc4ceb9fe1a85ec53u;
    return h ^ h >> 33;
}

static bool keys_equal(filter_key a, filter_key b)
{
    return a.number == b.number && (!a.bytes || memcmp(a.bytes, b.bytes, (size_t)a.number) == 0);
}

/* The slot of the key, or the free slot to put it in. */
static uint32_t slot_of(const filter_set *set, filter_key key)
{
    mv_assert(set->count <= set->slots_count / SLOTS_PER_KEY); /* so there is a free slot */
    uint32_t mask = set->slots_count - 1, at = (uint32_t)hash_key(set, key) & mask;
    while (set->slots[at] && !keys_equal(set->keys[set->slots[at] - 1], key)) at = (at + 1) & mask;
    return at;
}

/* Grow the arrays to slots_count slots and slots_count / SLOTS_PER_KEY keys, and keep the keys. The
 * old arrays stay in the arena: together they are no larger than the new ones. */
static mv_err grow(filter_set *set, uint32_t slots_count, mem_arena *arena, mv_error *error)
{
    mv_assert((slots_count & (slots_count - 1)) == 0);
    mv_assert(slots_count > set->slots_count);
    size_t keys_size = slots_count / SLOTS_PER_KEY * sizeof(filter_key);
    size_t slots_size = slots_count * sizeof(uint32_t);
    filter_key *keys = mem_arena_alloc(arena, keys_size);
    uint32_t *slots = mem_arena_alloc(arena, slots_size);
    if (!keys || !slots) return error_memory(error, keys_size + slots_size, "a list of the filter");
    if (set->count) memcpy(keys, set->keys, set->count * sizeof *keys);
    memset(slots, 0, slots_size);
    set->keys = keys;
    set->slots = slots;
    set->slots_count = slots_count;
    for (uint32_t i = 0; i < set->count; i++) slots[slot_of(set, keys[i])] = i + 1;
    return MV_OK;
}

mv_err filter_set_create(mem_arena *arena, filter_set **out, mv_error *error)
{
    filter_set *set = mem_arena_alloc(arena, sizeof *set);
    if (!set) return error_memory(error, sizeof *set, "a list of the filter");
    *set = (filter_set){.seed = (uint64_t)(uintptr_t)set * 0x9e3779b97f4a7c15u};
    MV_TRY(grow(set, SLOTS_MIN, arena, error));
    *out = set;
    return MV_OK;
}

mv_err filter_set_add(filter_set *set, filter_key key, mem_arena *arena, mv_error *error)
{
    if (filter_set_find(set, key) != FILTER_SET_NONE) return MV_OK;
    if (set->count == set->slots_count / SLOTS_PER_KEY)
        MV_TRY(grow(set, set->slots_count * 2, arena, error));
    if (key.bytes) {
        key.bytes = mem_arena_copy(arena, key.bytes, (size_t)key.number);
        if (!key.bytes) return error_memory(error, key.number, "a string of the filter");
    }
    set->keys[set->count] = key;
    set->slots[slot_of(set, key)] = ++set->count;
    return MV_OK;
}

/* Slots for each head of a probe: a number with which most sets find a place for each head in a few
 * attempts, and so few that the slots of 256 heads fit in the first-level cache. */
#define PROBE_SLOTS_PER_HEAD 64u
#define PROBE_ATTEMPTS       64u

static filter_head head_of_key(filter_key key)
{
    if (!key.bytes) return (filter_head){.word = key.number};
    filter_head head = {.size = key.number};
    memcpy(&head.word, key.bytes, key.number < 8 ? (size_t)key.number : 8);
    return head;
}

/* Put the heads of all keys into slots, by the factor of the probe. False: two heads have the same
 * slot. */
static bool place_heads(filter_probe *p, const filter_set *set)
{
    size_t first = 0;
    memset(p->slots, 0, (size_t)1 << (64 - p->shift));
    p->heads_count = 0;
    p->is_exact = true;
    for (uint32_t i = 0; i < set->count; i++) {
        filter_head head = head_of_key(set->keys[i]);
        size_t slot = filter_probe_slot(p, head);
        uint32_t at;
        p->is_exact &= head.size <= sizeof head.word;
        if (i == 0) first = slot;
        if (i && filter_probe_has(p, head, &at)) continue; /* of strings that begin alike */
        if (i && (slot == first || p->slots[slot])) return false;
        p->slots[slot] = (uint8_t)p->heads_count;
        p->heads[p->heads_count++] = head;
    }
    return true;
}

mv_err filter_set_finish(filter_set *set, mem_arena *arena, mv_error *error)
{
    if (set->count > FILTER_HEADS_MAX) return MV_OK;
    filter_probe *p = mem_arena_alloc(arena, sizeof *p);
    filter_head *heads = mem_arena_alloc(arena, set->count * sizeof *heads);
    uint32_t bits = 6;
    while ((1u << bits) < set->count * PROBE_SLOTS_PER_HEAD) bits++;
    uint8_t *slots = mem_arena_alloc(arena, (size_t)1 << bits);
    if (!p || !heads || !slots)
        return error_memory(error, (size_t)1 << bits, "a list of the filter");
    *p = (filter_probe){.heads = heads, .slots = slots, .shift = 64 - bits};
    for (uint64_t attempt = 0; attempt < PROBE_ATTEMPTS; attempt++) {
        p->factor = hash_key(set, (filter_key){.number = attempt}) | 1;
        if (place_heads(p, set)) {
            set->probe = p;
            break;
        }
    }
    return MV_OK;
}

uint32_t filter_set_find(const filter_set *set, filter_key key)
{
    return set->slots[slot_of(set, key)] - 1; /* 0 (a free slot) becomes FILTER_SET_NONE */
}

filter_key filter_set_key_of(mv_type type, const uint8_t *bytes, size_t size)
{
    const type_traits *traits = type_of(type);
    if (traits->kind == TYPE_TEXT)
        return (filter_key){.number = size, .bytes = bytes ? bytes : (const uint8_t *)""};
    uint64_t number = order_bits(traits, bytes);
    bool is_minus_zero = traits->kind == TYPE_REAL && number == order_sign(traits);
    return (filter_key){.number = is_minus_zero ? 0 : number};
}

void filter_set_mask(const filter_set *set, mv_type type, const uint8_t *values, uint32_t count,
                     bool negated, uint64_t *mask)
{
    size_t width = cell_width(type);
    for (size_t word = 0; word < bits_words(count); word++) {
        uint64_t matching = 0;
        for (uint64_t left = mask[word]; left; left &= left - 1) {
            uint32_t bit = MV_LOWEST_BIT(left);
            filter_key key = filter_set_key_of(type, values + (word * 64 + bit) * width, width);
            bool found = filter_set_find(set, key) != FILTER_SET_NONE;
            matching |= (uint64_t)(found != negated) << bit;
        }
        mask[word] = matching;
    }
}
