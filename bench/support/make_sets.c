/* make_sets embed|sift|heavy FIRST COUNT SEED FILE: write rows FIRST .. FIRST + COUNT - 1 of an
 * endless set of vectors as raw little-endian float32. The sets of the ann bench:
 *
 * - embed, 768 dims, for cosine: like the output of a text encoder. 1,000 clusters of unequal
 *   weight and spread lie in a latent space of 96 dims; each cluster is wide along other axes. A
 *   random linear map takes it to 768 dims; noise and a mean are added, with a few large numbers in
 *   the mean, as encoders have them. Lengths from 0.8 to 1.2.
 * - sift, 128 dims, for l2: like histograms of gradients. 200 clusters in a latent space of 32
 *   dims, mapped to 128; negative numbers become 0, the others are skewed by a power, scaled to
 *   length 512, cut at 218 and rounded: whole numbers, nearly half of them 0.
 * - heavy, 100 dims, for cosine: like word vectors. 500 clusters in a latent space of 64 dims, and
 *   noise in all 100 with the tail of Student's t with four degrees of freedom; some dims are wider
 *   than others, and lengths differ tenfold. Codes with one scale for all values waste bits on the
 *   few large ones.
 *
 * A row depends only on the seed and its number, so rows past the end of the base set are queries
 * of the same distribution that are not in it. */
#include "random_rows.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct recipe {
    const char *name;
    size_t dim, latent, clusters;
    float decay;  /* the variance of latent axis i within a cluster is 1 / (1 + i / 6)^decay */
    float centre; /* distance of the centres, relative to the widest axis of a cluster */
    float noise;  /* of each number, relative to the root mean square of the row */
} recipe;

static const recipe recipes[] = {
    {"embed", 768, 96, 1000, 0.6f, 0.4f, 0.6f},
    {"sift", 128, 32, 200, 0.5f, 0.5f, 0.35f},
    {"heavy", 100, 64, 500, 0.4f, 0.6f, 0.6f},
};

typedef struct model {
    const recipe *recipe;
    float *map;     /* latent rows of dim numbers */
    float *centres; /* clusters rows of latent numbers */
    float *spreads; /* clusters: how wide each is */
    float *axes;    /* latent: standard deviations */
    float *mean;    /* dim */
    float *widths;  /* dim: factors */
    float *latent;  /* of the row being made */
} model;

static float *numbers(size_t count)
{
    float *list = calloc(count, sizeof *list);
    if (!list) fprintf(stderr, "make_sets: out of memory\n"), exit(1);
    return list;
}

/* The data that all rows share. Its random streams have numbers above 2^63, which no row has. */
static model make_model(const recipe *made, uint64_t seed)
{
    size_t dim = made->dim, latent = made->latent, clusters = made->clusters;
    model m = {made,
               numbers(latent * dim),
               numbers(clusters * latent),
               numbers(clusters),
               numbers(latent),
               numbers(dim),
               numbers(dim),
               numbers(latent)};
    uint64_t state = random_stream(seed, UINT64_MAX);
    float variance = 0;
    for (size_t i = 0; i < latent; i++) {
        m.axes[i] = powf(1 + (float)i / 6, -made->decay / 2);
        variance += m.axes[i] * m.axes[i];
    }
    for (size_t i = 0; i < latent * dim; i++) m.map[i] = random_normal(&state) / sqrtf(variance);
    for (size_t c = 0; c < clusters; c++) {
        m.spreads[c] = 0.4f + 0.6f * random_uniform(&state);
        for (size_t i = 0; i < latent; i++) {
            m.centres[c * latent + i] = made->centre * random_normal(&state);
        }
    }
    for (size_t i = 0; i < dim; i++) {
        m.mean[i] = 0.3f * random_normal(&state) + (i % 192 == 77 ? 6 : 0);
        m.widths[i] = 0.5f + 1.5f * random_uniform(&state) * random_uniform(&state);
    }
    return m;
}

/* A point in the latent space, mapped to the dimensions of the row. Clusters with a small number
 * have more rows. */
