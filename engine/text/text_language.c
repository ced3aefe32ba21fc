/* What depends on the language. The only file that knows libstemmer (Snowball).
 *
 * A word comes folded, but with its accents: stemmers and stop words need them. In this order an
 * elided article is cut off (l'eau), a stop word is left out, the rest is stemmed, and accents go.
 *
 * A text repeats its words, and stemming takes 200 ns or more. So what became of a word is kept in
 * a table of as many slots as fit the second-level cache of a core. A word has one slot, and drives
 * out what is there. */
#ifdef MV_HAVE_STEMMER
#include <libstemmer.h>
#endif
#include <string.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "text/text_language.h"

#define CACHE_SLOTS 4096u /* of 64 bytes */

/* A word and its term. */
typedef struct cached_term {
    uint8_t word_size; /* 0: the slot is empty */
    uint8_t term_size; /* 0: the word is a stop word */
    uint8_t bytes[62]; /* the word, then the term */
} cached_term;

static_assert(sizeof(cached_term) == 64, "a slot is a line of the processor's cache");

struct text_language {
    const text_fold *fold; /* NULL: words stay as they are */
    struct sb_stemmer *stemmer;
    const char *elisions; /* NULL: the language has none */
    mem_buffer words;     /* the stop words, each with a zero byte behind it */
    const char **sorted;  /* the same by strcmp; NULL: there are none */
    uint32_t sorted_count, sorted_space;
    uint8_t term[TEXT_TERM_MAX + 1]; /* the last one that did not fit a slot */
    cached_term cache[CACHE_SLOTS];
};

/* ---------------------------------------------------------------- languages */

/* What stands before an apostrophe and is no part of the word. */
static const struct {
    const char *language, *elisions;
} ELISIONS[] = {
    {"catalan", " d l m n s t "},
    {"french", " c d j jusqu l lorsqu m n puisqu qu quoiqu s t "},
    {"italian", " agl all c coll d dagl dall degl dell gl l m negl nell pell s sugl sull t un v "},
};

static const char *elisions_of(const char *language)
{
    for (size_t i = 0; i < sizeof ELISIONS / sizeof *ELISIONS; i++)
        if (strcmp(language, ELISIONS[i].language) == 0) return ELISIONS[i].elisions;
    return NULL;
}

/* In Turkish the capital of the dotless i is I. The Romanian stemmer knows the letters with cedilla
 * that were typed for those with comma. */
static const text_letter TURKISH[] = {{'I', 0x131}, {0x130, 'i'}, {0, 0}};
static const text_letter ROMANIAN[] = {
    {0x218, 0x15F}, {0x219, 0x15F}, {0x21A, 0x163}, {0x21B, 0x163}, {0, 0}};

const text_letter *text_language_letters(const char *language)
{
    if (!language) return NULL;
    if (strcmp(language, "turkish") == 0) return TURKISH;
    return strcmp(language, "romanian") == 0 ? ROMANIAN : NULL;
}

/* ---------------------------------------------------------------- the library */

#ifdef MV_HAVE_STEMMER

static const char *const *stemmers(void)
{
    return (const char *const *)sb_stemmer_list();
}

static mv_err refuse_missing_stemmer(const char *language, mv_error *error)
{
    (void)language, (void)error;
    return MV_OK;
}

/* Make the stemmer, and let it read the longest word, so that it has memory for all later ones. */
static struct sb_stemmer *make_stemmer(const char *language)
{
    sb_symbol longest[TEXT_TERM_MAX];
    struct sb_stemmer *stemmer = sb_stemmer_new(language, "UTF_8");
    memset(longest, 'a', sizeof longest);
    if (stemmer && !sb_stemmer_stem(stemmer, longest, sizeof longest)) {
        sb_stemmer_delete(stemmer);
        stemmer = NULL;
    }
    return stemmer;
}

static void free_stemmer(struct sb_stemmer *stemmer)
{
    sb_stemmer_delete(stemmer);
}

/* Stem a word in place. A stemmer that could get no memory leaves it. */
static uint32_t stem_word(struct sb_stemmer *stemmer, uint8_t *word, uint32_t size)
{
    const sb_symbol *stem = sb_stemmer_stem(stemmer, word, (int)size);
    int stem_size = stem ? sb_stemmer_length(stemmer) : 0;
    if (stem_size <= 0 || stem_size > (int)TEXT_TERM_MAX) return size;
    memcpy(word, stem, (size_t)stem_size);
    return (uint32_t)stem_size;
}

