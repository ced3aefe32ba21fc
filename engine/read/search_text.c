/* Searching by text: the documents that match a full-text query, best first by BM25 (Robertson,
 * Zaragoza: The Probabilistic Relevance Framework, 2009). The score of a document is the sum, over
 * the words of the query, of
 *
 *   boost × idf × f × (k1 + 1) / (f + k1 × (1 - b + b × length / mean))
 *   idf = ln(1 + (N - n + 0.5) / (n + 0.5))
 *
 * N: documents that have the field, n: those of them that have the word, f: how often the document
 * has it, length: its words, mean: the mean of all lengths. These numbers are those of the
 * collection in the commit that is read: first they are added up over all segments and the rows
 * that are not indexed, without deleted rows. So scores do not depend on how rows lie in segments.
 *
 * Rows that wait for an index (fresh ones, and those of new and of small segments) have lists in
 * memory (open/waiting_lists.h). Where there are none either, they are read one by one. */
#include "read/search_text.h"

#include <math.h>
#include <string.h>

#include "base/sorted.h"
#include "read/explain.h"
#include "read/text_segment.h"

/* The least weight of a leaf. Its rows are kept as floats above 0, as fractions of the sum of all
 * weights; boosts that are multiplied can be too small for that. */
#define WEIGHT_MIN 1e-20

/* Rows that have ranked lists: a segment, or a chunk of fresh rows. */
typedef struct text_part {
    text_segment s;      /* s.lists NULL: it has none */
    shared_index *index; /* whose lists they are; NULL: they are of rows that wait for one */
    table table;
    uint64_t *matches; /* of a chunk: rows that are seen, and pass the filter */
} text_part;

/* A row without lists that has a positive leaf. */
typedef struct text_row {
    uint64_t docid;
    uint64_t row; /* as mv_hit has it */
    uint32_t source;
    uint32_t length;
    bool matches; /* the tree */
    bool passes;  /* the filter */
    uint32_t freqs[];
} text_row;

typedef struct text_search {
    search *s;
    const mv_index_options *options;
    text_query query;
    text_match match;
    text_analyzer *analyzer; /* of the query */
    mem_arena *arena;        /* the scratch of the result */
    mem_buffer rows;         /* of text_row, each row_size bytes; ascending by docid */
    size_t row_size;
    text_part *segments;    /* one for each of the view */
    mem_buffer chunks;      /* of text_part: those of fresh rows that have lists */
    fresh_rows *fresh;      /* a reference, for `chunks`; NULL: there are none */
    ranked_cursor *cursors; /* one for each leaf */
    void *ranking;          /* memory of ranked_search, for one part after the other */
    uint64_t documents, tokens;
    uint64_t *with_leaf; /* documents that have it */
    float *weights;
    float c, d;
    shared_index *damaged; /* the index in which damage was found */
} text_search;

static const view *view_of(const text_search *t)
{
    return t->s->r->seen->v;
}

/* ---------------------------------------------------------------- the query */

/* Read what is searched for, and keep it for highlights. */
static mv_err read_query(text_search *t, mv_error *error)
{
    const mv_query *q = t->s->q;
    mv_result *r = t->s->r;
    mv_match_node typed = {.kind = MV_MATCH_TYPED, .text = q->text, .size = q->text_size};
    mv_match given = q->text ? (mv_match){&typed, 1} : q->match;
    char quoted[ERROR_QUOTE_SIZE];
    MV_TRY(text_query_data_copy(&given, &r->arena, &r->match, error));
    MV_TRY(text_query_data_read(&r->match, t->analyzer, TEXT_WORDS_ANY, &t->query, error));
    if (!t->query.leaves_count || t->query.has_positive) return MV_OK;
    if (!q->text)
        return error_set(error, MV_MISUSE,
                         "match, or an 'all' in it, only excludes: a search needs a word that is "
                         "to be found");
    return error_set(error, MV_MISUSE,
                     "text '%s' only excludes: a search needs a word that is to be found",
                     error_quote(q->text, q->text_size, quoted));
}

