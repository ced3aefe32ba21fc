/* Damage in every part of a graph's file: bits flipped, all over and in the header and table, the
 * file cut or exchanged for another graph's.
 *
 * Searches go on, with right hits whatever the graph says; check finds every changed byte that is
 * used; optimize rebuilds the graph. Nothing may crash: run it under the address sanitizer, too.
 */
#include "storage/section_file.h"
#include "storage/section_format.h"
#include "test/graph_sample.h"

#define ROWS        4300u /* enough for a search to walk the graph */
#define FLIPS       20u   /* of each section */
#define REBUILD_ONE 40u   /* the graph is rebuilt in one of this many trials */

static char base[128], path[128];
static char names[GRAPH_FIELDS][64];
static uint8_t *bytes[GRAPH_FIELDS];
static size_t sizes[GRAPH_FIELDS];
static uint64_t random_state = 11;
static uint32_t trials, found, walked;

static size_t below(size_t limit)
{
    return (size_t)(mix(random_state++) % limit);
}

static void make_base(void)
{
    mv_collection *c = NULL;
    WORKS(graph_open(base, (mv_open_options){.manual_maintenance = true}, &c));
    WORKS(graph_write(c, 0, ROWS, ROWS));
    WORKS(optimize_all(c, 1000));
    WORKS(mv_close(c, &error));
    for (uint32_t field = 0; field < GRAPH_FIELDS; field++) {
        char ending[16], full[256];
        (void)snprintf(ending, sizeof ending, ".%u.hnsw", 2 + field); /* uids follow the field's */
        EXPECT(graph_files(base, ending, names[field]) == 1);
        (void)snprintf(full, sizeof full, "%s/%s", base, names[field]);
        FILE *file = fopen(full, "rb");
        EXPECT(file);
        if (!file) continue;
        (void)fseek(file, 0, SEEK_END);
        sizes[field] = (size_t)ftell(file);
        rewind(file);
        bytes[field] = mem_alloc(sizes[field]);
        EXPECT(fread(bytes[field], 1, sizes[field], file) == sizes[field] && !fclose(file));
    }
}

static void store(uint32_t field, const uint8_t *content, size_t size)
{
    char full[256];
    (void)snprintf(full, sizeof full, "%s/%s", path, names[field]);
    FILE *file = fopen(full, "wb");
    EXPECT(file && fwrite(content, 1, size, file) == size && !fclose(file));
}

static bool is_used(uint32_t field, size_t at)
{
    section_header header;
    memcpy(&header, bytes[field], sizeof header);
    if (at < sizeof header || at >= header.table_offset) return true;
    for (uint32_t i = 0; i < header.sections; i++) {
        section_entry entry;
        memcpy(&entry, bytes[field] + header.table_offset + i * sizeof entry, sizeof entry);
        if (at >= entry.offset && at - entry.offset < entry.size) return true;
    }
    return false;
}

/* ---------------------------------------------------------------- one trial */

/* The hits are documents that are there, with the right distances, in order; which ones is the
 * damaged graph's to say, as long as it is not known to be. */
static void search(mv_collection *c, uint32_t field)
{
    double recall = graph_recall(c, (graph_asked){field, .topk = 10});
    EXPECT(recall >= 0);
    EXPECT(graph_recall(c, (graph_asked){field, .topk = 10, .from = 100}) >= 0);
    EXPECT(graph_recall(c, (graph_asked){field, .topk = 10, .strategy = MV_STRATEGY_EXACT}) >= 1);
    walked += recall < 1;
}

static void use(uint32_t field, bool damaged)
{
    mv_collection *c = NULL;
    size_t before = mem_bytes();
    WORKS(mv_open(path, &(mv_open_options){.manual_maintenance = true}, &c, &error));
    search(c, field);
    mv_err err = mv_check(c, &error);
    EXPECT(damaged ? err == MV_CORRUPT && strstr(error.text, names[field]) : err == MV_OK);
    found += err == MV_CORRUPT;
    EXPECT((graph_stats(c, field).warning[0] != 0) == damaged);
    if (damaged) RECALLS(c, 1, field, .topk = 10); /* it is known now */
    if (trials % REBUILD_ONE == 0) {
        WORKS(optimize_all(c, 1000));
        WORKS(mv_check(c, &error));
        EXPECT(graph_stats(c, field).indexed_rows == ROWS);
        RECALLS(c, 0.9, field, .topk = 10);
        WORKS(mv_close(c, &error));
        graph_copy(base, path);
    } else {
        WORKS(mv_close(c, &error));
        store(field, bytes[field], sizes[field]);
    }
    EXPECT(mem_bytes() == before);
    trials++;
}