#else

static const char *const *stemmers(void)
{
    static const char *const NONE[] = {NULL};
    return NONE;
}

static mv_err refuse_missing_stemmer(const char *language, mv_error *error)
{
    char quoted[ERROR_QUOTE_SIZE];
    return error_set(
        error, MV_WRONG_VERSION,
        "language '%s' needs Snowball's stemmers, which this build of moonvec does not "
        "have: build it where libstemmer is installed (Debian: libstemmer-dev)",
        error_quote(language, strlen(language), quoted));
}

static struct sb_stemmer *make_stemmer(const char *language)
{
    (void)language;
    return NULL;
}

static void free_stemmer(struct sb_stemmer *stemmer)
{
    (void)stemmer;
}

static uint32_t stem_word(struct sb_stemmer *stemmer, uint8_t *word, uint32_t size)
{
    (void)stemmer, (void)word;
    return size;
}

#endif

/* ---------------------------------------------------------------- options */

/* "a, b, c" of the names that `name_at` gives for 0, 1, ... */
static void join_names(const char *(*name_at)(size_t), char *out, size_t size)
{
    size_t used = 0;
    out[0] = 0;
    for (size_t i = 0; name_at(i); i++) {
        size_t name_size = strlen(name_at(i));
        if (used + name_size + 3 > size) return;
        if (used) memcpy(out + used, ", ", 2), used += 2;
        memcpy(out + used, name_at(i), name_size + 1);
        used += name_size;
    }
}

static const char *stemmer_at(size_t i)
{
    return stemmers()[i];
}

static mv_err check_language(const char *language, mv_error *error)
{
    MV_TRY(refuse_missing_stemmer(language, error));
    size_t count = 0;
    for (; stemmers()[count]; count++)
        if (strcmp(stemmers()[count], language) == 0) return MV_OK;
    char quoted[ERROR_QUOTE_SIZE], all[MV_ERROR_TEXT_SIZE];
    const char *nearest = mv_nearest_name(language, strlen(language), stemmers(), count);
    error_quote(language, strlen(language), quoted);
    if (nearest)
        return error_set(error, MV_MISUSE, "unknown language '%s' (did you mean '%s'?)", quoted,
                         nearest);
    join_names(stemmer_at, all, sizeof all - sizeof quoted);
    return error_set(error, MV_MISUSE, "unknown language '%s'; there are %s", quoted, all);
}

mv_err text_language_check(const text_options *options, mv_error *error)
{
    bool has_language = options->language && *options->language;
    if (has_language) MV_TRY(check_language(options->language, error));
    if (options->language_stop_words && !has_language)
        return error_set(error, MV_MISUSE, "stop words of a language need the option 'language'");
    if (options->language_stop_words && !text_stop_words_of(options->language)) {
        char all[MV_ERROR_TEXT_SIZE / 2];
        join_names(text_stop_words_language, all, sizeof all);
        return error_set(error, MV_MISUSE,
                         "there is no list of stop words for language '%s'; there are lists for %s",
                         options->language, all);
    }
    return MV_OK;
}

/* ---------------------------------------------------------------- stop words */