/* ---------------------------------------------------------------- statistics */

/* Add the documents and tokens of a table. Returns the documents. */
static uint64_t count_text_rows(text_search *t, const table *rows_of, const ranked_lists *lists)
{
    const uint64_t *live = rows_of->live, *nulls = rows_of->columns[t->s->q->text_field].nulls;
    uint32_t rows = rows_of->rows;
    uint64_t documents = 0;
    t->tokens += lists->head.tokens;
    if (!live && !nulls) documents = rows;
    for (uint32_t word = 0; word < bits_words(rows) && (live || nulls); word++) {
        uint64_t all = word < rows / 64 ? UINT64_MAX : ((uint64_t)1 << rows % 64) - 1,
                 kept = all & (live ? live[word] : UINT64_MAX),
                 texts = kept & (nulls ? ~nulls[word] : UINT64_MAX);
        documents += (uint64_t)__builtin_popcountll(texts);
        for (uint64_t deleted = all & ~kept; deleted; deleted &= deleted - 1)
            t->tokens -= ranked_length(lists, word * 64 + MV_LOWEST_BIT(deleted));
    }
    t->documents += documents;
    return documents;
}

/* Begin a part, and add what its lists, if it has some, tell to the statistics. */
static mv_err count_lists(text_search *t, text_part *p, const ranked_lists *lists, mv_error *error)
{
    p->s = (text_segment){
        .lists = lists, .query = &t->query, .cursors = t->cursors, .match = &t->match};
    if (!lists) return MV_OK;
    p->s.leaves = text_segment_alloc(t->arena, t->query.leaves_count * sizeof *p->s.leaves, error);
    if (!p->s.leaves) return MV_NO_MEMORY;
    t->damaged = p->index; /* if what follows fails */
    uint64_t documents = count_text_rows(t, &p->table, lists);
    MV_TRY(text_segment_find(&p->s, t->arena, error));
    for (uint32_t i = 0; i < t->query.positive_count; i++) {
        uint32_t count;
        MV_TRY(text_segment_count(&p->s, i, p->table.live, &count, error));
        if (count > documents) return ranked_cursor_damaged(error); /* weights must be positive */
        t->with_leaf[i] += count;
    }
    t->damaged = NULL;
    return MV_OK;
}

static mv_err count_segments(text_search *t, mv_error *error)
{
    const view *v = view_of(t);
    for (uint32_t at = 0; at < v->segments_count; at++) {
        text_part *p = &t->segments[at];
        *p = (text_part){.table = v->segments[at].table};
        const ranked_lists *lists =
            text_segment_lists(t->s->r->seen, at, t->s->q->text_field, &p->index);
        if (!p->index) engine_note_waiting(t->s->r->e);
        MV_TRY(count_lists(t, p, lists, error));
    }
    return MV_OK;
}

/* Read a row without lists, and keep it if it has a positive leaf. */
static mv_err read_row(text_search *t, const scan *sc, uint32_t at, const index_column *column,
                       mv_error *error)
{
    uint32_t row = sc->begin + at;
    analysis terms = analysis_lend(column, t->analyzer);
    bool has_leaf = false;
    if (column->nulls && bits_get(column->nulls, row)) return MV_OK;
    if (!mem_buffer_reserve(&t->rows, t->row_size))
        return error_memory(error, t->rows.size, "a search by text");
    text_row *out = (text_row *)(void *)(t->rows.data + t->rows.size);
    MV_TRY(analysis_match(&terms, row, &t->match, error));
    MV_TRY(text_match_query(&t->match, &t->query, &out->matches, out->freqs, error));
    out->docid = sc->t->docids[row];
    out->row = scan_row(sc, at);
    out->source = sc->source;
    out->length = text_match_length(&t->match);
    out->passes = !t->s->f;
    t->documents++;
    t->tokens += out->length;
    for (uint32_t i = 0; i < t->query.positive_count; i++) {
        t->with_leaf[i] += out->freqs[i] > 0;
        has_leaf |= out->freqs[i] > 0;
    }
    if (has_leaf) t->rows.size += t->row_size;
    return MV_OK;
}

