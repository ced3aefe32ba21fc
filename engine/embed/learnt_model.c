/* Learnt embeddings: a model as bytes, saved and loaded, and the vectors of texts.
 *
 * The vector of a text is the sum of the vectors of its different terms, times their weights,
 * scaled to length 1. A term that the model does not know has only what it has by itself, and the
 * weight of a term of one text. A text without terms has the index vector of the empty term, so
 * that every text has a vector. */
#include "embed/learnt_model.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/os.h"
#include "base/splitmix.h"

#define LEARNT_MAGIC      "mvlearnt"
#define LEARNT_FORMAT     1u
#define GRAM              3u
#define MARKED_MAX        (TEXT_TERM_MAX + 2)
#define OWN_PART          0.7f /* chosen, see learner.c */
#define UNSEEN_MIN        64u /* places for the terms of a text that the model does not know; grows */
#define BLOCK_CHECKSUM_AT offsetof(learnt_model_header, checksum)

struct mv_learnt {
    learnt_model_header header; /* checked */
    learnt_model_parts parts;   /* of `block`, which is only read */
    void *block;
    size_t size;
    bool is_mapped; /* the block is a file */
    text_analyzer *analyzer;
    uint32_t *slots; /* number + 1 of the terms by their hashes; 0: free */
    uint32_t slots_count;
    uint32_t *seen;   /* of each term, the last text that had it */
    uint32_t turn;    /* of the current text */
    uint64_t *unseen; /* hashes of the other terms of the current text: a table, 0 is free */
    uint32_t unseen_capacity, unseen_count;
};

/* ---------------------------------------------------------------- parts */

void learnt_model_index_of(const void *term, size_t size, uint64_t seed, uint32_t dim,
                           learnt_model_index out)
{
    uint64_t hash = hash_bytes(term, size, seed);
    for (uint32_t i = 0; i < LEARNT_MODEL_NONZERO; i++) {
        hash = splitmix_hash(hash);
        int16_t place = (int16_t)(((hash >> 32) * dim >> 32) + 1);
        out[i] = hash & 1 ? place : (int16_t)-place;
    }
}

/* Where the characters of "<term>" begin, and its end. Returns how many characters there are. */
static uint32_t mark_characters(const char *term, size_t size, char marked[MARKED_MAX],
                                uint32_t starts[MARKED_MAX + 1])
{
    uint32_t count = 0, end = (uint32_t)size + 2;
    marked[0] = '<';
    memcpy(marked + 1, term, size);
    marked[size + 1] = '>';
    for (uint32_t i = 0; i < end; i++)
        if ((marked[i] & 0xC0) != 0x80) starts[count++] = i;
    starts[count] = end;
    return count;
}

void learnt_model_add_own(const char *term, size_t size, uint64_t seed, uint32_t dim, float scale,
                          float *vector)
{
    char marked[MARKED_MAX];
    uint32_t starts[MARKED_MAX + 1];
    learnt_model_index index;
    mv_assert(size <= TEXT_TERM_MAX);
    float part = scale * OWN_PART / sqrtf(LEARNT_MODEL_NONZERO);
    learnt_model_index_of(term, size, seed, dim, index);
    learnt_model_add_index(vector, index, part);
    uint32_t characters = mark_characters(term, size, marked, starts);
    if (characters <= GRAM) return; /* the term itself */
    uint32_t grams = characters - GRAM + 1;
    part /= sqrtf((float)grams);
    for (uint32_t i = 0; i < grams; i++) {
        const char *gram = marked + starts[i];
        learnt_model_index_of(gram, starts[i + GRAM] - starts[i], seed + 1, dim, index);
        learnt_model_add_index(vector, index, part);
    }
}

size_t learnt_model_size(const learnt_model_header *header)
{
    /* No overflow: each factor has 32 bits, and a dim 13. */
    uint64_t size = sizeof *header + (uint64_t)header->terms * (3 * sizeof(float) + header->dim) +
                    header->terms_size;
    return (size_t)size == size ? (size_t)size : SIZE_MAX;
}

