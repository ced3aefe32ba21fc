/* Snippets.
 *
 * The document is read by text_match, whose tokens know their places in the text. From the tokens
 * that the words of the query are found at come marks. A snippet is a window over neighbouring
 * marks, widened to its size; the best window is chosen, then the best one beside it, and so on. */
#include "text/text_highlight.h"

#include <string.h>

#include "base/error.h"
#include "text/text_utf8.h"
#include "text/text_word.h"

/* All chosen. Bytes between neighbours of a sequence that are one mark; bytes in which white space
 * to cut at is looked for, more than most words have; and how many times as much a word counts
 * before it was shown. */
#define HIGHLIGHT_GAP_MAX 32u
#define HIGHLIGHT_CUT_MAX 32u
#define HIGHLIGHT_REPEAT  16u

void text_highlight_free(text_highlight *highlight)
{
    mem_buffer_free(&highlight->out);
    text_match_free(&highlight->match);
    mem_free(highlight->ends, highlight->ends_capacity * sizeof *highlight->ends);
    mem_free(highlight->terms, highlight->terms_capacity * sizeof *highlight->terms);
    mem_free(highlight->marks, highlight->marks_capacity * sizeof *highlight->marks);
    *highlight = (text_highlight){0};
}

/* ---------------------------------------------------------------- marks */

/* The end of the mark of a token. A prefix that the analyzer made is a few characters of a run, of
 * which each is the beginning of a token. */
static uint32_t mark_end(const text_match *m, const text_leaf *leaf, uint32_t token)
{
    const text_match_token *t = &m->tokens[token];
    if (leaf->characters == 0) return t->end;
    uint32_t next = token + 1, position = t->position + leaf->characters;
    while (next < m->tokens_count && m->tokens[next].position < position) next++;
    bool is_inside = next < m->tokens_count && m->tokens[next].begin > t->begin &&
                     m->tokens[next].begin < t->end;
    return is_inside ? m->tokens[next].begin : t->end;
}

static void mark_token(text_highlight *h, const text_leaf *leaf, uint32_t token, uint32_t end)
{
    text_highlight_term *term = &h->terms[h->match.tokens[token].term];
    uint32_t weight = 1 + (uint32_t)(leaf->boost * 1024); /* at most 1024 * 1e6 */
    if (end > h->ends[token]) h->ends[token] = end;
    if (weight > term->weight) term->weight = weight;
}

/* Mark what text_match_next has found. */
static void mark_words(text_highlight *h, const text_query *q, const text_node *node)
{
    const text_item *items = &q->items[node->first_item];
    for (uint32_t i = 0, before = 0; i < node->items_count; i++) {
        uint32_t token = text_match_item(&h->match, q, node, i);
        const text_leaf *leaf = &q->leaves[items[i].number];
        const text_match_token *t = &h->match.tokens[token], *b = &h->match.tokens[before];
        mark_token(h, leaf, token, mark_end(&h->match, leaf, token));
        bool is_next =
            i > 0 && t->position - b->position == items[i].position - items[i - 1].position;
        if (is_next && t->begin > b->end && t->begin - b->end <= HIGHLIGHT_GAP_MAX)
            if (h->ends[before] < t->begin) h->ends[before] = t->begin;
        before = token;
    }
}

static void mark_query(text_highlight *h, const text_query *q)
{
    bool is_marked[TEXT_QUERY_TERMS_MAX] = {false}; /* words: each once */
    for (uint32_t n = 0; n < q->nodes_count; n++) {
        const text_node *node = &q->nodes[n];
        if (node->kind == TEXT_NODE_NO) n = node->end - 1;
        if (node->kind != TEXT_NODE_WORDS) continue;
        if (node->items_count == 1) {
            bool *is_known = &is_marked[q->items[node->first_item].number];
            if (*is_known) continue;
            *is_known = true;
        }
        text_match_walk(&h->match, node);
        while (text_match_next(&h->match, q, node)) mark_words(h, q, node);
    }
}

/* An array of at least `count` zeros in place of `items`. NULL: no memory. */
static void *renew_items(void *items, uint32_t *capacity, uint32_t count, size_t item_size)
{
    void *grown = items;
    if (!items || count > *capacity)
        grown = mem_realloc(items, *capacity * item_size, count * item_size);
    if (!grown) return NULL;
    if (count > *capacity) *capacity = count;
    memset(grown, 0, count * item_size);
    return grown;
}