/* Visit the rows of segments without lists, and the fresh rows, that match `f`. */
static mv_err scan_waiting(text_search *t, filter *f, order *wanted,
                           mv_err (*visit)(text_search *, const scan *, mv_error *),
                           mv_error *error)
{
    mv_result *r = t->s->r;
    uint32_t at;
    scan sc;
    mv_err err = scan_begin(&sc, r->seen, f, wanted, FRESH_NO_VECTOR, &r->arena, &r->block, error);
    while (!err) {
        while (scan_at_segment(&sc, &at) && t->segments[at].s.lists) scan_skip_segment(&sc);
        if ((err = scan_next(&sc, error)) || !sc.t) break;
        err = visit(t, &sc, error);
    }
    if (!t->fresh) t->fresh = scan_take_fresh(&sc);
    scan_end(&sc);
    return err;
}

/* Add a chunk of fresh rows, which has lists. */
static mv_err count_chunk(text_search *t, const scan *sc, const ranked_lists *lists,
                          mv_error *error)
{
    uint32_t rows = sc->t->rows;
    size_t size = bits_words(rows) * sizeof(uint64_t);
    text_part part = {.table = *sc->t};
    if (!(part.matches = text_segment_alloc(t->arena, size, error))) return MV_NO_MEMORY;
    if (t->s->f)
        memset(part.matches, 0, size); /* mark_chunks */
    else if (sc->t->live)
        memcpy(part.matches, sc->t->live, size);
    else
        bits_fill(part.matches, rows);
    MV_TRY(count_lists(t, &part, lists, error));
    part.table.live = NULL; /* lent by the scan */
    if (mem_buffer_append(&t->chunks, &part, sizeof part)) return MV_OK;
    return error_memory(error, t->chunks.size, "a search by text");
}

static mv_err count_block(text_search *t, const scan *sc, mv_error *error)
{
    const mv_schema *schema = view_of(t)->schema;
    uint32_t field = t->s->q->text_field;
    index_column column = shared_index_column(&schema->fields[field], sc->t, field);
    const ranked_lists *lists = NULL;
    if (sc->source == RESULT_FRESH)
        lists = waiting_lists_get(scan_fresh_lists(sc, field), schema, field, sc->t);
    if (lists) return count_chunk(t, sc, lists, error);
    for (uint32_t at = scan_find(sc, 0); at < sc->count; at = scan_find(sc, at + 1))
        MV_TRY(read_row(t, sc, at, &column, error));
    return MV_OK;
}

/* Mark the rows of a block that pass the filter. Both are in the order of docids. */
static void mark_text_rows(text_search *t, const scan *sc)
{
    size_t count = t->rows.size / t->row_size, low = 0, high = count;
    uint32_t at = scan_find(sc, 0);
    if (at >= sc->count) return;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const text_row *row = (const text_row *)(void *)(t->rows.data + middle * t->row_size);
        if (row->docid < sc->t->docids[sc->begin + at])
            low = middle + 1;
        else
            high = middle;
    }
    for (; low < count && at < sc->count; low++) {
        text_row *row = (text_row *)(void *)(t->rows.data + low * t->row_size);
        while (at < sc->count && sc->t->docids[sc->begin + at] < row->docid)
            at = scan_find(sc, at + 1);
        row->passes = at < sc->count && sc->t->docids[sc->begin + at] == row->docid;
        if (at >= sc->count) break;
    }
}

/* Mark the rows of chunks that pass the filter. This scan may have other chunks than the first one,
 * so rows are found by docid. */