static void flip(uint32_t field, size_t at)
{
    int unmet_before = unmet;
    uint8_t bit = (uint8_t)(1u << below(8));
    bytes[field][at] ^= bit;
    store(field, bytes[field], sizes[field]);
    bytes[field][at] ^= bit;
    use(field, is_used(field, at));
    if (unmet > unmet_before) printf("    after a flip in byte %zu of %s\n", at, names[field]);
}

static void test_flips_all_over(uint32_t field)
{
    section_header header;
    memcpy(&header, bytes[field], sizeof header);
    for (size_t at = 0; at < sizeof header; at += 1 + below(6)) flip(field, at);
    for (size_t at = (size_t)header.table_offset; at < sizes[field]; at += 1 + below(40))
        flip(field, at);
    for (uint32_t i = 0; i < header.sections && unmet < 20; i++) {
        section_entry entry;
        memcpy(&entry, bytes[field] + header.table_offset + i * sizeof entry, sizeof entry);
        for (uint32_t n = 0; n < FLIPS && entry.size; n++)
            flip(field, (size_t)entry.offset + below((size_t)entry.size));
    }
}

/* Damage with right checksums, as a mistake of ours would make it: every search checks what it
 * follows. */
static void test_forged_checksums(uint32_t field)
{
    section_header header;
    memcpy(&header, bytes[field], sizeof header);
    uint8_t *forged = mem_alloc(sizes[field]);
    for (uint32_t n = 0; n < 60 && unmet < 20; n++) {
        memcpy(forged, bytes[field], sizes[field]);
        section_entry entry;
        uint8_t *at_entry = forged + header.table_offset + below(header.sections) * sizeof entry;
        memcpy(&entry, at_entry, sizeof entry);
        for (uint32_t i = 0; i < 50 && entry.size; i++)
            forged[entry.offset + below((size_t)entry.size)] = (uint8_t)mix(random_state++);
        mv_collection *c = NULL;
        store(field, forged, sizes[field]); /* the catalog knows the header's checksum, no more */
        WORKS(mv_open(path, &(mv_open_options){.manual_maintenance = true}, &c, &error));
        search(c, field);
        WORKS(mv_close(c, &error));
        trials++;
    }
    store(field, bytes[field], sizes[field]);
    mem_free(forged, sizes[field]);
}

static void test_cut_and_exchanged(uint32_t field)
{
    uint32_t other = (field + 1) % GRAPH_FIELDS;
    for (uint32_t n = 0; n < 15; n++) {
        store(field, bytes[field], n < 5 ? n * 16 : below(sizes[field]));
        use(field, true);
    }
    store(field, bytes[other], sizes[other]);
    use(field, true);
}

int main(void)
{
    (void)setvbuf(stdout, NULL, _IOLBF, 0);
    if (!sample_place_make("graph-damage")) return tests_conclude();
    (void)snprintf(base, sizeof base, "%s", sample_path("base"));
    (void)snprintf(path, sizeof path, "%s", sample_path("c"));
    make_base();
    graph_copy(base, path);
    for (uint32_t field = 0; field < GRAPH_FIELDS; field++) {
        RUN_WITH(names[field], test_flips_all_over(field));
        RUN_WITH(names[field], test_forged_checksums(field));
        RUN_WITH(names[field], test_cut_and_exchanged(field));
    }
    printf("%u kinds of damage, %u found; %u searches met less for it\n", trials, found, walked);
    for (uint32_t field = 0; field < GRAPH_FIELDS; field++) mem_free(bytes[field], sizes[field]);
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