learnt_model_parts learnt_model_parts_of(void *block, const learnt_model_header *header)
{
    learnt_model_parts parts;
    size_t terms = header->terms;
    parts.ends = (uint32_t *)(void *)((uint8_t *)block + sizeof *header);
    parts.weights = (float *)(parts.ends + terms);
    parts.scales = parts.weights + terms;
    parts.codes = (int8_t *)(parts.scales + terms);
    parts.bytes = (char *)parts.codes + terms * header->dim;
    return parts;
}

static const char *learnt_term(const learnt_model_parts *parts, uint32_t n, size_t *size)
{
    uint32_t begin = n ? parts->ends[n - 1] : 0;
    *size = parts->ends[n] - begin;
    return parts->bytes + begin;
}

mv_err learnt_model_analyzer(uint32_t tokenizer, const char *language, bool stop_words,
                             text_analyzer **out, mv_error *error)
{
    const text_options options = {.tokenizer = (text_tokenizer)tokenizer,
                                  .language = language,
                                  .language_stop_words = stop_words};
    return text_analyzer_make(&options, out, error);
}

static uint64_t block_checksum(const void *block, size_t size)
{
    const uint8_t *bytes = block;
    uint64_t head = hash_bytes(bytes, BLOCK_CHECKSUM_AT, 0);
    return hash_bytes(bytes + sizeof(learnt_model_header), size - sizeof(learnt_model_header),
                      head);
}

/* ---------------------------------------------------------------- making and checking */

static mv_err damaged_model(const char *what, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "%s", what);
}

static mv_err check_header(const learnt_model_header *h, uint64_t size, mv_error *error)
{
    if (size < sizeof *h || memcmp(h->magic, LEARNT_MAGIC, sizeof h->magic) != 0)
        return damaged_model("it is no learnt model", error);
    if (h->format != LEARNT_FORMAT)
        return error_set(error, h->format > LEARNT_FORMAT ? MV_WRONG_VERSION : MV_CORRUPT,
                         "it has format %u, this moonvec reads %u", h->format, LEARNT_FORMAT);
    if (h->dim < LEARNT_MODEL_DIM_MIN || h->dim > LEARNT_MODEL_DIM_MAX)
        return error_set(error, MV_CORRUPT, "its vectors have %u numbers", h->dim);
    if (h->tokenizer >= TEXT_TOKENIZERS_COUNT || h->stop_words > 1 ||
        !memchr(h->language, 0, sizeof h->language))
        return damaged_model("its options are damaged", error);
    if (learnt_model_size(h) != size)
        return error_set(error, MV_CORRUPT, "it has %llu bytes, its header says %zu",
                         (unsigned long long)size, learnt_model_size(h));
    return MV_OK;
}

static mv_err check_parts(const learnt_model_header *h, const learnt_model_parts *parts,
                          mv_error *error)
{
    for (uint32_t n = 0; n < h->terms; n++) {
        uint32_t begin = n ? parts->ends[n - 1] : 0, end = parts->ends[n];
        if (end <= begin || end > h->terms_size || end - begin > TEXT_TERM_MAX)
            return damaged_model("the sizes of its terms are damaged", error);
        if (!(parts->weights[n] >= 0 && parts->weights[n] < 1e6f) ||
            !(parts->scales[n] >= 0 && parts->scales[n] < 1e6f))
            return damaged_model("its weights are damaged", error);
    }
    if ((h->terms ? parts->ends[h->terms - 1] : 0) != h->terms_size)
        return damaged_model("the sizes of its terms are damaged", error);
    return MV_OK;
}

/* The place of a term in `slots`: of its number + 1, or free. */
static uint32_t find_learnt(const mv_learnt *m, const char *term, size_t size)
{
    uint32_t mask = m->slots_count - 1, at = (uint32_t)hash_bytes(term, size, 0) & mask;
    for (; m->slots[at]; at = (at + 1) & mask) {
        size_t own_size;
        const char *own = learnt_term(&m->parts, m->slots[at] - 1, &own_size);
        if (own_size == size && memcmp(own, term, size) == 0) break;
    }
    return at;
}

