/* Learning what terms mean from texts alone: random indexing (Sahlgren, "An introduction to random
 * indexing", 2005) of positive pointwise mutual information.
 *
 * Each term has an index vector, a few +1 and -1 at random places, so that any two are nearly
 * orthogonal. The meaning of a term is the sum of the index vectors of its neighbours, the terms
 * beside it in texts, each times how much more often the two are together than by chance. "image"
 * and "picture" have the same neighbours, so that their vectors have a similar direction, although
 * hardly any text has both.
 *
 * A text is cut into contexts of up to CONTEXT_MAX different terms; neighbours share a context. The
 * learner keeps of each text the numbers of its different terms, 4 bytes each. At the end, it goes
 * through the terms: for each, it counts the terms of its contexts in an array with a place for
 * each term, so that no table of pairs is kept.
 *
 * The direction that all meanings have in common is taken away (Mu, Viswanath, "All-but-the-top",
 * 2018). Then what a term has by itself is added, so that the same word counts as much as a related
 * one: its own index vector, and those of its groups of three characters, as in fastText
 * (Bojanowski and others, "Enriching word vectors with subword information", 2017). A half of the
 * words of 63,000 package descriptions finds the other half with a mean reciprocal rank of 0.084;
 * without the groups it is 0.070. With more weight of the groups it is 0.091, but then questions
 * find what is spelt like their words rather than what means the same.
 *
 * Singular value decomposition instead of the sum was tried: the results were no better, and it
 * took longer. */
#include <math.h>
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "embed/learnt_model.h"

#define CONTEXT_MAX 32u /* chosen: the work grows with it */
#define CHANCE      5   /* two terms that share this number of contexts count by half */
#define NO_TERM     UINT32_MAX

#define DIM_DEFAULT       256u
#define MIN_COUNT_DEFAULT 2u
#define TERMS_MAX_DEFAULT 100000u

struct mv_learner {
    learnt_model_header header; /* options, and the count of texts */
    uint32_t min_count, terms_max;
    text_analyzer *analyzer;
    mem_buffer bytes; /* of all terms, in the order in which they came */
    uint32_t *ends;   /* in `bytes`, of each term */
    uint32_t *counts; /* texts that have it */
    uint64_t *seen;   /* the last of them, counted from 1 */
    uint32_t terms, ends_capacity, counts_capacity, seen_capacity;
    uint32_t *slots; /* number + 1 of the terms by their hashes; 0: free */
    uint32_t slots_count;
    uint32_t *stream; /* the numbers of the terms of all texts, behind each text NO_TERM */
    uint32_t stream_count, stream_capacity;
};

/* ---------------------------------------------------------------- terms */

static const char *word_at(const mv_learner *l, uint32_t n, size_t *size)
{
    uint32_t begin = n ? l->ends[n - 1] : 0;
    *size = l->ends[n] - begin;
    return (const char *)l->bytes.data + begin;
}

static uint32_t find_slot(const mv_learner *l, const char *term, size_t size)
{
    uint32_t mask = l->slots_count - 1, at = (uint32_t)hash_bytes(term, size, 0) & mask;
    for (; l->slots[at]; at = (at + 1) & mask) {
        size_t own_size;
        const char *own = word_at(l, l->slots[at] - 1, &own_size);
        if (own_size == size && memcmp(own, term, size) == 0) break;
    }
    return at;
}

static mv_err no_memory(mv_error *error)
{
    return error_set(error, MV_NO_MEMORY, "there is not enough memory for the terms of the texts");
}

static mv_err grow_words(mv_learner *l, mv_error *error)
{
    uint32_t count = l->slots_count ? l->slots_count * 2 : 1024;
    if (l->terms * 2ull < l->slots_count) return MV_OK;
    if (l->slots_count >= 1u << 30)
        return error_set(error, MV_LIMIT, "the texts have more than %u different terms", l->terms);
    uint32_t *slots = mem_alloc_zero(mem_array_size(count, sizeof *slots));
    if (!slots) return no_memory(error);
    mem_free(l->slots, l->slots_count * sizeof *slots);
    l->slots = slots;
    l->slots_count = count;
    for (uint32_t n = 0; n < l->terms; n++) {
        size_t size;
        const char *term = word_at(l, n, &size);
        l->slots[find_slot(l, term, size)] = n + 1;
    }
    return MV_OK;
}