static bool make_marks(text_highlight *h, const text_query *q)
{
    const text_match *m = &h->match;
    uint32_t *ends = renew_items(h->ends, &h->ends_capacity, m->tokens_count, sizeof *ends);
    if (!ends) return false;
    h->ends = ends;
    text_highlight_term *terms =
        renew_items(h->terms, &h->terms_capacity, m->terms_count, sizeof *terms);
    if (!terms) return false;
    h->terms = terms;
    mark_query(h, q);
    h->marks_count = 0;
    for (uint32_t i = 0; i < m->tokens_count; i++) {
        if (ends[i] == 0) continue;
        text_highlight_mark *marks =
            mem_grow(h->marks, &h->marks_capacity, h->marks_count, sizeof *marks);
        if (!marks) return false;
        h->marks = marks;
        marks[h->marks_count++] = (text_highlight_mark){
            .begin = m->tokens[i].begin, .end = ends[i], .term = m->tokens[i].term};
    }
    return true;
}

/* ---------------------------------------------------------------- cutting */

/* The text, and what snippets are made of it. */
typedef struct highlight_text {
    const uint8_t *bytes;
    uint32_t size;
    uint32_t ink_begin, ink_end; /* but for white space at the ends */
    text_highlight_options options;
} highlight_text;

/* The beginning of the character before `at` > 0. */
static uint32_t character_before(const highlight_text *t, uint32_t at)
{
    uint32_t bytes, begin = at - 1;
    while (begin > 0 && at - begin < 4 && (t->bytes[begin] & 0xC0) == 0x80) begin--;
    (void)text_utf8_decode(t->bytes, t->size, begin, &bytes);
    return begin + bytes == at ? begin : at - 1;
}

static bool is_space_at(const highlight_text *t, uint32_t at, uint32_t *bytes)
{
    return text_utf8_is_space(text_utf8_decode(t->bytes, t->size, at, bytes));
}

/* Can the text not be cut before the byte at `at`: is it within a character, or a mark of one? */
static bool is_inside_character(const highlight_text *t, uint32_t at)
{
    uint32_t bytes;
    if (at == 0 || at >= t->size) return false;
    if ((t->bytes[at] & 0xC0) == 0x80) return true;
    return text_word_is_joined(text_word_byte(text_utf8_decode(t->bytes, t->size, at, &bytes)));
}

/* Where to begin a snippet: at a word from `at` on, at the latest at `end`. */
static uint32_t cut_begin(const highlight_text *t, uint32_t at, uint32_t end)
{
    uint32_t bytes;
    while (at < end && is_inside_character(t, at)) at++;
    if (at == 0 || is_space_at(t, character_before(t, at), &bytes)) return at;
    for (uint32_t i = at; i < end && i - at < HIGHLIGHT_CUT_MAX; i += bytes)
        if (is_space_at(t, i, &bytes)) return i + bytes;
    return at;
}

/* Where to end a snippet: behind a word that ends at `at` or before, at the earliest at `begin`. */
static uint32_t cut_end(const highlight_text *t, uint32_t at, uint32_t begin)
{
    uint32_t bytes;
    while (at > begin && is_inside_character(t, at)) at--;
    if (at == t->size || is_space_at(t, at, &bytes)) return at;
    for (uint32_t i = at; i > begin && at - i < HIGHLIGHT_CUT_MAX;) {
        i = character_before(t, i);
        if (i >= begin && is_space_at(t, i, &bytes)) return i;
    }
    return at;
}

/* Leave out white space at the ends. */
static void trim_range(const highlight_text *t, uint32_t *begin, uint32_t *end)
{
    uint32_t bytes;
    while (*begin < *end && is_space_at(t, *begin, &bytes)) *begin += bytes;
    while (*begin < *end) {
        uint32_t before = character_before(t, *end);
        if (before < *begin || !is_space_at(t, before, &bytes)) break;
        *end = before;
    }
}

/* The end of the first `size` bytes from `begin` on: between two characters, and behind one. */
static uint32_t cut_long(const highlight_text *t, uint32_t begin, uint32_t size)
{
    uint32_t bytes, end = begin + size;
    while (end > begin && is_inside_character(t, end)) end--;
    if (end > begin) return end;
    (void)text_utf8_decode(t->bytes, t->size, begin, &bytes);
    return begin + bytes;
}

/* Widen begin..end, the marks of a snippet, to its size, between `low` and `high`. */
static text_snippet cut_snippet(const highlight_text *t, uint32_t begin, uint32_t end, uint32_t low,
                                uint32_t high)
{
    uint32_t size = t->options.size < t->size ? t->options.size : t->size;
    if (end - begin >= size) {
        end = cut_long(t, begin, size);
    } else {
        uint32_t spare = size - (end - begin), before = spare / 2;
        if (before > begin - low) before = begin - low;
        uint32_t behind = spare - before < high - end ? spare - before : high - end;
        before = spare - behind < begin - low ? spare - behind : begin - low;
        begin = before == begin - low ? low : cut_begin(t, begin - before, begin);
        end = behind == high - end ? high : cut_end(t, end + behind, end);
    }
    trim_range(t, &begin, &end);
    return (text_snippet){.begin = begin, .end = end};
}

