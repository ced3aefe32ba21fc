/* Damage to the files of the indexes of scalar fields: searches go on with the right hits, check
 * names the file, optimize builds it again. The test that includes this defines how many indexes
 * there are, those of the first fields, and the ending of their files:
 *
 *   DAMAGED_INDEXES, DAMAGED_ENDING
 *   DAMAGE_MAY_BE_MET: 1 if searches find only the damage that they come to; not defined: all */
#ifndef MV_INDEX_DAMAGE_H
#define MV_INDEX_DAMAGE_H

#include "storage/section_file.h"
#include "storage/section_format.h"
#include "test/collection_files.h"

#define DAMAGE_FLIPS 3u /* of each section */

/* What the test has, too. Open the collection. How many of the first `queries` searches, or of all
 * if there are fewer, have wrong hits? Search, with no place for an error. And make the collection,
 * in the directory `whole`, with everything in one segment. */
static mv_collection *open_to_damage(const char *path);
static uint32_t wrong_searches(mv_collection *c, size_t queries);
static mv_index_stats stats_of(mv_collection *c, uint32_t field);
static void search_silently(mv_collection *c, uint32_t field);
static void make_whole(void);

static char whole[128], hurt[128], file_names[DAMAGED_INDEXES][64];
static uint8_t *whole_bytes[DAMAGED_INDEXES]; /* of the files */
static size_t whole_sizes[DAMAGED_INDEXES];
static uint64_t indexed_rows;
static uint32_t behind, found_behind, met_less;

static inline void damage_begin(void)
{
    (void)snprintf(whole, sizeof whole, "%s", sample_path("whole"));
    (void)snprintf(hurt, sizeof hurt, "%s", sample_path("hurt"));
    make_whole();
    for (uint32_t f = 0; f < DAMAGED_INDEXES; f++) {
        char ending[32];
        (void)snprintf(ending, sizeof ending, ".%u." DAMAGED_ENDING, f + 1); /* uids follow the
                                                                              * order */
        EXPECT(files_with(whole, ending, file_names[f]) == 1);
        whole_bytes[f] = file_bytes(whole, file_names[f], &whole_sizes[f]);
    }
    mv_collection *c = open_to_damage(whole);
    indexed_rows = stats_of(c, 0).indexed_rows;
    WORKS(mv_close(c, &error));
}

static inline void damage_end(void)
{
    printf("%u kinds of damage behind checksums, searches found %u, %u had other hits\n", behind,
           found_behind, met_less);
    for (uint32_t f = 0; f < DAMAGED_INDEXES; f++) mem_free(whole_bytes[f], whole_sizes[f]);
    remove_tree(whole);
    remove_tree(hurt);
}

/* A copy of the collection, with another file of this index. */
static inline void hurt_with(uint32_t field, const uint8_t *content, size_t size)
{
    char path[512];
    copy_collection(whole, hurt);
    (void)snprintf(path, sizeof path, "%s/%s", hurt, file_names[field]);
    FILE *file = fopen(path, "wb");
    EXPECT(file && fwrite(content, 1, size, file) == size);
    if (file) (void)fclose(file);
}

static inline void use_damaged(uint32_t field)
{
    mv_collection *c = open_to_damage(hurt);
    EXPECT(wrong_searches(c, SIZE_MAX) == 0);
#ifndef DAMAGE_MAY_BE_MET
    EXPECT(strstr(stats_of(c, field).warning, file_names[field]));
#endif
    EXPECT(mv_check(c, &error) == MV_CORRUPT && strstr(error.text, file_names[field]));
    mv_index_stats stats = stats_of(c, field);
    EXPECT(stats.warning[0] && strstr(stats.warning, file_names[field]));
    EXPECT(wrong_searches(c, 2) == 0);
    WORKS(optimize_all(c, 1000));
    stats = stats_of(c, field);
    EXPECT(stats.segments == 1 && stats.indexed_rows == indexed_rows && !stats.warning[0]);
    WORKS(mv_check(c, &error));
    EXPECT(wrong_searches(c, SIZE_MAX) == 0);
    WORKS(mv_close(c, &error));
}