static mv_err make_tables(mv_learnt *m, mv_error *error)
{
    m->slots_count = 16;
    while (m->slots_count / 2 <= m->header.terms) {
        if (m->slots_count >= 1u << 31) return damaged_model("it has too many terms", error);
        m->slots_count *= 2;
    }
    m->slots = mem_alloc_zero(m->slots_count * sizeof *m->slots);
    m->seen = mem_alloc_zero(mem_array_size(m->header.terms, sizeof *m->seen));
    m->unseen_capacity = UNSEEN_MIN;
    m->unseen = mem_alloc_zero(m->unseen_capacity * sizeof *m->unseen);
    if (!m->slots || !m->seen || !m->unseen)
        return error_memory(error, m->slots_count * sizeof *m->slots, "a learnt model");
    for (uint32_t n = 0; n < m->header.terms; n++) {
        size_t size;
        const char *term = learnt_term(&m->parts, n, &size);
        m->slots[find_learnt(m, term, size)] = n + 1;
    }
    return learnt_model_analyzer(m->header.tokenizer, m->header.language, m->header.stop_words,
                                 &m->analyzer, error);
}

/* Takes the block, also on failure. */
static mv_err adopt(void *block, size_t size, bool is_mapped, mv_learnt **out, mv_error *error)
{
    mv_err err = MV_OK;
    mv_learnt *m = mem_alloc_zero(sizeof *m);
    *out = NULL;
    if (!m) {
        err = error_memory(error, sizeof *m, "a learnt model");
        if (is_mapped)
            os_unmap(block, size);
        else
            mem_free(block, size);
        return err;
    }
    m->block = block;
    m->size = size;
    m->is_mapped = is_mapped;
    if (size >= sizeof m->header) memcpy(&m->header, block, sizeof m->header);
    err = check_header(&m->header, size, error);
    if (!err && block_checksum(block, size) != m->header.checksum)
        err = damaged_model("its checksum is wrong", error);
    if (!err) m->parts = learnt_model_parts_of(block, &m->header);
    if (!err) err = check_parts(&m->header, &m->parts, error);
    if (!err) err = make_tables(m, error);
    if (err)
        mv_learnt_free(m);
    else
        *out = m;
    return err;
}

mv_err learnt_model_make(void *block, size_t size, mv_learnt **out, mv_error *error)
{
    learnt_model_header *header = block;
    memcpy(header->magic, LEARNT_MAGIC, sizeof header->magic);
    header->format = LEARNT_FORMAT;
    header->checksum = block_checksum(block, size);
    return adopt(block, size, false, out, error);
}

mv_err mv_learnt_load(const char *path, mv_learnt **out, mv_error *error)
{
    os_file file;
    uint64_t size;
    const void *block = NULL;
    *out = NULL;
    MV_TRY(os_open_read(path, &file, &size, error));
    mv_err err = MV_OK;
    if (size < sizeof(learnt_model_header)) err = damaged_model("it is no learnt model", error);
    if (!err) {
        err = os_map(file, size, &block, path, error);
        if (err) {
            os_close(file);
            return err;
        }
        err = adopt((void *)(uintptr_t)block, (size_t)size, true, out, error);
    }
    os_close(file);
    return err && err != MV_NO_MEMORY ? error_prefix(error, err, "'%s': ", path) : err;
}

mv_err mv_learnt_save(const mv_learnt *m, const char *path, mv_error *error)
{
    char directory[OS_PATH_SIZE];
    const char *slash = strrchr(path, '/');
    size_t size = slash ? (size_t)(slash - path) : 1;
    if (size >= sizeof directory)
        return error_set(error, MV_LIMIT, "the path has %zu bytes", strlen(path));
    memcpy(directory, slash ? path : ".", size);
    directory[size] = 0;
    return os_write_small(slash == path ? "/" : directory, slash ? slash + 1 : path, m->block,
                          m->size, error);
}

void mv_learnt_free(mv_learnt *m)
{
    if (!m) return;
    if (m->is_mapped)
        os_unmap(m->block, m->size);
    else
        mem_free(m->block, m->size);
    text_analyzer_free(m->analyzer);
    mem_free(m->slots, m->slots_count * sizeof *m->slots);
    mem_free(m->seen, mem_array_size(m->header.terms, sizeof *m->seen));
    mem_free(m->unseen, m->unseen_capacity * sizeof *m->unseen);
    mem_free(m, sizeof *m);
}

