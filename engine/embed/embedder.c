/* The public calls of embedding (moonvec.h): a tokenizer or a list of words, and a matrix. */
#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "embed/token_rows.h"
#include "embed/tokenizer.h"
#include "embed/word_file.h"
#include "embed/word_splitter.h"
#include "text/text_fold.h"

#define SIF_COEFFICIENT 1e-4  /* Arora, Liang, Ma 2017; Model2Vec's default */
#define NORM_MIN        1e-32 /* added to the length of a vector, by Model2Vec */
#define ROWS_AT_ONCE    16u /* added up apart, so that rounding errors do not add up over a text */

struct mv_embedder {
    tokenizer tokenizer;
    word_list words; /* of a file of word vectors; then there is no tokenizer */
    bool has_words;
    bool normalizes;
    uint32_t max_words;
    token_rows rows;
    uint64_t fingerprint;
};

/* ---------------------------------------------------------------- open */

static mv_err make_embedder(mv_embedder **embedder, mv_error *error)
{
    *embedder = NULL;
    if (!text_fold_is_built())
        return error_set(error, MV_WRONG_VERSION,
                         "embedding needs libutf8proc, which this build of moonvec lacks");
    *embedder = mem_alloc_zero(sizeof **embedder);
    return *embedder ? MV_OK : error_memory(error, sizeof **embedder, "an embedder");
}

/* Put the path before what is wrong with the file, and free what there is. */
static mv_err fail_to_open(mv_embedder **embedder, const char *path, mv_err err, mv_error *error)
{
    mv_embedder_free(*embedder);
    *embedder = NULL;
    if (err == MV_CORRUPT || err == MV_LIMIT) return error_prefix(error, err, "'%s': ", path);
    return err;
}

static mv_err check_model_options(const mv_embedder_options *options, mv_error *error)
{
    if (options->model < MV_WORD_PIECE || options->model > MV_WORD_LEVEL)
        return error_set(error, MV_MISUSE, "unknown model of tokens %d", (int)options->model);
    if (options->unknown_id != MV_TOKEN_NONE && options->unknown_id >= options->tokens_count)
        return error_set(error, MV_MISUSE, "the unknown token has id %u, there are %u tokens",
                         (unsigned)options->unknown_id, (unsigned)options->tokens_count);
    bool needs_unknown = options->model != MV_BPE;
    if (needs_unknown && options->unknown_id == MV_TOKEN_NONE)
        return error_set(error, MV_MISUSE, "the tokenizer has no unknown token");
    if (options->model == MV_UNIGRAM && !options->scores)
        return error_set(error, MV_MISUSE, "the tokenizer has no scores");
    return MV_OK;
}

/* One more than the greatest id of a token. */
static mv_err count_ids(const mv_embedder_options *options, uint32_t *count, mv_error *error)
{
    *count = options->tokens_count;
    for (uint32_t i = 0; i < options->added_count; i++) {
        if (options->added[i].id >= MV_TOKEN_NONE - 1)
            return error_set(error, MV_MISUSE, "added token %u has an id that is too large",
                             (unsigned)i + 1);
        if (options->added[i].id >= *count) *count = options->added[i].id + 1;
    }
    return MV_OK;
}

static uint64_t hash_settings(uint64_t hash, bool normalizes, bool weighs, uint32_t max_tokens)
{
    uint64_t settings[3] = {normalizes, weighs, max_tokens};
    return hash_bytes(settings, sizeof settings, hash);
}

mv_err mv_embedder_open(const mv_embedder_options *options, mv_embedder **embedder, mv_error *error)
{
    uint32_t ids_count;
    mv_err err;
    MV_TRY(make_embedder(embedder, error));
    mv_embedder *e = *embedder;
    if ((err = check_model_options(options, error)) ||
        (err = count_ids(options, &ids_count, error)) ||
        (err = token_rows_map(&e->rows, options->path, error)) ||
        (err = token_rows_use(&e->rows, options, ids_count, error)) ||
        (err = tokenizer_make(&e->tokenizer, options, error)))
        return fail_to_open(embedder, options->path, err, error);
    e->normalizes = options->normalizes;
    uint64_t hash = token_rows_hash(&e->rows);
    hash = hash_bytes(options->identity.data, options->identity.size, hash);
    e->fingerprint = hash_settings(hash, options->normalizes, false, options->max_tokens);
    return MV_OK;
}

/* The weight of each word by its place, as Model2Vec computes it (`compute_weights`). */
static mv_err weigh_words(token_rows *rows, mv_error *error)
{
    size_t size = mem_array_size(rows->tokens_count, sizeof *rows->weights);
    double sum = 0;
    rows->weights = mem_alloc(size);
    if (!rows->weights) return error_memory(error, size, "the weights of words");
    for (uint32_t i = 0; i < rows->tokens_count; i++) sum += 1.0 / (i + 2.0);
    for (uint32_t i = 0; i < rows->tokens_count; i++) {
        double probability = 1.0 / (i + 2.0) / sum;
        rows->weights[i] = (float)(SIF_COEFFICIENT / (SIF_COEFFICIENT + probability));
    }
    return MV_OK;
}

