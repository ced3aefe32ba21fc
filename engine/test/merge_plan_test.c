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
    mv_vector_options vector = {"v", MV_VECTOR_FP32, dim, MV_L2, {MV_INDEX_HNSW, {{0}}}};
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

/* Do what maintenance would, a new plan after each group. */
static void maintain(simulation *s)
{
    for (bool more = true; more;) {
        merge_plan p = merge_plan_start(s->v, false);
        p.small_groups = true;
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

static void show(const simulation *s, const char *what)
{
    printf("%s: %llu rows, at most %u segments; for each row %.2f copied, %.2f inserted; %llu "
           "graphs, %llu merges of the largest\n",
           what, (unsigned long long)s->rows, s->most_segments, (double)s->copied / (double)s->rows,
           (double)s->inserted / (double)s->rows, (unsigned long long)s->built,
           (unsigned long long)s->merges_of_most);
}

static void test_growth(uint32_t dim, uint32_t rows)
{
    simulation s;
    EXPECT(simulation_begin(&s, dim));
    write_rows(&s, rows);
    show(&s, "growth");
    simulation_end(&s);
}

int main(void)
{
    for (int i = 0; i < 3; i++) {
        uint32_t dims[] = {64, 384, 768};
        uint32_t rows[] = {10000, 65536, 200000, 1000000};
        for (int j = 0; j < 4; j++) {
            printf("dim %u ", dims[i]);
            RUN(test_growth(dims[i], rows[j]));
        }
    }
    return tests_conclude();
}