/* ---------------------------------------------------------------- choosing */

/* Neighbouring marks. */
typedef struct highlight_window {
    uint32_t first, end; /* in text_highlight.marks */
    uint64_t weight;
} highlight_window;

static bool is_better(const highlight_window *a, const highlight_window *b)
{
    if (a->weight != b->weight) return a->weight > b->weight;
    return a->end - a->first > b->end - b->first;
}

/* The best window over marks that are not shown yet. False: there is none. */
static bool find_window(text_highlight *h, uint32_t size, highlight_window *best)
{
    highlight_window w = {0};
    *best = w;
    for (; w.first < h->marks_count; w.first++) {
        const text_highlight_mark *first = &h->marks[w.first];
        if (w.end < w.first) w.end = w.first;
        for (; w.end < h->marks_count; w.end++) {
            const text_highlight_mark *mark = &h->marks[w.end];
            bool fits = w.end == w.first || mark->end - first->begin <= size;
            if (!fits || mark->is_shown) break;
            text_highlight_term *term = &h->terms[mark->term];
            if (term->count++ == 0) w.weight += term->weight;
        }
        if (is_better(&w, best)) *best = w;
        if (w.end == w.first) continue; /* it is shown */
        text_highlight_term *term = &h->terms[first->term];
        if (--term->count == 0) w.weight -= term->weight;
    }
    return best->weight > 0;
}

/* The marks in a snippet, and those of the window that it could not show, are done with. Their
 * words count less from now on. */
static void show_marks(text_highlight *h, const highlight_window *w, const text_snippet *snippet)
{
    for (uint32_t i = 0; i < h->marks_count; i++) {
        text_highlight_mark *mark = &h->marks[i];
        text_highlight_term *term = &h->terms[mark->term];
        bool is_inside = mark->begin < snippet->end && mark->end > snippet->begin;
        bool is_chosen = i >= w->first && i < w->end;
        if (mark->is_shown || (!is_inside && !is_chosen)) continue;
        mark->is_shown = true;
        if (term->count++) continue;
        term->weight = term->weight > HIGHLIGHT_REPEAT ? term->weight / HIGHLIGHT_REPEAT : 1;
    }
    for (uint32_t i = 0; i < h->marks_count; i++) h->terms[h->marks[i].term].count = 0;
}

/* Make a snippet of a window, beside those there are. */
static void choose_window(text_highlight *h, const highlight_text *t, const highlight_window *w)
{
    uint32_t begin = h->marks[w->first].begin, end = begin, low = 0, high = t->size;
    for (uint32_t i = w->first; i < w->end; i++)
        if (h->marks[i].end > end) end = h->marks[i].end;
    for (uint32_t i = 0; i < h->snippets_count; i++) {
        const text_snippet *other = &h->snippets[i];
        if (other->end <= begin && other->end > low) low = other->end;
        if (other->begin >= begin && other->begin < high) high = other->begin;
    }
    if (end > high) end = high;
    trim_range(t, &begin, &end); /* so that what is cut shows something */
    text_snippet snippet = cut_snippet(t, begin, end, low, high);
    show_marks(h, w, &snippet);
    if (snippet.begin == snippet.end) return;
    uint32_t at = h->snippets_count++;
    for (; at > 0 && h->snippets[at - 1].begin > snippet.begin; at--)
        h->snippets[at] = h->snippets[at - 1];
    h->snippets[at] = snippet;
}

static void choose_snippets(text_highlight *h, const highlight_text *t)
{
    highlight_window window;
    h->snippets_count = 0;
    while (h->snippets_count < t->options.count && find_window(h, t->options.size, &window))
        choose_window(h, t, &window);
    if (h->marks_count > 0 || !t->options.or_beginning || t->size == 0) return;
    h->snippets[0] = cut_snippet(t, 0, 0, 0, t->size);
    h->snippets_count = h->snippets[0].end > h->snippets[0].begin;
}

/* ---------------------------------------------------------------- writing */

static const char *html_of(uint32_t c)
{
    switch (c) {
    case '<': return "&lt;";
    case '>': return "&gt;";
    case '&': return "&amp;";
    case '"': return "&quot;";
    case '\'': return "&#39;";
    default: return NULL;
    }
}

static bool write_literal(mem_buffer *out, const char *string)
{
    return mem_buffer_append(out, string, strlen(string));
}