mv_err mv_embedder_open_words(const char *path, const mv_words_options *options,
                              mv_embedder **embedder, mv_error *error)
{
    uint64_t hash;
    mv_err err;
    MV_TRY(make_embedder(embedder, error));
    mv_embedder *e = *embedder;
    if ((err = token_rows_map(&e->rows, path, error)) ||
        (err = word_file_read(&e->words, &e->rows, &hash, error)) ||
        (err = word_list_close(&e->words, error)) ||
        (options->weighs && (err = weigh_words(&e->rows, error))))
        return fail_to_open(embedder, path, err, error);
    e->has_words = true;
    e->normalizes = options->normalizes;
    e->max_words = options->max_tokens ? options->max_tokens : UINT32_MAX;
    e->fingerprint = hash_settings(hash, options->normalizes, options->weighs, options->max_tokens);
    return MV_OK;
}

void mv_embedder_free(mv_embedder *embedder)
{
    if (!embedder) return;
    tokenizer_free(&embedder->tokenizer);
    word_list_free(&embedder->words);
    token_rows_close(&embedder->rows);
    mem_free(embedder, sizeof *embedder);
}

uint32_t mv_embedder_dim(const mv_embedder *embedder)
{
    return embedder->rows.dim;
}

uint64_t mv_embedder_fingerprint(const mv_embedder *embedder)
{
    return embedder->fingerprint;
}

/* ---------------------------------------------------------------- run */

/* Memory for both kinds of tokenizers. */
typedef struct embedder_room {
    tokenizer_room tokens;
    word_room words;
} embedder_room;

static void free_room(embedder_room *room)
{
    tokenizer_room_free(&room->tokens);
    word_splitter_free(&room->words);
}

static mv_err read_tokens(const mv_embedder *e, mv_text text, embedder_room *room,
                          const uint32_t **ids, uint32_t *count, mv_error *error)
{
    if (e->has_words)
        return word_splitter_run(&e->words, text, e->max_words, &room->words, ids, count, error);
    return tokenizer_run(&e->tokenizer, text, &room->tokens, ids, count, error);
}

/* Scale the sum of `count` rows to their mean, or to length 1. False: it is not finite. */
static bool scale_sum(const mv_embedder *e, uint32_t count, float *sum)
{
    uint32_t dim = e->rows.dim;
    double squares = 0;
    for (uint32_t i = 0; i < dim; i++) {
        sum[i] /= (float)count;
        squares += (double)sum[i] * sum[i];
    }
    if (!isfinite(squares)) return false;
    if (!e->normalizes) return true;
    double factor = 1 / (sqrt(squares) + NORM_MIN);
    for (uint32_t i = 0; i < dim; i++) sum[i] = (float)(sum[i] * factor);
    return true;
}

/* Add up the rows of tokens. `part` has space for a vector. */
static void add_token_rows(const mv_embedder *e, const uint32_t *ids, uint32_t count, float *part,
                           float *sum)
{
    uint32_t dim = e->rows.dim;
    memset(sum, 0, dim * sizeof *sum);
    token_rows_add(&e->rows, ids, count < ROWS_AT_ONCE ? count : ROWS_AT_ONCE, sum);
    for (uint32_t at = ROWS_AT_ONCE; at < count; at += ROWS_AT_ONCE) {
        memset(part, 0, dim * sizeof *part);
        token_rows_add(&e->rows, ids + at, count - at < ROWS_AT_ONCE ? count - at : ROWS_AT_ONCE,
                       part);
        for (uint32_t i = 0; i < dim; i++) sum[i] += part[i];
    }
}

static mv_err fail_for_number(const mv_embedder *e, const uint32_t *ids, uint32_t count,
                              mv_error *error)
{
    uint32_t at = token_rows_find_bad(&e->rows, ids, count);
    if (at == count)
        return error_set(error, MV_CORRUPT, "the numbers of the model are too large to be added");
    return error_set(error, MV_CORRUPT, "the model's numbers of token %u are not all finite",
                     (unsigned)ids[at]);
}

mv_err mv_embedder_embed(const mv_embedder *embedder, const mv_text *texts, size_t count,
                         float *vectors, uint32_t *tokens_counts, mv_error *error)
{
    embedder_room room = {0};
    size_t part_size = embedder->rows.dim * sizeof(float);
    float *part = mem_alloc_aligned(part_size);
    mv_err err = part ? MV_OK : error_memory(error, part_size, "the vector of a text");
    for (size_t i = 0; i < count && !err; i++) {
        float *vector = vectors + i * embedder->rows.dim;
        const uint32_t *ids;
        uint32_t ids_count;
        err = read_tokens(embedder, texts[i], &room, &ids, &ids_count, error);
        if (err) break;
        tokens_counts[i] = ids_count;
        add_token_rows(embedder, ids, ids_count, part, vector);
        if (ids_count && !scale_sum(embedder, ids_count, vector))
            err = fail_for_number(embedder, ids, ids_count, error);
    }
    mem_free(part, part_size);
    free_room(&room);
    return err;
}

mv_err mv_embedder_tokens(const mv_embedder *embedder, mv_text text, uint32_t *ids, size_t capacity,
                          size_t *count, mv_error *error)
{
    embedder_room room = {0};
    const uint32_t *found = NULL;
    uint32_t found_count = 0;
    mv_err err = read_tokens(embedder, text, &room, &found, &found_count, error);
    *count = found_count;
    size_t copied = found_count < capacity ? found_count : capacity;
    if (copied) memcpy(ids, found, copied * sizeof *ids);
    free_room(&room);
    return err;
}
