/* The policy of merging, simulated: segments are sealed one after the other, and after each the
 * plan's groups are done without the work. What is counted is work per row. */
#include "job/merge_plan.h"
#include "test/sample.h"
#include "transaction/seal.h"

#define SEGMENTS_MAX 256u

typedef struct simulation {
    mv_schema *schema;
    view *v;
    shared_index graph; /* of every segment that has one */
    uint64_t rows, copied, inserted, merges_of_most, built;
    uint32_t most_segments; /* when the plan has nothing to do */
} simulation;

static bool simulation_begin(simulation *s, uint32_t dim)
{
    mv_vector_options vector = {.name = "v",
                                .type = MV_VECTOR_FP32,
                                .dim = dim,
                                .metric = MV_L2,
                                .index.type = MV_INDEX_HNSW};
    size_t size = sizeof(view) + SEGMENTS_MAX * sizeof(view_segment);
    *s = (simulation){.graph = {.number = 1}};
    WORKS(mv_schema_create("simulated", &s->schema, &error));
    WORKS(mv_schema_add_vector(s->schema, &vector, &error));
    s->v = mem_alloc_zero(size);
    if (!s->v) return false;
    s->v->size = size;
    s->v->schema = s->schema;
    for (uint32_t i = 0; i < SEGMENTS_MAX; i++) {
        s->v->segments[i].indexes = mem_alloc_zero(sizeof(shared_index *));
        if (!s->v->segments[i].indexes) return false;
    }
    return true;
}

static void simulation_end(simulation *s)
{
    for (uint32_t i = 0; i < SEGMENTS_MAX; i++)
        mem_free(s->v->segments[i].indexes, sizeof(shared_index *));
    mem_free(s->v, s->v->size);
    mv_schema_free(s->schema);
}

static void set_segment(simulation *s, uint32_t at, uint32_t rows, bool has_graph)
{
    s->v->segments[at].table.rows = rows;
    s->v->segments[at].indexes[0] = has_graph ? &s->graph : NULL;
}

/* Put one segment in the place of the group's. */
static void finish_group(simulation *s, const merge_plan *p)
{
    view *v = s->v;
    uint32_t rows = (uint32_t)merge_plan_rows(p), end = p->end;
    bool has_most = false, builds = merge_plan_builds(p, 0);
    for (uint32_t i = p->begin; i < p->end; i++)
        has_most |= v->segments[i].table.rows * 2ull > s->rows;
    s->merges_of_most += p->merges && has_most;
    s->inserted += merge_plan_inserted_rows(p);
    s->copied += p->merges ? rows : 0;
    s->built += builds;
    set_segment(s, p->begin, rows, builds || !p->merges);
    for (uint32_t to = p->begin + 1; end < v->segments_count; to++, end++)
        set_segment(s, to, v->segments[end].table.rows, v->segments[end].indexes[0] != NULL);
    v->segments_count -= p->end - p->begin - 1;
}

/* Do small groups of the segments that are newer than segment `at`. */
static void maintain_newer(simulation *s, uint32_t at)
{
    for (bool more = true; more;) {
        merge_plan p = merge_plan_start(s->v, false);
        p.by_levels = p.only_small = true;
        p.first = at + 1;
        more = merge_plan_next(&p);
        if (more) finish_group(s, &p);
    }
}

/* Do what maintenance would, a new plan after each group. */
static void maintain(simulation *s)
{
    for (bool more = true; more;) {
        merge_plan p = merge_plan_start(s->v, false);
        p.by_levels = true;
        more = merge_plan_next(&p);
        if (more) finish_group(s, &p);
    }
    if (s->v->segments_count > s->most_segments) s->most_segments = s->v->segments_count;
}

static void seal(simulation *s, uint32_t rows)
{
    set_segment(s, s->v->segments_count++, rows, false);
    s->rows += rows;
}

static void write_rows(simulation *s, uint32_t count)
{
    for (uint64_t until = s->rows + count; s->rows < until;) {
        uint64_t rows = s->rows / SEAL_ROWS_ONE_IN;
        if (rows < SEAL_ROWS_MIN) rows = SEAL_ROWS_MIN;
        if (rows > SEAL_ROWS_MAX) rows = SEAL_ROWS_MAX;
        seal(s, (uint32_t)rows);
        maintain(s);
    }
}

