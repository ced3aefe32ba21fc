#include "job/slowdown.h"

#include "job/merge_plan.h"

#define SEARCH_SECONDS 2.0   /* how long a search counts; chosen */
#define ROW_SECONDS    0.001 /* the wait for a row at twice the limit */
#define OVER_MAX       2.0   /* times that, at most */
#define WAIT_MIN       5e-5  /* shorter waits are left out: a sleep takes as long by itself */

void slowdown_note_view(engine *e, const view *v)
{
    atomic_store(&e->lacking_rows, merge_plan_lacking_rows(v));
}

static bool has_searches(engine *e)
{
    uint64_t word = atomic_load(catalog_shared_word(e->catalog, CATALOG_WORD_SEARCH));
    double ago = os_seconds() - (double)word / 1000;
    return ago >= 0 && ago <= SEARCH_SECONDS;
}

void slowdown_wait(engine *e, uint64_t rows, uint64_t limit)
{
    uint64_t lacking = atomic_load(&e->lacking_rows);
    if (!rows || lacking <= limit || !has_searches(e)) return;
    double over = ((double)lacking - (double)limit) / (double)limit,
           seconds = (over < OVER_MAX ? over : OVER_MAX) * ROW_SECONDS * (double)rows;
    if (seconds < WAIT_MIN) return;
    os_sleep(seconds);
    atomic_fetch_add(&e->slowed_us, (uint64_t)(seconds * 1e6));
}