void mv_learnt_describe(const mv_learnt *m, mv_learnt_info *info)
{
    *info = (mv_learnt_info){.dim = m->header.dim,
                             .terms = m->header.terms,
                             .texts = m->header.texts,
                             .checksum = m->header.checksum};
}

/* ---------------------------------------------------------------- texts */

/* Was the hash not there yet? Without memory for a larger table, no hash is taken for new. */
static bool is_new_unseen(mv_learnt *m, uint64_t hash)
{
    if (!hash) hash = 1; /* 0 is free */
    if (m->unseen_count * 2 >= m->unseen_capacity) {
        uint32_t capacity = m->unseen_capacity * 2;
        uint64_t *larger = mem_alloc_zero(mem_array_size(capacity, sizeof *larger));
        if (!larger) return false;
        for (uint32_t i = 0; i < m->unseen_capacity; i++) {
            uint32_t at = (uint32_t)m->unseen[i] & (capacity - 1);
            while (m->unseen[i] && larger[at]) at = (at + 1) & (capacity - 1);
            if (m->unseen[i]) larger[at] = m->unseen[i];
        }
        mem_free(m->unseen, m->unseen_capacity * sizeof *m->unseen);
        m->unseen = larger;
        m->unseen_capacity = capacity;
    }
    uint32_t at = (uint32_t)hash & (m->unseen_capacity - 1);
    for (; m->unseen[at]; at = (at + 1) & (m->unseen_capacity - 1))
        if (m->unseen[at] == hash) return false;
    m->unseen[at] = hash;
    m->unseen_count++;
    return true;
}

static void add_scaled(float *restrict vector, const int8_t *restrict codes, uint32_t dim,
                       float scale)
{
    for (uint32_t i = 0; i < dim; i++) vector[i] += scale * (float)codes[i];
}

/* Add a term that the text had not yet. */
static void add_meaning(mv_learnt *m, const char *term, size_t size, float *vector)
{
    uint32_t slot = m->slots[find_learnt(m, term, size)], dim = m->header.dim;
    if (slot) {
        uint32_t n = slot - 1;
        if (m->seen[n] == m->turn) return;
        m->seen[n] = m->turn;
        add_scaled(vector, m->parts.codes + (size_t)n * dim, dim,
                   m->parts.weights[n] * m->parts.scales[n]);
        return;
    }
    if (!is_new_unseen(m, hash_bytes(term, size, 0))) return;
    learnt_model_add_own(term, size, m->header.seed, dim, logf(1 + (float)m->header.texts), vector);
}

static void begin_text(mv_learnt *m)
{
    if (++m->turn == 0) { /* after 2^32 texts */
        memset(m->seen, 0, m->header.terms * sizeof *m->seen);
        m->turn = 1;
    }
    if (m->unseen_count) memset(m->unseen, 0, m->unseen_capacity * sizeof *m->unseen);
    m->unseen_count = 0;
}

static double length_of(const float *vector, uint32_t dim)
{
    double square = 0;
    for (uint32_t i = 0; i < dim; i++) square += (double)vector[i] * (double)vector[i];
    return sqrt(square);
}

mv_err mv_learnt_embed(mv_learnt *m, const char *text, size_t size, float *vector, mv_error *error)
{
    text_token token;
    learnt_model_index index;
    uint32_t dim = m->header.dim;
    if (size > UINT32_MAX)
        return error_set(error, MV_LIMIT, "a text has %zu bytes, at most %u are allowed", size,
                         UINT32_MAX);
    begin_text(m);
    memset(vector, 0, dim * sizeof *vector);
    text_begin(m->analyzer, text, size, false);
    while (text_next(m->analyzer, &token)) add_meaning(m, token.term, token.size, vector);
    double length = length_of(vector, dim);
    if (!(length > 1e-6)) { /* no terms, or terms that cancel each other out */
        memset(vector, 0, dim * sizeof *vector);
        learnt_model_index_of("", 0, m->header.seed, dim, index);
        learnt_model_add_index(vector, index, 1);
        vector[0] += 0.5f; /* whatever the places are, the sum is not 0 */
        length = length_of(vector, dim);
    }
    for (uint32_t i = 0; i < dim; i++) vector[i] = (float)((double)vector[i] / length);
    return MV_OK;
}