/* Append begin..end of the text. */
static bool write_range(mem_buffer *out, const highlight_text *t, uint32_t begin, uint32_t end)
{
    uint32_t bytes, plain = begin; /* what is not written yet and stays as it is */
    bool ok = true;
    for (uint32_t at = begin, last = 0; at < end && ok; at += bytes) {
        uint32_t c = text_utf8_decode(t->bytes, end, at, &bytes);
        const char *html = t->options.escapes_html ? html_of(c) : NULL;
        if (c == TEXT_UTF8_INVALID) html = last == TEXT_UTF8_INVALID ? "" : "\xEF\xBF\xBD";
        last = c;
        if (!html) continue;
        ok = mem_buffer_append(out, t->bytes + plain, at - plain) && write_literal(out, html);
        plain = at + bytes;
    }
    return ok && mem_buffer_append(out, t->bytes + plain, end - plain);
}

/* Append the text of a snippet. Marks that overlap or touch are written as one. */
static bool write_snippet(text_highlight *h, const highlight_text *t, const text_snippet *snippet)
{
    uint32_t at = snippet->begin, end = snippet->end, next = 0;
    bool ok = at <= t->ink_begin || write_literal(&h->out, t->options.ellipsis);
    while (next < h->marks_count && h->marks[next].begin < end && ok) {
        uint32_t mark_begin = h->marks[next].begin, stop = h->marks[next].end;
        while (++next < h->marks_count && h->marks[next].begin <= stop)
            if (h->marks[next].end > stop) stop = h->marks[next].end;
        if (mark_begin < at) mark_begin = at;
        if (stop > end) stop = end;
        if (stop <= mark_begin) continue;
        ok = write_range(&h->out, t, at, mark_begin) && write_literal(&h->out, t->options.open) &&
             write_range(&h->out, t, mark_begin, stop) && write_literal(&h->out, t->options.close);
        at = stop;
    }
    return ok && write_range(&h->out, t, at, end) &&
           (end >= t->ink_end || write_literal(&h->out, t->options.ellipsis));
}

static bool write_snippets(text_highlight *h, const highlight_text *t)
{
    size_t at = 0;
    h->out.size = 0;
    for (uint32_t i = 0; i < h->snippets_count; i++) {
        text_snippet *snippet = &h->snippets[i];
        if (!write_snippet(h, t, snippet)) return false;
        snippet->size = h->out.size - at;
        at = h->out.size;
    }
    const char *text = (const char *)h->out.data; /* it does not move any more */
    for (uint32_t i = 0; i < h->snippets_count; text += h->snippets[i++].size)
        h->snippets[i].text = text;
    return true;
}

/* ---------------------------------------------------------------- the whole */

static highlight_text make_highlight_text(const void *text, size_t size,
                                          const text_highlight_options *options)
{
    highlight_text t = {.bytes = text, .options = *options};
    t.size = size < TEXT_HIGHLIGHT_TEXT_MAX ? (uint32_t)size : TEXT_HIGHLIGHT_TEXT_MAX;
    if (t.size < size) t.size = character_before(&t, t.size);
    t.ink_end = t.size;
    trim_range(&t, &t.ink_begin, &t.ink_end);
    if (t.size < size) t.ink_end = UINT32_MAX; /* what lies behind is cut off */
    if (!t.options.open) t.options.open = "<b>";
    if (!t.options.close) t.options.close = "</b>";
    if (!t.options.ellipsis) t.options.ellipsis = "\xE2\x80\xA6";
    if (t.options.size == 0) t.options.size = TEXT_HIGHLIGHT_SIZE_DEFAULT;
    if (t.options.count == 0) t.options.count = 1;
    return t;
}

mv_err text_highlight_make(text_highlight *highlight, text_analyzer *analyzer,
                           const text_query *query, const void *text, size_t size,
                           const text_highlight_options *options, mv_error *error)
{
    bool matches;
    highlight->snippets_count = 0;
    if (options->count > TEXT_HIGHLIGHT_COUNT_MAX)
        return error_set(error, MV_LIMIT, "highlighting: %u snippets; %u are possible",
                         options->count, TEXT_HIGHLIGHT_COUNT_MAX);
    highlight_text t = make_highlight_text(text, size, options);
    MV_TRY(text_match_read(&highlight->match, analyzer, t.bytes, t.size, error));
    MV_TRY(text_match_query(&highlight->match, query, &matches, NULL, error));
    if (make_marks(highlight, query)) {
        choose_snippets(highlight, &t);
        if (write_snippets(highlight, &t)) return MV_OK;
    }
    highlight->snippets_count = 0;
    return error_memory(error, t.size, "the snippets of a text");
}