#define GROW(array, capacity, count)                                                               \
    do {                                                                                           \
        void *grown_ = mem_grow((array), &(capacity), (count), sizeof *(array));                   \
        if (!grown_) return no_memory(error);                                                      \
        (array) = grown_;                                                                          \
    } while (0)

/* The number of a term, which is added if it is new. */
static mv_err intern(mv_learner *l, const text_token *token, uint32_t *number, mv_error *error)
{
    MV_TRY(grow_words(l, error));
    uint32_t at = find_slot(l, token->term, token->size);
    if (l->slots[at]) {
        *number = l->slots[at] - 1;
        return MV_OK;
    }
    if (l->bytes.size + token->size > UINT32_MAX)
        return error_set(error, MV_LIMIT, "the different terms of the texts have more than 4 GiB");
    GROW(l->ends, l->ends_capacity, l->terms);
    GROW(l->counts, l->counts_capacity, l->terms);
    GROW(l->seen, l->seen_capacity, l->terms);
    if (!mem_buffer_append(&l->bytes, token->term, token->size)) return no_memory(error);
    *number = l->terms++;
    l->ends[*number] = (uint32_t)l->bytes.size;
    l->counts[*number] = 0;
    l->seen[*number] = 0;
    l->slots[at] = l->terms;
    return MV_OK;
}

static mv_err put_word(mv_learner *l, uint32_t number, mv_error *error)
{
    if (l->stream_count == UINT32_MAX - 1)
        return error_set(error, MV_LIMIT, "the texts have more than 2^32 terms");
    GROW(l->stream, l->stream_capacity, l->stream_count);
    l->stream[l->stream_count++] = number;
    return MV_OK;
}

mv_err mv_learner_add(mv_learner *l, const char *text, size_t size, mv_error *error)
{
    text_token token;
    uint32_t number;
    if (size > UINT32_MAX)
        return error_set(error, MV_LIMIT, "a text has %zu bytes, at most %u are allowed", size,
                         UINT32_MAX);
    l->header.texts++;
    text_begin(l->analyzer, text, size, false);
    while (text_next(l->analyzer, &token)) {
        MV_TRY(intern(l, &token, &number, error));
        if (l->seen[number] == l->header.texts) continue;
        l->seen[number] = l->header.texts;
        l->counts[number]++;
        MV_TRY(put_word(l, number, error));
    }
    return put_word(l, NO_TERM, error);
}

/* ---------------------------------------------------------------- the vocabulary */

typedef struct word {
    const char *bytes;
    uint32_t size;
    uint32_t count;
    uint32_t number; /* in the learner */
} word;

static int compare_bytes(const void *a, const void *b)
{
    const word *x = a, *y = b;
    int order = memcmp(x->bytes, y->bytes, x->size < y->size ? x->size : y->size);
    return order ? order : (x->size > y->size) - (x->size < y->size);
}

static int compare_counts(const void *a, const void *b)
{
    const word *x = a, *y = b;
    if (x->count != y->count) return x->count > y->count ? -1 : 1;
    return compare_bytes(a, b);
}

/* What the second part works on. The terms have new numbers, in the order of their bytes. */
typedef struct learning {
    word *words;
    uint32_t words_count, words_capacity;
    uint32_t *contexts; /* the terms of one context after the other */
    uint32_t *ends;     /* of each context */
    uint32_t contexts_count, ends_capacity;
    uint32_t *together; /* of each term, contexts that it shares with the current one */
    uint32_t *touched;  /* terms where that is not 0 */
    uint32_t *in;       /* the contexts of one term after the other */
    uint32_t *in_ends;  /* of each term */
    learnt_model_index *indexes;
    float *vectors;
    uint32_t dim;
    size_t sizes[6];
} learning;

