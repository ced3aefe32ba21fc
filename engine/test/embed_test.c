/* Embedding: tokens and vectors of small models, wrong options, every allocation failing in turn,
 * and several threads with one model. What the specs test by way of Lua is not repeated. */
#include "test/embed_sample.h"
#include "test/expect.h"

#include <math.h>

static bool has_tokens(const mv_embedder *embedder, mv_text text, const char *wanted)
{
    uint32_t ids[64];
    size_t count = 0, at = 0;
    char got[256] = "";
    if (mv_embedder_tokens(embedder, text, ids, 64, &count, NULL)) return false;
    for (size_t i = 0; i < count; i++)
        at += (size_t)snprintf(got + at, sizeof got - at, i ? " %u" : "%u", (unsigned)ids[i]);
    if (strcmp(got, wanted)) printf("got %s, expected %s\n", got, wanted);
    return strcmp(got, wanted) == 0;
}

static void test_models(void)
{
    char path[64];
    os_file file = sample_matrix(path);
    mv_embedder *embedder = NULL;
    mv_error error;
    static const char *const wanted[] = {"7 6 3 10", "9 11 3 8 3 10", "7 3 3 10", "3 10"};
    for (int model = MV_WORD_PIECE; model <= MV_WORD_LEVEL; model++) {
        size_t splitter = model == MV_UNIGRAM ? 5 : 0;
        mv_embedder_options options = sample_options(path, (mv_token_model)model, 0, splitter);
        EXPECT(!mv_embedder_open(&options, &embedder, &error));
        doing_now("model %d", model);
        EXPECT(mv_embedder_dim(embedder) == SAMPLE_DIM);
        EXPECT(has_tokens(embedder,
                          TEXT("\xC3\x81"
                               "BCC c [X] "),
                          wanted[model - 1]));
        mv_embedder_free(embedder);
    }
    os_close(file);
}

static void test_vectors(void)
{
    char path[64];
    os_file file = sample_matrix(path);
    mv_embedder *embedder = NULL;
    mv_text texts[] = {TEXT("a ab"), TEXT(""), TEXT("x"), TEXT("abc abc")};
    float vectors[4 * SAMPLE_DIM];
    uint32_t tokens[4];
    mv_embedder_options options = sample_options(path, MV_WORD_PIECE, 0, 0);
    EXPECT(!mv_embedder_open(&options, &embedder, NULL));
    EXPECT(!mv_embedder_embed(embedder, texts, 4, vectors, tokens, NULL));
    EXPECT(tokens[0] == 2 && tokens[1] == 0 && tokens[2] == 0 && tokens[3] == 2);
    EXPECT(vectors[0] == 2.5f && vectors[3] == 2.875f); /* of rows 1 and 4 */
    EXPECT(vectors[4] == 0 && vectors[8] == 0 && vectors[12] == 7);
    mv_embedder_free(embedder);
    options.normalizes = true;
    EXPECT(!mv_embedder_open(&options, &embedder, NULL));
    EXPECT(!mv_embedder_embed(embedder, texts, 4, vectors, tokens, NULL));
    EXPECT(fabsf(vectors[0] * vectors[0] + vectors[1] * vectors[1] + vectors[2] * vectors[2] +
                 vectors[3] * vectors[3] - 1) < 1e-6f);
    mv_embedder_free(embedder);
    mv_embedder_free(NULL);
    os_close(file);
}

static void test_wrong_options(void)
{
    char path[64];
    os_file file = sample_matrix(path);
    mv_embedder *embedder = NULL;
    mv_error error;
    const mv_embedder_options good = sample_options(path, MV_BPE, 0, 0);
    mv_merge merge = {1, 2, SAMPLE_TOKENS};
    mv_added_token added = {.text = {"q", 1}, .id = SAMPLE_TOKENS};
    for (int i = 0; i < 8; i++) {
        mv_embedder_options options = good;
        if (i == 0) options.embeddings.rows = SAMPLE_TOKENS - 1;
        if (i == 1) options.embeddings.rows = SAMPLE_TOKENS + 1;
        if (i == 2) options.embeddings.offset = UINT64_MAX - 8;
        if (i == 3) options.merges = &merge, options.merges_count = 1;
        if (i == 4) options.added = &added, options.added_count = 1; /* no row */
        if (i == 5) options.unknown_id = SAMPLE_TOKENS;
        if (i == 6) options.model = MV_UNIGRAM, options.unknown_id = MV_TOKEN_NONE;
        if (i == 7) options.path = "/nonexistent";
        doing_now("wrong option %d", i);
        mv_err wanted = i < 5 ? MV_CORRUPT : i < 7 ? MV_MISUSE : MV_NOT_FOUND;
        EXPECT(mv_embedder_open(&options, &embedder, &error) == wanted);
        EXPECT(embedder == NULL && error.text[0]);
    }
    os_close(file);
}

