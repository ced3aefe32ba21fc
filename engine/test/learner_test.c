/* Learning from texts, and models as files: what is learnt, limits, damage, memory that runs out.
 */
#include <math.h>

#include "embed/learnt_model.h"
#include "test/sample.h"

#define DIM 32

static mv_learnt *learn_all(const char *const *texts, size_t count, mv_learn_options options)
{
    mv_learner *learner = NULL;
    mv_learnt *model = NULL;
    WORKS(mv_learner_create(&options, &learner, &error));
    for (size_t i = 0; learner && i < count; i++)
        WORKS(mv_learner_add(learner, texts[i], strlen(texts[i]), &error));
    if (learner) WORKS(mv_learner_finish(learner, &model, &error));
    mv_learner_free(learner);
    return model;
}

static const char *const fruits[] = {"red apple pie",   "green apple tart", "red cherry pie",
                                     "green pear tart", "red cherry cake",  ""};
#define FRUITS (sizeof fruits / sizeof *fruits)

static mv_learnt *learn_fruits(void)
{
    return learn_all(fruits, FRUITS, (mv_learn_options){.dim = DIM, .seed = 1});
}

static double product(mv_learnt *model, const char *a, const char *b)
{
    float x[DIM], y[DIM];
    double sum = 0;
    WORKS(mv_learnt_embed(model, a, strlen(a), x, &error));
    WORKS(mv_learnt_embed(model, b, strlen(b), y, &error));
    for (int i = 0; i < DIM; i++) sum += (double)x[i] * (double)y[i];
    return sum;
}

static void test_learning(void)
{
    mv_learnt_info info;
    mv_learnt *model = learn_fruits();
    mv_learnt_describe(model, &info);
    EXPECT(info.dim == DIM && info.texts == FRUITS);
    EXPECT(info.terms == 6); /* red, green, apple, cherry, pie, tart */
    EXPECT(fabs(product(model, "apple", "apple") - 1) < 1e-5);
    EXPECT(fabs(product(model, "", "") - 1) < 1e-5);
    EXPECT(fabs(product(model, "apple pie apple", "pie, apple!") - 1) < 1e-5);
    EXPECT(product(model, "apple", "zyzzyva") < 0.9);
    mv_learnt_free(model);

    model = learn_all(fruits, FRUITS, (mv_learn_options){.dim = DIM, .min_count = 1});
    mv_learnt_describe(model, &info);
    EXPECT(info.terms == 8);
    mv_learnt_free(model);
    model = learn_all(fruits, FRUITS, (mv_learn_options){.dim = DIM, .terms_max = 2});
    mv_learnt_describe(model, &info);
    EXPECT(info.terms == 2);
    mv_learnt_free(model);
    model = learn_all(NULL, 0, (mv_learn_options){.dim = DIM});
    mv_learnt_describe(model, &info);
    EXPECT(info.terms == 0 && info.texts == 0);
    EXPECT(fabs(product(model, "a b", "b a") - 1) < 1e-5);
    mv_learnt_free(model);
}

/* As many words as make tables grow: all are found again. */
static void test_many_words(void)
{
    enum { WORDS = 5000 };
    char text[64];
    mv_learner *learner = NULL;
    mv_learnt *model = NULL;
    mv_learnt_info info;
    const mv_learn_options options = {.dim = 8, .seed = 1};
    WORKS(mv_learner_create(&options, &learner, &error));
    for (int i = 0; i < 2 * WORDS; i++) {
        (void)snprintf(text, sizeof text, "w%d w%d", i % WORDS, (i + 1) % WORDS);
        WORKS(mv_learner_add(learner, text, strlen(text), &error));
    }
    WORKS(mv_learner_finish(learner, &model, &error));
    mv_learner_free(learner);
    mv_learnt_describe(model, &info);
    EXPECT(info.terms == WORDS && info.texts == 2 * WORDS);
    mem_buffer all = {0}; /* a text of many words that are not known */
    for (int i = 0; i < 1000; i++) {
        (void)snprintf(text, sizeof text, "u%d ", i);
        EXPECT(mem_buffer_append(&all, text, strlen(text)));
    }
    float once[8], again[8];
    WORKS(mv_learnt_embed(model, (char *)all.data, all.size, once, &error));
    EXPECT(mem_buffer_reserve(&all, all.size));
    memcpy(all.data + all.size, all.data, all.size);
    WORKS(mv_learnt_embed(model, (char *)all.data, all.size * 2, again, &error));
    EXPECT(memcmp(once, again, sizeof once) == 0);
    mem_buffer_free(&all);
    mv_learnt_free(model);
}

static void test_options(void)
{
    mv_learner *learner = NULL;
    static const mv_learn_options wrong[] = {
        {.dim = 7},
        {.dim = 4097},
        {.tokenizer = (mv_tokenizer)9},
        {.language = "klingon"},
        {.language = "a language with a name that is too long"},
        {.tokenizer = MV_TOKENIZER_NGRAM, .language = "english"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        doing_now("options %zu", i);
        EXPECT(mv_learner_create(&wrong[i], &learner, &error) == MV_MISUSE && !learner);
    }
}

/* ---------------------------------------------------------------- files */

static uint8_t *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    EXPECT(file && !fseek(file, 0, SEEK_END));
    *size = (size_t)ftell(file);
    uint8_t *bytes = mem_alloc(*size);
    EXPECT(bytes && !fseek(file, 0, SEEK_SET) && fread(bytes, 1, *size, file) == *size);
    EXPECT(!fclose(file));
    return bytes;
}

