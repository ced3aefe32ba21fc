#include "job/slowdown.h"

#include "job/merge_plan.h"

#define SEARCH_SECONDS 2.0   /* how long a search counts; chosen */
#define ROW_SECONDS    0.001 /* the wait for a row at twice the limit */
#define OVER_MAX       2.0   /* times that, at most */
#define WAIT_MIN       5e-5  /* shorter waits are left out: a sleep takes as long by itself */
#define WAIT_MAX       5.0   /* of one write: a large batch would wait for minutes; chosen */
#define WAIT_STEP      0.05  /* how often a long wait looks whether it is still needed; chosen */

void slowdown_note_view(engine *e, const view *v)
{
    atomic_store(&e->lacking_rows, merge_plan_lacking_rows(v, 0));
}

static bool has_searches(engine *e)
{
    uint64_t word = atomic_load(catalog_shared_word(e->catalog, CATALOG_WORD_SEARCH));
    double ago = os_seconds() - (double)word / 1000;
    return ago >= 0 && ago <= SEARCH_SECONDS;
}

static double seconds_to_wait(engine *e, uint64_t rows, uint64_t limit)
{
    uint64_t lacking = atomic_load(&e->lacking_rows);
    if (!rows || lacking <= limit || !has_searches(e)) return 0;
    double over = ((double)lacking - (double)limit) / (double)limit,
           seconds = (over < OVER_MAX ? over : OVER_MAX) * ROW_SECONDS * (double)rows;
    return seconds < WAIT_MAX ? seconds : WAIT_MAX;
}

/* Look at the last commit, which may be one of maintenance. */
static void look_again(engine *e)
{
    snapshot s;
    if (snapshot_open(e, &s, NULL)) return;
    slowdown_note_view(e, s.v);
    snapshot_close(&s);
}

void slowdown_wait(engine *e, uint64_t rows, uint64_t limit)
{
    double seconds = seconds_to_wait(e, rows, limit), waited = 0;
    if (seconds < WAIT_MIN) return;
    while (waited < seconds) {
        double step = seconds - waited < WAIT_STEP ? seconds - waited : WAIT_STEP;
        os_sleep(step);
        waited += step;
        if (waited >= seconds) break;
        look_again(e);
        double now = seconds_to_wait(e, rows, limit);
        if (now < seconds) seconds = now;
    }
    atomic_fetch_add(&e->slowed_us, (uint64_t)(waited * 1e6));
}