static int compare_words(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Add a word to l->words. False: no memory. */
static bool add_stop_word(text_language *l, const char *word, size_t size)
{
    uint8_t folded[TEXT_TERM_MAX + 1];
    if (size > TEXT_TERM_MAX) return true; /* it may be cut: no word is left out for it */
    uint32_t folded_size = (uint32_t)size;
    if (l->fold)
        folded_size = text_fold_word(l->fold, (const uint8_t *)word, (uint32_t)size, true, folded);
    else
        memcpy(folded, word, size);
    folded[folded_size] = 0;
    if (folded_size == 0) return true;
    l->sorted_count++;
    return mem_buffer_append(&l->words, folded, folded_size + 1);
}

/* Add words that spaces separate. NULL: none. */
static bool add_stop_words(text_language *l, const char *words)
{
    for (const char *word = words ? words : ""; *word;) {
        size_t size = strcspn(word, " ");
        if (!add_stop_word(l, word, size)) return false;
        word += size + (word[size] == ' ');
    }
    return true;
}

static bool sort_stop_words(text_language *l)
{
    l->sorted_space = l->sorted_count;
    l->sorted = mem_alloc(l->sorted_space * sizeof *l->sorted);
    if (!l->sorted) return false;
    const char *word = (const char *)l->words.data;
    for (uint32_t i = 0; i < l->sorted_count; i++, word += strlen(word) + 1) l->sorted[i] = word;
    qsort(l->sorted, l->sorted_count, sizeof *l->sorted, compare_words);
    return true;
}

/* `word` ends with a zero byte. */
static bool is_stop_word(const text_language *l, const char *word)
{
    return l->sorted_count &&
           bsearch(&word, l->sorted, l->sorted_count, sizeof *l->sorted, compare_words);
}

/* ---------------------------------------------------------------- making, terms */

mv_err text_language_make(const text_options *options, const text_fold *fold, text_language **out,
                          mv_error *error)
{
    text_language *l = mem_alloc_zero(sizeof *l);
    if (!l) return error_memory(error, sizeof *l, "an analyzer");
    l->fold = fold;
    if (options->language && *options->language) {
        l->elisions = elisions_of(options->language);
        l->stemmer = make_stemmer(options->language);
        if (!l->stemmer) {
            text_language_free(l);
            return error_set(error, MV_NO_MEMORY, "cannot get memory for a stemmer");
        }
    }
    const char *of_language =
        options->language_stop_words ? text_stop_words_of(options->language) : NULL;
    if (!add_stop_words(l, of_language) || !add_stop_words(l, options->stop_words) ||
        !sort_stop_words(l)) {
        text_language_free(l);
        return error_set(error, MV_NO_MEMORY, "cannot get memory for stop words");
    }
    *out = l;
    return MV_OK;
}

void text_language_free(text_language *language)
{
    if (!language) return;
    if (language->stemmer) free_stemmer(language->stemmer);
    mem_free(language->sorted, language->sorted_space * sizeof *language->sorted);
    mem_buffer_free(&language->words);
    mem_free(language, sizeof *language);
}

/* The bytes before the word itself: an elided article and its apostrophe. */
static uint32_t elision_size(const text_language *l, const uint8_t *word, uint32_t size)
{
    char article[10] = " ";
    if (!l->elisions) return 0;
    for (uint32_t i = 0; i + 1 < size && i + 3 < sizeof article; i++) {
        if (word[i] == '\'') {
            article[i + 1] = ' ';
            return strstr(l->elisions, article) ? i + 1 : 0;
        }
        article[i + 1] = (char)word[i];
    }
    return 0;
}

/* Make the term of a word in l->term. Returns its size; 0: it is a stop word. */
static uint32_t make_term(text_language *l, const uint8_t *word, uint32_t size)
{
    uint8_t stem[TEXT_TERM_MAX + 1];
    uint32_t elided = elision_size(l, word, size);
    word += elided, size -= elided;
    mv_assert(size > 0 && size <= TEXT_TERM_MAX);
    memcpy(stem, word, size);
    stem[size] = 0;
    if (is_stop_word(l, (const char *)stem)) return 0;
    if (l->stemmer) size = stem_word(l->stemmer, stem, size);
    if (l->fold) return text_fold_word(l->fold, stem, size, false, l->term);
    memcpy(l->term, stem, size);
    return size;
}

bool text_language_term(text_language *language, const uint8_t *word, uint32_t size,
                        const uint8_t **term, uint32_t *term_size)
{
    cached_term *slot = &language->cache[hash_bytes(word, size, 0) % CACHE_SLOTS];
    if (slot->word_size != size || memcmp(slot->bytes, word, size) != 0) {
        uint32_t made = make_term(language, word, size);
        if (size + made > sizeof slot->bytes) {
            *term = language->term;
            *term_size = made;
            return made > 0;
        }
        slot->word_size = (uint8_t)size;
        slot->term_size = (uint8_t)made;
        memcpy(slot->bytes, word, size);
        memcpy(slot->bytes + size, language->term, made);
    }
    *term = slot->bytes + size;
    *term_size = slot->term_size;
    return slot->term_size > 0;
}
