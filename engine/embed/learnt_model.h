/* Learnt embeddings: what the terms of a text mean, as the learner found it (learner.c), and the
 * vectors of texts. The model is a block of bytes, which is also the file:
 *
 *   offset   size  all numbers little-endian
 *        0      8  "mvlearnt"
 *        8      4  format, 1
 *       12      4  dim d
 *       16      4  number of terms n
 *       20      4  size s of all terms
 *       24      8  number of texts that were learnt from
 *       32      8  seed of the index vectors
 *       40      4  text_tokenizer
 *       44      4  1: without the stop words of the language; else 0
 *       48     32  language as Snowball names it; zeros to the end; all zeros: none
 *       80      8  checksum: hash_bytes of all other bytes, with seed 0
 *       88     4n  for each term, where its bytes end
 *        -     4n  weights, floats
 *        -     4n  scales, floats
 *        -     nd  vectors, signed bytes: each number times the scale of its term
 *        -      s  the terms, ascending, one after the other
 *
 * A model is used by one thread at a time. */
#ifndef MV_LEARNT_MODEL_H
#define MV_LEARNT_MODEL_H

#include "base/mem.h"
#include "text/text.h"

#define LEARNT_MODEL_DIM_MIN  8u
#define LEARNT_MODEL_DIM_MAX  4096u
#define LEARNT_MODEL_LANGUAGE 32u /* bytes of the name of a language */
#define LEARNT_MODEL_NONZERO  8u  /* numbers of an index vector that are not 0 */

typedef struct learnt_model_header {
    char magic[8];
    uint32_t format;
    uint32_t dim;
    uint32_t terms;
    uint32_t terms_size;
    uint64_t texts;
    uint64_t seed;
    uint32_t tokenizer;
    uint32_t stop_words;
    char language[LEARNT_MODEL_LANGUAGE];
    uint64_t checksum;
} learnt_model_header;

static_assert(sizeof(learnt_model_header) == 88, "the header has no gaps");

/* The index vector of a term: +1 or -1 at LEARNT_MODEL_NONZERO places that a hash chooses. Element
 * i is p + 1 for +1 at place p, and -(p + 1) for -1. A place may be chosen several times. */
typedef int16_t learnt_model_index[LEARNT_MODEL_NONZERO];
void learnt_model_index_of(const void *term, size_t size, uint64_t seed, uint32_t dim,
                           learnt_model_index out);
/* vector += scale × the index vector. */
static inline void learnt_model_add_index(float *vector, const learnt_model_index index,
                                          float scale)
{
    for (uint32_t i = 0; i < LEARNT_MODEL_NONZERO; i++) {
        if (index[i] > 0)
            vector[index[i] - 1] += scale;
        else
            vector[-index[i] - 1] -= scale;
    }
}

/* vector += scale × what a term has by itself: the index vector of the whole and, together as long,
 * those of its groups of three characters, of which similar words share some. */
void learnt_model_add_own(const char *term, size_t size, uint64_t seed, uint32_t dim, float scale,
                          float *vector);

/* Bytes of a model. SIZE_MAX: too many for this machine. */
size_t learnt_model_size(const learnt_model_header *header);
/* The parts behind the header, of a block of learnt_model_size bytes. */
typedef struct learnt_model_parts {
    uint32_t *ends;
    float *weights, *scales;
    int8_t *codes;
    char *bytes;
} learnt_model_parts;
learnt_model_parts learnt_model_parts_of(void *block, const learnt_model_header *header);
/* Make a model of a filled block, but for the magic, format and checksum, which are set. Takes the
 * block, also on failure. */
mv_err learnt_model_make(void *block, size_t size, mv_learnt **out, mv_error *error);

/* The analyzer of these options. */
mv_err learnt_model_analyzer(uint32_t tokenizer, const char *language, bool stop_words,
                             text_analyzer **out, mv_error *error);

#endif