static void make_point(const model *m, float *row, uint64_t *state)
{
    size_t dim = m->recipe->dim, latent = m->recipe->latent;
    float u = random_uniform(state);
    size_t cluster = (size_t)(u * u * (float)m->recipe->clusters);
    for (size_t i = 0; i < latent; i++) {
        m->latent[i] = m->centres[cluster * latent + i] + m->spreads[cluster] *
                                                              m->axes[(i + 7 * cluster) % latent] *
                                                              random_normal(state);
    }
    memset(row, 0, dim * sizeof *row);
    for (size_t i = 0; i < latent; i++) {
        float z = m->latent[i];
        for (size_t j = 0; j < dim; j++) row[j] += z * m->map[i * dim + j];
    }
}

static void scale_to(float *row, size_t dim, float length)
{
    double sum = 0;
    for (size_t i = 0; i < dim; i++) sum += (double)row[i] * row[i];
    float factor = sum > 0 ? length / (float)sqrt(sum) : 0;
    for (size_t i = 0; i < dim; i++) row[i] *= factor;
}

static void finish_embed(const model *m, float *row, uint64_t *state)
{
    size_t dim = m->recipe->dim;
    for (size_t i = 0; i < dim; i++) row[i] += m->mean[i] + m->recipe->noise * random_normal(state);
    scale_to(row, dim, 0.8f + 0.4f * random_uniform(state));
}

static void finish_sift(const model *m, float *row, uint64_t *state)
{
    size_t dim = m->recipe->dim;
    for (size_t i = 0; i < dim; i++) {
        float value = row[i] + m->recipe->noise * random_normal(state) + 0.2f * m->widths[i];
        row[i] = value > 0 ? value * sqrtf(value) : 0;
    }
    scale_to(row, dim, 512);
    for (size_t i = 0; i < dim; i++) row[i] = floorf(row[i] > 218 ? 218 : row[i]);
}

static void finish_heavy(const model *m, float *row, uint64_t *state)
{
    size_t dim = m->recipe->dim;
    for (size_t i = 0; i < dim; i++) {
        float tail = random_normal(state) / sqrtf(sqrtf(random_uniform(state)));
        row[i] = m->widths[i] * (row[i] + m->recipe->noise * tail);
    }
    float u = random_uniform(state);
    scale_to(row, dim, 1 + 9 * u * u);
}

static void make_row(const model *m, float *row, uint64_t seed, uint64_t number)
{
    uint64_t state = random_stream(seed, number);
    make_point(m, row, &state);
    switch (m->recipe - recipes) {
    case 0: finish_embed(m, row, &state); break;
    case 1: finish_sift(m, row, &state); break;
    default: finish_heavy(m, row, &state); break;
    }
}

int main(int argc, char **argv)
{
    if (argc != 6)
        return fprintf(stderr, "usage: make_sets embed|sift|heavy FIRST COUNT SEED FILE\n"), 2;
    const recipe *made = NULL;
    for (size_t i = 0; i < sizeof recipes / sizeof *recipes; i++) {
        if (!strcmp(recipes[i].name, argv[1])) made = &recipes[i];
    }
    if (!made) return fprintf(stderr, "make_sets: there is no set '%s'\n", argv[1]), 2;
    uint64_t first = strtoull(argv[2], NULL, 10), count = strtoull(argv[3], NULL, 10);
    uint64_t seed = strtoull(argv[4], NULL, 10);
    float *row = numbers(made->dim);
    model m = make_model(made, seed);
    FILE *file = fopen(argv[5], "wb");
    for (uint64_t i = 0; file && i < count; i++) {
        make_row(&m, row, seed, first + i);
        if (fwrite(row, sizeof *row, made->dim, file) != made->dim) break;
    }
    int failed = !file || ferror(file);
    if ((file && fclose(file)) || failed) {
        return fprintf(stderr, "make_sets: %s: %s\n", argv[5], strerror(errno)), 1;
    }
    return 0;
}