static void mark_chunks(text_search *t, const scan *sc)
{
    text_part *p = (text_part *)(void *)t->chunks.data, *end = p + t->chunks.size / sizeof *p;
    for (uint32_t at = scan_find(sc, 0); at < sc->count; at = scan_find(sc, at + 1)) {
        uint64_t docid = sc->t->docids[sc->begin + at];
        while (p < end && p->table.docids[p->table.rows - 1] < docid) p++;
        if (p == end) return;
        uint32_t row = sorted_lower_bound(p->table.docids, sizeof docid, p->table.rows, docid);
        if (p->table.docids[row] == docid) bits_set(p->matches, row);
    }
}

static mv_err mark_block(text_search *t, const scan *sc, mv_error *error)
{
    (void)error;
    if (t->rows.size) mark_text_rows(t, sc);
    if (sc->source == RESULT_FRESH && t->chunks.size) mark_chunks(t, sc);
    return MV_OK;
}

static mv_err count_waiting(text_search *t, mv_error *error)
{
    order wanted = {.count = 1, .keys = {{.field = t->s->q->text_field}}};
    t->row_size = sizeof(text_row) + t->query.positive_count * sizeof(uint32_t);
    t->row_size = (t->row_size + 7) & ~(size_t)7;
    MV_TRY(scan_waiting(t, NULL, &wanted, count_block, error));
    bool is_any = t->rows.size || t->chunks.size;
    return t->s->f && is_any ? scan_waiting(t, t->s->f, NULL, mark_block, error) : MV_OK;
}

static void set_weights(text_search *t)
{
    const mv_text_options *options = &t->options->as.text;
    double mean = t->documents ? (double)t->tokens / (double)t->documents : 0;
    uint32_t count;
    const text_leaf *leaves = text_query_leaves(&t->query, &count);
    for (uint32_t i = 0; i < count; i++) {
        double n = (double)t->with_leaf[i], all = (double)t->documents,
               idf = log(1 + (all - n + 0.5) / (n + 0.5));
        double weight = (double)leaves[i].boost * idf * (options->k1 + 1);
        t->weights[i] = (float)(weight > WEIGHT_MIN ? weight : WEIGHT_MIN);
    }
    t->c = (float)(options->k1 * (1 - options->b));
    t->d = (float)(mean > 0 ? options->k1 * options->b / mean : 0);
}

/* ---------------------------------------------------------------- ranking */

static void begin_text_step(const text_search *t, uint32_t source)
{
    explain_begin_step(t->s, source);
    t->s->step->first = t->s->step->last = MV_STRATEGY_EXACT;
    t->s->step->expected_recall = 1;
}

/* Rank the rows among `matches` (NULL: all) by their lists. */
static mv_err rank_lists(text_search *t, text_part *p, uint32_t source, const uint64_t *matches,
                         mv_error *error)
{
    uint32_t count = t->query.positive_count, rows = p->table.rows,
             matching = matches ? (uint32_t)bits_count(matches, rows) : rows;
    mv_plan_step *step = t->s->step;
    ranked_counts counts = {0};
    double begun = explain_now(t->s);
    step->matching += matching;
    ranked_cursor **cursors = text_segment_alloc(t->arena, count * sizeof *cursors, error);
    if (!cursors) return MV_NO_MEMORY;
    for (uint32_t i = 0; i < count; i++) {
        cursors[i] = p->s.leaves[i].count ? &t->cursors[i] : NULL;
        if (cursors[i]) MV_TRY(text_segment_open(&p->s, i, error));
    }
    ranked_query query = {.lists = p->s.lists,
                          .weights = t->weights,
                          .cursors = cursors,
                          .count = count,
                          .c = t->c,
                          .d = t->d,
                          .matches = matches,
                          .matching = matching,
                          .source = source,
                          .docids = p->table.docids};
    MV_TRY(ranked_search(&query, &t->s->tops[0], t->ranking, &counts, error));
    step->counts.blocks_read += counts.blocks_read;
    step->counts.blocks_skipped += counts.blocks_skipped;
    step->search_seconds += explain_now(t->s) - begun;
    return MV_OK;
}

