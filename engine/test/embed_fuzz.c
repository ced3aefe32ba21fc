/* Fuzzer of embedding. The first byte says what the others are: a text for one of many models, the
 * precompiled map of a normalizer, or a file of word vectors. Ids are of tokens, files are read or
 * refused. */
#include "test/embed_sample.h"
#include "test/fuzz_must.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define MODELS_COUNT (4 * SAMPLE_NORMALIZERS_COUNT * SAMPLE_SPLITTERS_COUNT)

static char matrix_path[64];

static mv_embedder *model_at(size_t options)
{
    static mv_embedder *models[MODELS_COUNT];
    if (!*matrix_path) MUST(sample_matrix(matrix_path) != OS_FILE_NONE);
    if (!models[options]) {
        size_t splitter = options % SAMPLE_SPLITTERS_COUNT, rest = options / SAMPLE_SPLITTERS_COUNT;
        mv_embedder_options parts =
            sample_options(matrix_path, (mv_token_model)(1 + rest % 4), rest / 4, splitter);
        parts.max_tokens = options % 3 * 7;
        MUST(!mv_embedder_open(&parts, &models[options], NULL));
    }
    return models[options];
}

static void embed_text(const mv_embedder *embedder, const uint8_t *text, size_t size,
                       uint32_t tokens_count, size_t options)
{
    uint32_t ids[256], used;
    size_t count;
    float vector[256];
    mv_text given = {(const char *)text, size};
    MUST(!mv_embedder_tokens(embedder, given, ids, 256, &count, NULL));
    for (size_t i = 0; i < count && i < 256; i++) MUST(ids[i] < tokens_count);
    if (mv_embedder_dim(embedder) <= 256)
        MUST(!mv_embedder_embed(embedder, &given, 1, vector, &used, NULL) && used == count);
}

static void try_map(const uint8_t *data, size_t size)
{
    static const mv_text TEXTS[] = {{"a\xC3\xA1 e\xCC\x81 \xEF\xAC\x81\r\n abcdefghijk", 30}};
    size_t options = 0;
    mv_embedder *embedder = NULL;
    mv_normalizer map = {.kind = MV_NORMALIZE_CHARSMAP, .pattern = {(const char *)data, size}};
    (void)model_at(0); /* makes the matrix */
    mv_embedder_options parts = sample_options(matrix_path, MV_UNIGRAM, 0, 2);
    parts.normalizers = &map;
    if (mv_embedder_open(&parts, &embedder, NULL)) return;
    embed_text(embedder, (const uint8_t *)TEXTS[0].data, 22, SAMPLE_TOKENS, options);
    embed_text(embedder, data, size, SAMPLE_TOKENS, options);
    mv_embedder_free(embedder);
}

static void try_words(const uint8_t *data, size_t size)
{
    char path[64];
    mv_embedder *embedder = NULL;
    mv_words_options options = {.normalizes = size % 2, .weighs = size % 3 == 0};
    os_file file = sample_file(data, size, path);
    if (file == OS_FILE_NONE) return;
    if (!mv_embedder_open_words(path, &options, &embedder, NULL)) {
        mv_text text = {(const char *)data, size};
        uint32_t ids[1];
        size_t count;
        (void)mv_embedder_tokens(embedder, text, ids, 1, &count, NULL);
        if (mv_embedder_dim(embedder) <= 256) {
            float vector[256];
            uint32_t used;
            (void)mv_embedder_embed(embedder, &text, 1, vector, &used,
                                    NULL); /* may not be finite */
        }
        mv_embedder_free(embedder);
    }
    os_close(file);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    if (data[0] % 8 == 0) {
        try_words(data + 1, size - 1);
    } else if (data[0] % 8 == 1) {
        try_map(data + 1, size - 1);
    } else {
        size_t options = (size_t)(data[1] | data[2] << 8) % MODELS_COUNT;
        embed_text(model_at(options), data + 3, size - 3, SAMPLE_TOKENS, options);
    }
    return 0;
}