/* The terms of at least min_count texts; of too many, the most frequent ones. */
static mv_err choose_words(const mv_learner *l, learning *g, mv_error *error)
{
    for (uint32_t n = 0; n < l->terms; n++) {
        size_t size;
        const char *bytes = word_at(l, n, &size);
        if (l->counts[n] < l->min_count) continue;
        GROW(g->words, g->words_capacity, g->words_count);
        g->words[g->words_count++] = (word){bytes, (uint32_t)size, l->counts[n], n};
    }
    if (g->words_count > l->terms_max) {
        qsort(g->words, g->words_count, sizeof *g->words, compare_counts);
        g->words_count = l->terms_max;
    }
    if (g->words_count) qsort(g->words, g->words_count, sizeof *g->words, compare_bytes);
    return MV_OK;
}

/* Give the terms of the texts new numbers, without those that were not chosen, and cut the texts
 * into contexts. Works in place: the stream only becomes shorter. `seen` has the new numbers. */
static mv_err cut_contexts(mv_learner *l, learning *g, mv_error *error)
{
    uint32_t count = 0, begin = 0;
    for (uint32_t n = 0; n < l->terms; n++) l->seen[n] = NO_TERM;
    for (uint32_t n = 0; n < g->words_count; n++) l->seen[g->words[n].number] = n;
    g->contexts = l->stream;
    for (uint32_t i = 0; i < l->stream_count; i++) {
        bool is_end = l->stream[i] == NO_TERM;
        uint32_t number = is_end ? NO_TERM : (uint32_t)l->seen[l->stream[i]];
        if (number != NO_TERM) g->contexts[count++] = number;
        if (count == begin || (!is_end && count - begin < CONTEXT_MAX)) continue;
        GROW(g->ends, g->ends_capacity, g->contexts_count);
        g->ends[g->contexts_count++] = begin = count;
    }
    l->stream_count = count;
    return MV_OK;
}

/* ---------------------------------------------------------------- meanings */

static uint32_t begin_of(const uint32_t *ends, uint32_t at)
{
    return at ? ends[at - 1] : 0;
}

static mv_err take_memory(mv_learner *l, learning *g, mv_error *error)
{
    uint32_t words = g->words_count;
    g->sizes[0] = mem_array_size(words, sizeof *g->together);
    g->sizes[1] = mem_array_size(words, sizeof *g->touched);
    g->sizes[2] = mem_array_size(l->stream_count, sizeof *g->in);
    g->sizes[3] = mem_array_size(words, sizeof *g->in_ends);
    g->sizes[4] = mem_array_size(words, sizeof *g->indexes);
    g->sizes[5] = mem_array_size((uint64_t)words * g->dim, sizeof *g->vectors);
    g->together = mem_alloc_zero(g->sizes[0]);
    g->touched = mem_alloc(g->sizes[1]);
    g->in = mem_alloc(g->sizes[2]);
    g->in_ends = mem_alloc_zero(g->sizes[3]);
    g->indexes = mem_alloc(g->sizes[4]);
    g->vectors = mem_alloc_zero(g->sizes[5]);
    if (g->together && g->touched && g->in && g->in_ends && g->indexes && g->vectors) return MV_OK;
    return no_memory(error);
}

/* The contexts of each term. */
static void list_contexts(learning *g)
{
    uint32_t members = g->contexts_count ? g->ends[g->contexts_count - 1] : 0, sum = 0;
    for (uint32_t i = 0; i < members; i++) g->in_ends[g->contexts[i]]++;
    for (uint32_t n = 0; n < g->words_count; n++) { /* where the list of n begins */
        uint32_t count = g->in_ends[n];
        g->in_ends[n] = sum;
        sum += count;
    }
    for (uint32_t c = 0; c < g->contexts_count; c++)
        for (uint32_t i = begin_of(g->ends, c); i < g->ends[c]; i++)
            g->in[g->in_ends[g->contexts[i]]++] = c;
}

/* Contexts that have the term. */
static uint32_t frequency_of(const learning *g, uint32_t n)
{
    return g->in_ends[n] - begin_of(g->in_ends, n);
}