/* Leave in `matches` the rows that match the query. */
static mv_err match_query(text_search *t, text_part *p, uint64_t *matches, mv_error *error)
{
    uint32_t field = t->s->q->text_field;
    index_column column = shared_index_column(&view_of(t)->schema->fields[field], &p->table, field);
    analysis terms = analysis_lend(&column, t->analyzer);
    if (text_segment_is_any(&t->query)) return MV_OK;
    p->s.terms = &terms;
    mv_err err = text_segment_match(&p->s, matches, t->arena, error);
    p->s.terms = NULL;
    return err;
}

static mv_err rank_segment(text_search *t, uint32_t at, scan *sc, mv_error *error)
{
    text_part *p = &t->segments[at];
    bool match_all = !t->s->f && !p->table.live && text_segment_is_any(&t->query);
    uint64_t *matches = NULL;
    double begun = explain_now(t->s);
    if (!match_all) {
        size_t size = bits_words(p->table.rows) * sizeof *matches;
        if (!(matches = text_segment_alloc(t->arena, size, error))) return MV_NO_MEMORY;
        MV_TRY(scan_segment(sc, matches, error));
    }
    t->damaged = p->index; /* if what follows fails */
    if (matches) MV_TRY(match_query(t, p, matches, error));
    t->s->step->filter_seconds += explain_now(t->s) - begun;
    MV_TRY(rank_lists(t, p, at, matches, error));
    t->damaged = NULL;
    return MV_OK;
}

static mv_err rank_segments(text_search *t, mv_error *error)
{
    mv_result *r = t->s->r;
    uint32_t at;
    scan sc;
    mv_err err =
        scan_begin(&sc, r->seen, t->s->f, NULL, FRESH_NO_VECTOR, &r->arena, &r->block, error);
    while (!err && scan_at_segment(&sc, &at)) {
        begin_text_step(t, at);
        if (t->segments[at].s.lists) err = rank_segment(t, at, &sc, error);
        scan_skip_segment(&sc);
    }
    scan_end(&sc);
    return err;
}

static mv_err rank_chunks(text_search *t, mv_error *error)
{
    text_part *chunks = (text_part *)(void *)t->chunks.data;
    if (t->chunks.size) begin_text_step(t, RESULT_FRESH);
    for (size_t i = 0; i < t->chunks.size / sizeof *chunks; i++) {
        MV_TRY(match_query(t, &chunks[i], chunks[i].matches, error));
        MV_TRY(rank_lists(t, &chunks[i], RESULT_FRESH, chunks[i].matches, error));
    }
    return MV_OK;
}

static void rank_text_rows(text_search *t)
{
    topk *top = &t->s->tops[0];
    for (size_t at = 0; at < t->rows.size; at += t->row_size) {
        const text_row *row = (const text_row *)(void *)(t->rows.data + at);
        if (!row->matches || !row->passes) continue;
        begin_text_step(t, row->source);
        t->s->step->matching++;
        float score = ranked_search_score(t->weights, row->freqs, t->query.positive_count, t->c,
                                          t->d, row->length);
        if (score > 0)
            topk_push(top, (topk_entry){.distance = -score,
                                        .source = row->source,
                                        .row = row->row,
                                        .docid = row->docid});
    }
}

/* ---------------------------------------------------------------- hits */

static mv_err take_text_hits(text_search *t, mv_error *error)
{
    const mv_query *q = t->s->q;
    mv_result *r = t->s->r;
    topk *top = &t->s->tops[0];
    uint32_t skipped = 0;
    topk_finish(top);
    for (uint32_t i = 0; i < top->count && r->hits_count < q->topk; i++) {
        const topk_entry *entry = &top->heap[i];
        mv_hit hit = {
            .docid = entry->docid,
            .source = entry->source,
            .row = entry->source == RESULT_FRESH ? 0 : entry->row, /* 0: result_add looks it up */
            .score = -(double)entry->distance};
        if (q->min_score && hit.score < *q->min_score) break;
        if (result_was_returned(r, entry->docid) || skipped++ < q->offset) continue;
        MV_TRY(result_add(r, hit, error));
    }
    return MV_OK;
}

