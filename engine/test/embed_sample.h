/* Small models for tests and fuzzers of embedding: a file with a matrix in memory, and tokenizers
 * of every kind over a few tokens. */
#ifndef MV_EMBED_SAMPLE_H
#define MV_EMBED_SAMPLE_H

#include <string.h>

#include "base/mem.h"
#include "base/os.h"

#define SAMPLE_DIM    4u
#define SAMPLE_TOKENS 12u

#define TEXT(literal) ((mv_text){literal, sizeof(literal) - 1})

static const mv_text SAMPLE_TEXTS[SAMPLE_TOKENS] = {
    {"?", 1},
    {"a", 1},
    {"b", 1},
    {"c", 1},
    {"ab", 2},
    {"##b", 3},
    {"##c", 3},
    {"abc", 3},
    {"\xE2\x96\x81", 3},
    {"\xE2\x96\x81"
     "a",
     4},
    {"\xC4\xA0", 2},
    {"bc", 2},
};
static const double SAMPLE_SCORES[SAMPLE_TOKENS] = {0,  -2,   -2, -2, -3, -5,
                                                    -5, -4.5, -1, -2, -6, -3};
static const mv_merge SAMPLE_MERGES[] = {{1, 2, 4}, {4, 3, 7}, {8, 1, 9}, {2, 3, 11}};

static const mv_normalizer SAMPLE_NORMALIZERS[] = {
    {.kind = MV_NORMALIZE_BERT,
     .cleans = true,
     .splits_chinese = true,
     .strips_accents = true,
     .lowers = true},
    {.kind = MV_NORMALIZE_NFKC},
    {.kind = MV_NORMALIZE_NFD},
    {.kind = MV_NORMALIZE_STRIP_ACCENTS},
    {.kind = MV_NORMALIZE_LOWER},
    {.kind = MV_NORMALIZE_REPLACE, .pattern = {"aa", 2}, .content = {"a", 1}},
    {.kind = MV_NORMALIZE_SPACES, .spaces_min = 2, .content = {" ", 1}},
    {.kind = MV_NORMALIZE_STRIP, .left = true, .right = true},
    {.kind = MV_NORMALIZE_NMT},
    {.kind = MV_NORMALIZE_PREPEND, .content = {" ", 1}},
};
#define SAMPLE_NORMALIZERS_COUNT (sizeof SAMPLE_NORMALIZERS / sizeof *SAMPLE_NORMALIZERS)

static const mv_splitter SAMPLE_SPLITTERS[] = {
    {.kind = MV_SPLIT_BERT},
    {.kind = MV_SPLIT_WORDS},
    {.kind = MV_SPLIT_WHITESPACE},
    {.kind = MV_SPLIT_PUNCTUATION, .isolates = true},
    {.kind = MV_SPLIT_DIGITS},
    {.kind = MV_SPLIT_METASPACE,
     .isolates = true,
     .prepends = MV_PREPEND_FIRST,
     .replacement = {"\xE2\x96\x81", 3}},
    {.kind = MV_SPLIT_BYTES, .isolates = true, .prepends = MV_PREPEND_ALWAYS},
};
#define SAMPLE_SPLITTERS_COUNT (sizeof SAMPLE_SPLITTERS / sizeof *SAMPLE_SPLITTERS)

static const mv_added_token SAMPLE_ADDED[] = {
    {.text = {"[X]", 3}, .id = 10, .takes_left = true, .takes_right = true},
    {.text = {"cab", 3}, .id = 11, .is_normalized = true, .is_word = true},
};

/* A file in memory with these bytes, which stays open; its path goes to `path`. */
static inline os_file sample_file(const void *bytes, size_t size, char path[64])
{
    os_file file = OS_FILE_NONE;
    if (os_create_in_memory("embed", &file, NULL)) return OS_FILE_NONE;
    if (size && os_write_at(file, bytes, size, 0, "embed", NULL)) {
        os_close(file);
        return OS_FILE_NONE;
    }
    os_path_of_file(file, path);
    return file;
}

/* A file with SAMPLE_TOKENS rows: number k of row r is r + k / 8. */
static inline os_file sample_matrix(char path[64])
{
    float rows[SAMPLE_TOKENS * SAMPLE_DIM];
    for (uint32_t i = 0; i < SAMPLE_TOKENS * SAMPLE_DIM; i++)
        rows[i] = (float)(i / SAMPLE_DIM) + (float)(i % SAMPLE_DIM) / 8;
    return sample_file(rows, sizeof rows, path);
}

/* The options of a model of this kind, with one normalizer and one splitter. */
static inline mv_embedder_options sample_options(const char *path, mv_token_model model,
                                                 size_t normalizer, size_t splitter)
{
    return (mv_embedder_options){
        .path = path,
        .embeddings = {MV_TENSOR_F32, 0, SAMPLE_TOKENS, SAMPLE_DIM},
        .model = model,
        .tokens = SAMPLE_TEXTS,
        .tokens_count = SAMPLE_TOKENS,
        .scores = SAMPLE_SCORES,
        .merges = SAMPLE_MERGES,
        .merges_count = sizeof SAMPLE_MERGES / sizeof *SAMPLE_MERGES,
        .unknown_id = 0,
        .drops_unknown = model != MV_UNIGRAM,
        .prefix = model == MV_WORD_PIECE ? TEXT("##") : (mv_text){NULL, 0},
        .piece_size_max = 20,
        .normalizers = &SAMPLE_NORMALIZERS[normalizer],
        .normalizers_count = 1,
        .splitters = &SAMPLE_SPLITTERS[splitter],
        .splitters_count = 1,
        .added = SAMPLE_ADDED,
        .added_count = sizeof SAMPLE_ADDED / sizeof *SAMPLE_ADDED,
    };
}

#endif