static inline void use_flipped(uint32_t field, size_t at)
{
    uint8_t bit = (uint8_t)(1u << mix(at) % 8);
    doing_now("a bit of byte %zu of %s", at, file_names[field]);
    whole_bytes[field][at] ^= bit;
    hurt_with(field, whole_bytes[field], whole_sizes[field]);
    whole_bytes[field][at] ^= bit;
    use_damaged(field);
}

static inline void test_damage(uint32_t field)
{
    section_header header;
    memcpy(&header, whole_bytes[field], sizeof header);
    for (size_t at = 0; at < sizeof header; at += 7) use_flipped(field, at);
    for (uint32_t i = 0; i < header.sections && unmet < 20; i++) {
        section_entry entry;
        size_t at_entry = (size_t)header.table_offset + i * sizeof entry;
        memcpy(&entry, whole_bytes[field] + at_entry, sizeof entry);
        use_flipped(field, at_entry + mix(i) % sizeof entry);
        for (uint32_t n = 0; n < DAMAGE_FLIPS && entry.size; n++)
            use_flipped(field, (size_t)(entry.offset + mix(n * 31 + i) % entry.size));
    }
    for (uint32_t n = 0; n < 5; n++) {
        hurt_with(field, whole_bytes[field], n ? (size_t)(mix(n) % whole_sizes[field]) : 0);
        use_damaged(field);
    }
    uint32_t other = field ? 0 : 1;
    hurt_with(field, whole_bytes[other], whole_sizes[other]); /* the other field's */
    use_damaged(field);
}

static inline void test_missing(uint32_t field)
{
    char path[512];
    copy_collection(whole, hurt);
    (void)snprintf(path, sizeof path, "%s/%s", hurt, file_names[field]);
    EXPECT(!unlink(path));
    use_damaged(field);
}

/* Change the file of an open collection: `count` random bytes of a section, but for the first one:
 * the head is checked with the sizes of all others when a file is opened. */
static inline void change_section(uint32_t field, uint32_t number, uint32_t count, uint64_t random)
{
    char path[512];
    section_header header;
    section_entry entry;
    memcpy(&header, whole_bytes[field], sizeof header);
    memcpy(&entry,
           whole_bytes[field] + header.table_offset +
               (1 + number % (header.sections - 1)) * sizeof entry,
           sizeof entry);
    (void)snprintf(path, sizeof path, "%s/%s", hurt, file_names[field]);
    FILE *file = fopen(path, "r+b");
    EXPECT(file);
    for (uint32_t i = 0; file && i < count && entry.size; i++) {
        (void)fseek(file, (long)(entry.offset + mix(100 * random + i) % entry.size), SEEK_SET);
        (void)fputc((int)(mix(random + i) & 0xff), file);
    }
    if (file) (void)fclose(file);
}

/* Damage behind the checksums, as a mistake of ours would make it: the file changes when it was
 * verified already. Every search checks what it follows, and answers something. Up to 2 * `most`
 * bytes more than one are changed. */
static inline void test_damage_behind_checksums(uint32_t field, uint32_t rounds, uint32_t most)
{
    copy_collection(whole, hurt);
    for (uint32_t n = 0; n < rounds && unmet < 20; n++, behind++) {
        mv_collection *c = open_to_damage(hurt);
        doing_now("round %u of %s", n, file_names[field]);
        EXPECT(wrong_searches(c, 1) == 0);
        change_section(field, n, 1 + n % 3 * most, n);
        search_silently(c, field);
        met_less += wrong_searches(c, SIZE_MAX) > 0;
        found_behind += stats_of(c, field).warning[0] != 0;
        if (mv_check(c, &error)) EXPECT(wrong_searches(c, 3) == 0);
        WORKS(mv_close(c, &error));
        hurt_with(field, whole_bytes[field], whole_sizes[field]);
    }
}

#endif