/* Each row is to be rewritten a number of times that grows with the logarithm of all rows. */
static void test_growth(uint32_t rows, double copied_most, double inserted_most)
{
    simulation s;
    if (!EXPECT(simulation_begin(&s, 768))) return;
    write_rows(&s, rows);
    doing_now("%u segments; for each row %.2f copied, %.2f inserted", s.most_segments,
              (double)s.copied / (double)s.rows, (double)s.inserted / (double)s.rows);
    EXPECT(s.most_segments <= 6);
    EXPECT((double)s.copied <= copied_most * (double)s.rows);
    EXPECT((double)s.inserted <= inserted_most * (double)s.rows);
    simulation_end(&s);
}

/* Of a large segment with a graph, 600 MB of vectors, a copy is made when a quarter of the new one
 * is of newer rows: not before 16 sealings of 4,096 rows, and then about as often as it grows by a
 * third. */
static void test_beside_large(void)
{
    simulation s;
    if (!EXPECT(simulation_begin(&s, 768))) return;
    set_segment(&s, 0, 200000, true);
    s.v->segments_count = 1;
    s.rows = 200000;
    write_rows(&s, 65000);
    doing_now("%" PRIu64 " copied, %" PRIu64 " inserted", s.copied, s.inserted);
    EXPECT(s.merges_of_most == 0);
    EXPECT(s.copied <= 7 * 65536 && s.inserted <= 65536);
    write_rows(&s, 335000);
    doing_now("%" PRIu64 " merges", s.merges_of_most);
    EXPECT(s.merges_of_most >= 1 && s.merges_of_most <= 5);
    EXPECT(s.most_segments <= 6);
    simulation_end(&s);
}

/* While a large group is worked on, newer rows are to lie in few segments. */
static void test_newer_groups(uint32_t dim, uint32_t segments_most, uint32_t copied_most)
{
    simulation s;
    const uint32_t sealed = 40;
    if (!EXPECT(simulation_begin(&s, dim))) return;
    set_segment(&s, 0, 400000, true); /* the large group */
    s.v->segments_count = 1;
    for (uint32_t i = 0; i < sealed; i++) {
        seal(&s, SEAL_ROWS_MAX);
        maintain_newer(&s, 0);
    }
    doing_now("%u segments; for each row %.2f copied, %.2f inserted", s.v->segments_count - 1,
              (double)s.copied / (sealed * SEAL_ROWS_MAX),
              (double)s.inserted / (sealed * SEAL_ROWS_MAX));
    EXPECT(s.v->segments_count - 1 <= segments_most);
    EXPECT(s.copied <= (uint64_t)copied_most * sealed * SEAL_ROWS_MAX);
    EXPECT(s.inserted <= 2 * sealed * SEAL_ROWS_MAX);
    simulation_end(&s);
}

/* A deleted row costs the copy of a few others: not that of the whole segment. */
static void test_deletions(void)
{
    simulation s;
    live_rows live = {.deleted = 1};
    if (!EXPECT(simulation_begin(&s, 64))) return;
    set_segment(&s, 0, 20000, true);
    s.v->segments_count = 1;
    s.v->segments[0].live = &live;
    maintain(&s);
    EXPECT(s.copied == 0);
    live.deleted = 3999;
    maintain(&s);
    EXPECT(s.copied == 0);
    merge_plan whole = merge_plan_start(s.v, false); /* as optimize does */
    EXPECT(merge_plan_next(&whole) && whole.merges);
    live.deleted = 4000;
    merge_plan levels = merge_plan_start(s.v, false);
    levels.by_levels = true;
    EXPECT(merge_plan_next(&levels) && levels.merges);
    simulation_end(&s);
}

int main(void)
{
    RUN(test_growth(10000, 5.5, 1.1));
    RUN(test_growth(65536, 13.1, 1.1));
    RUN(test_growth(200000, 10.3, 1.8));
    RUN(test_growth(1000000, 10.6, 2.3));
    RUN(test_beside_large());
    RUN(test_newer_groups(768, 4, 8));
    RUN(test_newer_groups(100, 6, 8));
    RUN(test_deletions());
    return tests_conclude();
}