/* Open and use a model, or a file of words. */
static mv_err use_model(const char *path, const char *words_path, int kind)
{
    mv_embedder *embedder = NULL;
    mv_text texts[] = {TEXT("a ab\xC3\xA1 [X] cab"), TEXT("\xFF x b'c aaaaaaaaaaaaaaaaa")};
    float vectors[2 * SAMPLE_DIM];
    uint32_t tokens[2];
    mv_err err;
    if (kind == 0) {
        mv_words_options options = {.normalizes = true, .weighs = true};
        err = mv_embedder_open_words(words_path, &options, &embedder, NULL);
    } else {
        mv_embedder_options options =
            sample_options(path, (mv_token_model)kind, (size_t)kind % SAMPLE_NORMALIZERS_COUNT,
                           kind == MV_BPE ? 6 : 5);
        err = mv_embedder_open(&options, &embedder, NULL);
    }
    if (!err) err = mv_embedder_embed(embedder, texts, 2, vectors, tokens, NULL);
    mv_embedder_free(embedder);
    return err;
}

/* Whatever allocation fails, the call fails and nothing leaks. */
static void test_no_memory(void)
{
    static const char words[] = "a 1 2 3 4\nb 1 2 3 5\n'c 0 0 1 1\n";
    char path[64], words_path[64];
    os_file file = sample_matrix(path),
            words_file = sample_file(words, sizeof words - 1, words_path);
    for (int kind = 0; kind <= MV_WORD_LEVEL; kind++) {
        size_t before = mem_bytes();
        uint64_t n = 1;
        mv_err err = MV_NO_MEMORY;
        for (; err == MV_NO_MEMORY && n < 1000; n++) {
            mem_fail_at(n, false);
            err = use_model(path, words_path, kind);
            mem_fail_at(0, false);
            doing_now("kind %d, allocation %d", kind, (int)n);
            EXPECT(err == MV_OK || err == MV_NO_MEMORY);
            EXPECT(mem_bytes() == before);
        }
        EXPECT(err == MV_OK && n > 8);
    }
    os_close(file);
    os_close(words_file);
}

typedef struct embed_thread {
    const mv_embedder *embedder;
    float vector[SAMPLE_DIM];
    bool is_same;
} embed_thread;

static void embed_often(void *ctx)
{
    embed_thread *thread = ctx;
    thread->is_same = true;
    for (int i = 0; i < 2000; i++) {
        mv_text texts[] = {TEXT("a ab abc c"), TEXT("b c [X] b")};
        float vectors[2 * SAMPLE_DIM];
        uint32_t tokens[2];
        if (mv_embedder_embed(thread->embedder, texts, 2, vectors, tokens, NULL) ||
            memcmp(vectors, thread->vector, sizeof thread->vector))
            thread->is_same = false;
    }
}

static void test_threads(void)
{
    char path[64];
    os_file file = sample_matrix(path);
    mv_embedder *embedder = NULL;
    embed_thread threads[4];
    os_thread *started[4];
    mv_text text = TEXT("a ab abc c");
    uint32_t tokens;
    mv_embedder_options options = sample_options(path, MV_WORD_PIECE, 0, 0);
    EXPECT(!mv_embedder_open(&options, &embedder, NULL));
    for (int i = 0; i < 4; i++) {
        threads[i].embedder = embedder;
        EXPECT(!mv_embedder_embed(embedder, &text, 1, threads[i].vector, &tokens, NULL));
        EXPECT(!os_thread_start(embed_often, &threads[i], &started[i], NULL));
    }
    for (int i = 0; i < 4; i++) {
        os_thread_join(started[i]);
        EXPECT(threads[i].is_same);
    }
    mv_embedder_free(embedder);
    os_close(file);
}

int main(void)
{
    RUN(test_models());
    RUN(test_vectors());
    RUN(test_wrong_options());
    RUN(test_no_memory());
    RUN(test_threads());
    return tests_conclude();
}
