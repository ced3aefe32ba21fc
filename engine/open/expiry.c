/* Expired rows: a bitmap for each segment, brought forward to the second that is asked for.
 *
 * For each zone of rows the second is kept at which the next of its rows expires. So a zone is read
 * only when one of its rows has expired since, once a second at most: 16,384 rows take 30 us. As
 * long as no zone says so, a view is shared without a look at the rows. Zones that were never read
 * begin with the minimum that is stored for them (table_zone). */
#include "open/expiry.h"

#include <string.h>

typedef struct expiry {
    size_t size;          /* bytes, of all of it */
    int64_t now;          /* the second that `expired` is of */
    uint32_t zones_count; /* of TABLE_ZONE_ROWS rows */
    int64_t *until;       /* one per zone: when the next of its rows expires */
    uint64_t *expired;    /* a bit per row */
} expiry;

void expiry_free(expiry *x)
{
    if (x) mem_free(x, x->size);
}

static int64_t first_second(const table_column *column, mv_type type, uint32_t zone)
{
    const table_zone *summary = column->zones ? &column->zones[zone] : NULL;
    if (!summary) return INT64_MIN;
    if (summary->min > summary->max) return SCHEMA_NEVER; /* all are NULL */
    uint64_t bits = order_bits_of_key(type, summary->min);
    return schema_retention_second(type, (const uint8_t *)&bits);
}

/* Begin again, from before all times: nothing has expired. */
static void begin_again(expiry *x, const table *t, const table_column *column, mv_type type)
{
    x->now = INT64_MIN;
    memset(x->expired, 0, bits_words(t->rows) * sizeof *x->expired);
    for (uint32_t zone = 0; zone < x->zones_count; zone++)
        x->until[zone] = first_second(column, type, zone);
}

static expiry *make_expiry(const table *t, const table_column *column, mv_type type)
{
    uint32_t zones = table_zones(t->rows);
    size_t size = sizeof(expiry) + zones * sizeof(int64_t) + bits_words(t->rows) * sizeof(uint64_t);
    expiry *x = mem_alloc(size);
    if (!x) return NULL;
    *x = (expiry){.size = size, .zones_count = zones};
    x->until = (int64_t *)(void *)(x + 1);
    x->expired = (uint64_t *)(void *)(x->until + zones);
    begin_again(x, t, column, type);
    return x;
}

static void read_zone(expiry *x, const table *t, const table_column *column, mv_type type,
                      uint32_t zone)
{
    size_t width = cell_width(type);
    uint32_t begin = zone * TABLE_ZONE_ROWS, left = t->rows - begin;
    uint32_t end = begin + (left < TABLE_ZONE_ROWS ? left : TABLE_ZONE_ROWS);
    int64_t until = SCHEMA_NEVER;
    for (uint32_t row = begin; row < end; row++) {
        if (table_is_null(column, row)) continue;
        int64_t second = schema_retention_second(type, column->values + row * width);
        if (second <= x->now)
            bits_set(x->expired, row);
        else if (second < until)
            until = second;
    }
    x->until[zone] = until;
}

/* Bring the bitmap to second `now`, forward, or from the beginning if the clock was set back. */
static void bring_to(expiry *x, const table *t, const table_column *column, mv_type type,
                     int64_t now)
{
    if (now < x->now) begin_again(x, t, column, type);
    x->now = now;
    for (uint32_t zone = 0; zone < x->zones_count; zone++)
        if (x->until[zone] <= now) read_zone(x, t, column, type, zone);
}

mv_err expiry_derive_locked(shared_segment *shared, uint32_t field, const live_rows *live,
                            int64_t now, live_rows **seen, int64_t *until, mv_error *error)
{
    const table *t = &shared->s->table;
    const table_column *column = &t->columns[field];
    mv_type type = shared->schema->fields[field].type;
    size_t words = bits_words(t->rows), size = words * sizeof(uint64_t);
    uint64_t lost = 0;
    *seen = NULL;
    *until = SCHEMA_NEVER;
    if (!shared->expiry && !(shared->expiry = make_expiry(t, column, type)))
        return error_memory(error, size, "the expired rows of a segment");
    expiry *x = shared->expiry;
    bring_to(x, t, column, type, now);
    for (uint32_t zone = 0; zone < x->zones_count; zone++)
        if (x->until[zone] < *until) *until = x->until[zone];
    for (size_t i = 0; i < words; i++) lost |= x->expired[i] & (live ? live->bits[i] : UINT64_MAX);
    if (!lost) return MV_OK;
    live_rows *derived = mem_alloc(sizeof *derived + size);
    if (!derived) return error_memory(error, size, "the rows of a segment that have not expired");
    *derived = (live_rows){.refs = 1, .words = words};
    bits_fill(derived->bits, t->rows);
    for (size_t i = 0; i < words; i++)
        derived->bits[i] &= ~x->expired[i] & (live ? live->bits[i] : UINT64_MAX);
    derived->deleted = t->rows - bits_count(derived->bits, t->rows);
    *seen = derived;
    return MV_OK;
}