static void write_file(const char *path, const uint8_t *bytes, size_t size)
{
    FILE *file = fopen(path, "wb");
    EXPECT(file && fwrite(bytes, 1, size, file) == size && !fclose(file));
}

static void test_files(void)
{
    const char *path = sample_path("fruits");
    mv_learnt *model = learn_fruits(), *loaded = NULL;
    mv_learnt_info a, b;
    float x[DIM], y[DIM];
    WORKS(mv_learnt_save(model, path, &error));
    WORKS(mv_learnt_load(path, &loaded, &error));
    mv_learnt_describe(model, &a);
    mv_learnt_describe(loaded, &b);
    EXPECT(memcmp(&a, &b, sizeof a) == 0);
    WORKS(mv_learnt_embed(model, "red apple zyzzyva", 17, x, &error));
    WORKS(mv_learnt_embed(loaded, "red apple zyzzyva", 17, y, &error));
    EXPECT(memcmp(x, y, sizeof x) == 0);
    mv_learnt_free(model);
    mv_learnt_free(loaded);
    EXPECT(mv_learnt_load(sample_path("none"), &loaded, &error) == MV_NOT_FOUND && !loaded);
}

/* A file whose checksum fits its bytes, whatever they are: refused, or a model that embeds. */
static void test_hostile_files(void)
{
    const char *path = sample_path("hostile");
    size_t size, refused = 0, taken = 0;
    uint64_t seed = 1;
    mv_learnt *model = learn_fruits(), *loaded;
    WORKS(mv_learnt_save(model, path, &error));
    mv_learnt_free(model);
    uint8_t *bytes = read_file(path, &size);
    for (int turn = 0; turn < 3000; turn++) {
        uint8_t *copy = mem_alloc(size);
        memcpy(copy, bytes, size);
        for (int k = 0; k <= turn % 3; k++) {
            seed = mix(seed);
            size_t range = turn % 2 ? 88 + 6 * 12 : size; /* the header, and what tells places */
            copy[seed % range] = (uint8_t)(seed >> 40);
        }
        /* learnt_model_make writes magic, format and checksum, and takes the copy. */
        mv_err err = learnt_model_make(copy, size, &loaded, &error);
        if (err) {
            refused++;
            EXPECT(!loaded && (err == MV_CORRUPT || err == MV_MISUSE || err == MV_WRONG_VERSION));
            continue;
        }
        taken++;
        mv_learnt_info info;
        mv_learnt_describe(loaded, &info);
        float *vector = mem_alloc(info.dim * sizeof *vector);
        WORKS(mv_learnt_embed(loaded, "red apple zyzzyva", 17, vector, &error));
        mem_free(vector, info.dim * sizeof *vector);
        mv_learnt_free(loaded);
    }
    EXPECT(refused > 100 && taken > 100);
    for (size_t cut = 0; cut < size; cut += 7) {
        write_file(path, bytes, cut);
        EXPECT(mv_learnt_load(path, &loaded, &error) == MV_CORRUPT && !loaded);
    }
    bytes[8] = 2;
    write_file(path, bytes, size);
    EXPECT(mv_learnt_load(path, &loaded, &error) == MV_WRONG_VERSION && !loaded);
    mem_free(bytes, size);
}

/* ---------------------------------------------------------------- memory */

static mv_err live(const char *path)
{
    float vector[DIM];
    mv_learner *learner = NULL;
    mv_learnt *model = NULL, *loaded = NULL;
    const mv_learn_options options = {.dim = DIM, .language = "english", .stop_words = true};
    mv_err err = mv_learner_create(&options, &learner, &error);
    for (size_t i = 0; i < FRUITS && !err; i++)
        err = mv_learner_add(learner, fruits[i], strlen(fruits[i]), &error);
    if (!err) err = mv_learner_finish(learner, &model, &error);
    mv_learner_free(learner);
    if (!err) err = mv_learnt_save(model, path, &error);
    if (!err) err = mv_learnt_load(path, &loaded, &error);
    if (!err) err = mv_learnt_embed(loaded, fruits[0], strlen(fruits[0]), vector, &error);
    mv_learnt_free(model);
    mv_learnt_free(loaded);
    return err;
}

static void test_out_of_memory(void)
{
    const char *path = sample_path("memory");
    mv_err err;
    uint64_t n = 0;
    do {
        n++;
        mem_fail_at(n, n % 2);
        err = live(path);
        mem_fail_at(0, false);
        EXPECT(mem_bytes() == 0 && (!err || err == MV_NO_MEMORY));
    } while (err);
    EXPECT(n > 20);
}

int main(void)
{
    if (!sample_place_make("learner")) return tests_conclude();
    RUN(test_learning());
    RUN(test_many_words());
    RUN(test_options());
    RUN(test_files());
    RUN(test_hostile_files());
    RUN(test_out_of_memory());
    remove_tree(sample_place);
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