static mv_err search_lists(text_search *t, mv_error *error)
{
    const view *v = view_of(t);
    uint32_t leaves = t->query.leaves_count,
             capacity = search_capacity(t->s, search_hits_wanted(t->s));
    topk_entry *heap = text_segment_alloc(t->arena, mem_array_size(capacity, sizeof *heap), error);
    t->s->tops = text_segment_alloc(t->arena, sizeof *t->s->tops, error);
    t->segments = text_segment_alloc(t->arena, v->segments_count * sizeof *t->segments, error);
    t->cursors = text_segment_alloc(t->arena, leaves * sizeof *t->cursors, error);
    t->with_leaf = text_segment_alloc(t->arena, leaves * sizeof *t->with_leaf, error);
    t->weights = text_segment_alloc(t->arena, leaves * sizeof *t->weights, error);
    t->ranking = text_segment_alloc(t->arena, ranked_search_size(t->query.positive_count), error);
    if (!heap || !t->s->tops || !t->segments || !t->cursors || !t->with_leaf || !t->weights ||
        !t->ranking)
        return MV_NO_MEMORY;
    topk_start(t->s->tops, heap, capacity, INFINITY);
    memset(t->with_leaf, 0, leaves * sizeof *t->with_leaf);
    t->documents = t->tokens = 0;
    t->rows.size = t->chunks.size = 0;
    explain_begin_round(t->s);
    MV_TRY(count_segments(t, error));
    MV_TRY(count_waiting(t, error));
    set_weights(t);
    MV_TRY(rank_segments(t, error));
    MV_TRY(rank_chunks(t, error));
    rank_text_rows(t);
    return take_text_hits(t, error);
}

/* Search; where an index is found damaged, again without it. */
static mv_err search_with_lists(text_search *t, mv_error *error)
{
    for (;;) {
        t->damaged = NULL;
        mv_err err = search_lists(t, error);
        if (t->fresh) fresh_rows_release(t->s->r->e, t->fresh);
        t->fresh = NULL;
        if (err != MV_CORRUPT || !t->damaged) return err;
        shared_index_note_damage(t->s->r->e, t->damaged, error);
        mem_arena_clear(t->arena);
    }
}

mv_err search_text(search *s, mv_error *error)
{
    const mv_schema *schema = s->r->seen->v->schema;
    text_search t = {.s = s, .arena = &s->r->scratch};
    if (s->q->text_field >= schema->fields_count)
        return error_set(error, MV_MISUSE, "there is no field %u, the schema has %u",
                         s->q->text_field, schema->fields_count);
    const schema_field *field = &schema->fields[s->q->text_field];
    t.options = &field->index;
    if (t.options->type != MV_INDEX_TEXT)
        return error_set(error, MV_MISUSE,
                         "field '%s' has no text index, it cannot be searched by text",
                         field->name);
    MV_TRY(engine_acquire_analyzer(s->r->e, t.options, field->type, &t.analyzer, error));
    mv_err err = read_query(&t, error);
    if (!err && t.query.leaves_count) err = search_with_lists(&t, error);
    s->tops = NULL;
    engine_release_analyzer(s->r->e, t.options, field->type, t.analyzer);
    text_query_free(&t.query);
    text_match_free(&t.match);
    mem_buffer_free(&t.rows);
    mem_buffer_free(&t.chunks);
    mem_arena_trim(t.arena, RESULT_SCRATCH_KEPT);
    if (!err) result_prefetch_ids(s->r);
    return err;
}