/* Count the neighbours of a term in `together`, and list them in `touched`. */
static uint32_t count_neighbours(learning *g, uint32_t n)
{
    uint32_t touched = 0;
    for (uint32_t k = begin_of(g->in_ends, n); k < g->in_ends[n]; k++) {
        uint32_t c = g->in[k];
        for (uint32_t i = begin_of(g->ends, c); i < g->ends[c]; i++) {
            uint32_t other = g->contexts[i];
            if (g->together[other]++ == 0) g->touched[touched++] = other;
        }
    }
    return touched;
}

static void normalize_meaning(float *vector, uint32_t dim)
{
    double square = 0;
    for (uint32_t i = 0; i < dim; i++) square += (double)vector[i] * (double)vector[i];
    float scale = square > 0 ? (float)(1 / sqrt(square)) : 0;
    for (uint32_t i = 0; i < dim; i++) vector[i] *= scale;
}

/* The sum of the index vectors of the neighbours of a term. */
static void sum_neighbours(learning *g, uint32_t n, float *vector)
{
    uint32_t touched = count_neighbours(g, n);
    mv_assert(frequency_of(g, n) > 0); /* a word that was chosen is in a text */
    double own = (double)g->contexts_count / frequency_of(g, n);
    for (uint32_t i = 0; i < touched; i++) {
        uint32_t other = g->touched[i];
        double together = g->together[other], lift = together * own / frequency_of(g, other);
        g->together[other] = 0;
        if (lift <= 1 || other == n) continue;
        /* The fraction lowers the weight of pairs that are rare, and so may be chance. */
        learnt_model_add_index(vector, g->indexes[other],
                               (float)(log(lift) * together / (together + CHANCE)));
    }
    normalize_meaning(vector, g->dim);
}

/* Very frequent terms give all meanings a common direction. Without it they differ more. */
static void remove_common(const learning *g, float *common)
{
    uint32_t dim = g->dim;
    memset(common, 0, dim * sizeof *common);
    for (uint32_t n = 0; n < g->words_count; n++) {
        const float *vector = g->vectors + (size_t)n * dim;
        float count = (float)g->words[n].count;
        for (uint32_t i = 0; i < dim; i++) common[i] += count * vector[i];
    }
    normalize_meaning(common, dim);
    for (uint32_t n = 0; n < g->words_count; n++) {
        float *vector = g->vectors + (size_t)n * dim, along = 0;
        for (uint32_t i = 0; i < dim; i++) along += vector[i] * common[i];
        for (uint32_t i = 0; i < dim; i++) vector[i] -= along * common[i];
        normalize_meaning(vector, dim);
    }
}

/* Write the vector of a term as signed bytes and a scale. */
static void encode_meaning(const float *vector, uint32_t dim, int8_t *codes, float *scale)
{
    float most = 0;
    for (uint32_t i = 0; i < dim; i++) most = fmaxf(most, fabsf(vector[i]));
    *scale = most / 127;
    for (uint32_t i = 0; i < dim; i++)
        codes[i] = (int8_t)(most > 0 ? lrintf(vector[i] / most * 127) : 0);
}

static void find_meanings(const mv_learner *l, learning *g, float *common)
{
    uint32_t dim = g->dim;
    list_contexts(g);
    for (uint32_t n = 0; n < g->words_count; n++)
        learnt_model_index_of(g->words[n].bytes, g->words[n].size, l->header.seed, dim,
                              g->indexes[n]);
    for (uint32_t n = 0; n < g->words_count; n++)
        sum_neighbours(g, n, g->vectors + (size_t)n * dim);
    remove_common(g, common);
    for (uint32_t n = 0; n < g->words_count; n++)
        learnt_model_add_own(g->words[n].bytes, g->words[n].size, l->header.seed, dim, 1,
                             g->vectors + (size_t)n * dim);
}

/* The block of the model. */
static mv_err write_model(const mv_learner *l, const learning *g, mv_learnt **out, mv_error *error)
{
    learnt_model_header header = l->header;
    uint64_t bytes = 0;
    header.terms = g->words_count;
    for (uint32_t n = 0; n < g->words_count; n++) bytes += g->words[n].size;
    header.terms_size = (uint32_t)bytes; /* those of the learner have at most 2^32 */
    size_t size = learnt_model_size(&header);
    void *block = size == SIZE_MAX ? NULL : mem_alloc_zero(size);
    if (!block) return error_memory(error, size, "a learnt model");
    memcpy(block, &header, sizeof header);
    learnt_model_parts parts = learnt_model_parts_of(block, &header);
    uint32_t end = 0;
    for (uint32_t n = 0; n < g->words_count; n++) {
        const word *w = &g->words[n];
        memcpy(parts.bytes + end, w->bytes, w->size);
        parts.ends[n] = end += w->size;
        parts.weights[n] = (float)log(1 + (double)header.texts / w->count);
        encode_meaning(g->vectors + (size_t)n * g->dim, g->dim, parts.codes + (size_t)n * g->dim,
                       &parts.scales[n]);
    }
    return learnt_model_make(block, size, out, error);
}

mv_err mv_learner_finish(mv_learner *l, mv_learnt **out, mv_error *error)
{
    learning g = {.dim = l->header.dim};
    float *common = mem_alloc(g.dim * sizeof *common);
    *out = NULL;
    mv_err err = common ? choose_words(l, &g, error) : no_memory(error);
    if (!err) err = cut_contexts(l, &g, error);
    if (!err) err = take_memory(l, &g, error);
    if (!err) find_meanings(l, &g, common);
    if (!err) err = write_model(l, &g, out, error);
    mem_free(common, g.dim * sizeof *common);
    mem_free(g.words, g.words_capacity * sizeof *g.words);
    mem_free(g.ends, g.ends_capacity * sizeof *g.ends);
    mem_free(g.together, g.sizes[0]);
    mem_free(g.touched, g.sizes[1]);
    mem_free(g.in, g.sizes[2]);
    mem_free(g.in_ends, g.sizes[3]);
    mem_free(g.indexes, g.sizes[4]);
    mem_free(g.vectors, g.sizes[5]);
    return err;
}

/* ---------------------------------------------------------------- the learner */

static mv_err take_options(const mv_learn_options *given, mv_learner *l, mv_error *error)
{
    learnt_model_header *h = &l->header;
    h->dim = given->dim ? given->dim : DIM_DEFAULT;
    h->seed = given->seed;
    h->tokenizer = (uint32_t)given->tokenizer;
    h->stop_words = given->stop_words;
    l->min_count = given->min_count ? given->min_count : MIN_COUNT_DEFAULT;
    l->terms_max = given->terms_max ? given->terms_max : TERMS_MAX_DEFAULT;
    if (h->dim < LEARNT_MODEL_DIM_MIN || h->dim > LEARNT_MODEL_DIM_MAX)
        return error_set(error, MV_MISUSE, "dim %u must be %u to %u", h->dim, LEARNT_MODEL_DIM_MIN,
                         LEARNT_MODEL_DIM_MAX);
    size_t size = given->language ? strlen(given->language) : 0;
    if (size >= sizeof h->language)
        return error_set(error, MV_MISUSE, "there is no language '%.40s'", given->language);
    if (size) memcpy(h->language, given->language, size);
    return learnt_model_analyzer(h->tokenizer, h->language, h->stop_words, &l->analyzer, error);
}

mv_err mv_learner_create(const mv_learn_options *options, mv_learner **out, mv_error *error)
{
    mv_learner *l = mem_alloc_zero(sizeof *l);
    *out = NULL;
    if (!l) return error_memory(error, sizeof *l, "a learner");
    mv_err err = take_options(options, l, error);
    if (err)
        mv_learner_free(l);
    else
        *out = l;
    return err;
}

void mv_learner_free(mv_learner *l)
{
    if (!l) return;
    text_analyzer_free(l->analyzer);
    mem_buffer_free(&l->bytes);
    mem_free(l->ends, l->ends_capacity * sizeof *l->ends);
    mem_free(l->counts, l->counts_capacity * sizeof *l->counts);
    mem_free(l->seen, l->seen_capacity * sizeof *l->seen);
    mem_free(l->slots, l->slots_count * sizeof *l->slots);
    mem_free(l->stream, l->stream_capacity * sizeof *l->stream);
    mem_free(l, sizeof *l);
}
