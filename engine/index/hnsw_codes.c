/* Choosing the codes of a graph that is being built, and encoding its rows. AUTO looks at the rows
 * first, by steps:
 *
 *   MEAN    compute the mean of some rows
 *   LOSS    compare what codes lose with the lengths of the vectors
 *   DENSE   look around one row
 *   SETTLE  allocate the codes
 *
 * int8 and int4 codes take MEAN and SETTLE, all others SETTLE only. */
#include <math.h>
#include <string.h>

#include "index/hnsw_builder.h"

/* From this many dims on AUTO tries int4 codes. A shorter int8 code is one cache line, and so is an
 * int4 code of half the size. */
#define INT4_DIM_MIN 64u

/* AUTO takes fp16 codes if int8 codes would err by more than ERROR_MAX of a distance. This is
 * checked before building, on CHECK_ROWS rows, for distances of a tenth of the vectors' length,
 * which is about the smallest distance of nearest neighbours. In 4 dims or more at most half of the
 * loss of a code lies in the direction of another row. */
#define ERROR_MAX       0.1f
#define CHECK_ROWS      64u
#define NEAR_PARTS      10u /* a near distance is the length divided by this */
#define LOSS_SEEN_PARTS 2u  /* the loss that changes a distance is the loss divided by this */

/* A row is in a dense cluster if DENSE_NEAR_MIN other rows are nearer to it than DENSE_LOSSES times
 * the loss of its code, in squared distances (4.5 times in distances): codes then order these rows
 * by chance. DENSE_ROWS rows are looked at, each beside its neighbours in the segment and
 * DENSE_OTHERS rows from everywhere. AUTO takes fp16 if one row in DENSE_ONE_IN is in a dense
 * cluster. Such rows had a recall of 0.7, so fewer of them cost less than 0.04 of the recall. Three
 * other rows are more than the one or two duplicates that many sets have. */
#define DENSE_ROWS     32u
#define DENSE_OTHERS   1024u
#define DENSE_NEAR_MIN 3u
#define DENSE_LOSSES   20u
#define DENSE_ONE_IN   8u

#define MEAN_STEP_ROWS 256u /* in a step */

/* Are distances by such codes accurate enough? Estimated on a few rows from what their codes lose.
 */
static bool codes_are_near(const hnsw_builder *b, mv_quantize quantize, float *numbers,
                           uint8_t *code)
{
    double lost = 0, whole = 0;
    uint32_t step = b->vectors.rows / CHECK_ROWS + 1;
    for (uint64_t row = 0; row < b->vectors.rows; row += step) {
        lost += codes_loss(quantize, &b->vectors, b->mean, (uint32_t)row, code, numbers);
        for (uint32_t i = 0; i < b->vectors.dim; i++) {
            double number = (double)numbers[i] - b->mean[i];
            whole += number * number;
        }
    }
    return lost <= whole * (ERROR_MAX / NEAR_PARTS) * (ERROR_MAX / NEAR_PARTS) *
                       (LOSS_SEEN_PARTS * LOSS_SEEN_PARTS);
}

/* Is `other` a different vector whose squared distance is less than `limit`? */
static bool is_within(const float *numbers, const float *other, uint32_t dim, double limit)
{
    double squares = 0;
    for (uint32_t i = 0; i < dim && squares < limit; i++) {
        double difference = (double)numbers[i] - other[i];
        squares += difference * difference;
    }
    return squares > 0 && squares < limit;
}

/* Does the row lie in a dense cluster whose members the codes do not tell apart? If clusters are
 * far apart, a code spends its bits on the distance between them: with 20 clusters 100 times as far
 * apart as they are wide the recall was 0.7. Small clusters among many rows may be missed. */
static bool is_dense(const hnsw_builder *b, mv_quantize quantize, uint64_t row, float *numbers,
                     float *other, uint8_t *code)
{
    const codes_vectors *v = &b->vectors;
    uint32_t near = 0, stride = v->rows / DENSE_OTHERS + 1;
    double limit = DENSE_LOSSES * codes_loss(quantize, v, b->mean, (uint32_t)row, code, numbers);
    uint64_t begin = row < DENSE_ROWS ? 0 : row - DENSE_ROWS, end = row + DENSE_ROWS;
    for (uint64_t at = begin; at < end && at < v->rows && near < DENSE_NEAR_MIN; at++) {
        codes_vector_of_row(v, (uint32_t)at, other);
        near += is_within(numbers, other, v->dim, limit);
    }
    for (uint64_t at = 0; at < v->rows && near < DENSE_NEAR_MIN; at += stride) {
        codes_vector_of_row(v, (uint32_t)at, other);
        near += is_within(numbers, other, v->dim, limit);
    }
    return near >= DENSE_NEAR_MIN;
}

/* ---------------------------------------------------------------- choosing */

/* What AUTO tries: the smallest of the codes that the metric may use. NONE: it has none. */
static mv_quantize wide_codes(const hnsw_builder *b)
{
    return b->vectors.type == MV_VECTOR_FP16 ? MV_QUANTIZE_NONE : MV_QUANTIZE_FP16;
}

static mv_quantize tried_codes(const hnsw_builder *b)
{
    mv_metric metric = b->vectors.metric;
    mv_quantize tried =
        metric_takes_quantize(metric, MV_QUANTIZE_INT8) ? MV_QUANTIZE_INT8 : wide_codes(b);
    return metric_takes_quantize(metric, tried) ? tried : MV_QUANTIZE_NONE;
}

/* AUTO takes what it tried if that tells rows apart. int8 codes fail where rows lie in dense
 * clusters; then the vectors are copied as fp16. If the metric cannot use int8 codes, fp16 codes
 * are checked in the same way. */
static void settle(hnsw_builder *b, bool is_near)
{
    mv_quantize tried = tried_codes(b);
    b->quantize = is_near ? tried : tried == MV_QUANTIZE_INT8 ? wide_codes(b) : MV_QUANTIZE_NONE;
    b->codes_stage = CODES_SETTLE;
}

static size_t look_size(const codes_vectors *v)
{
    return 2 * v->dim * sizeof(float) + codes_stride(MV_QUANTIZE_INT8, v) +
           codes_stride(MV_QUANTIZE_FP16, v);
}

bool hnsw_codes_begin(hnsw_builder *b)
{
    const codes_vectors *v = &b->vectors;
    const hnsw_graph *base = b->base.graph;
    b->wants_int4 = b->quantize == MV_QUANTIZE_INT4 ||
                    (b->quantize == MV_QUANTIZE_AUTO && v->dim >= INT4_DIM_MIN &&
                     metric_takes_quantize(v->metric, MV_QUANTIZE_INT4));
    /* NONE if codes would not be smaller than the elements. */
    if (element_size(v->type) == 1) b->quantize = MV_QUANTIZE_NONE;
    if (b->quantize == MV_QUANTIZE_FP16) b->quantize = wide_codes(b);
    b->codes_stage = CODES_SETTLE;
    b->codes_at = 0;
    if (b->quantize == MV_QUANTIZE_NONE || b->quantize == MV_QUANTIZE_FP16) return true;
    b->mean = hnsw_builder_alloc(b, v->dim, sizeof *b->mean);
    b->look = hnsw_builder_alloc(b, look_size(v), 1);
    b->codes_stage = CODES_MEAN;
    if (!b->mean || !b->look) return false;
    if (!b->is_measured || !base->codes.mean) return true;
    memcpy(b->mean, base->codes.mean, v->dim * sizeof *b->mean);
    b->codes_at = codes_mean_rows(v);
    return true;
}

static void find_mean(hnsw_builder *b, float *numbers)
{
    uint32_t rows = codes_mean_rows(&b->vectors), left = rows - b->codes_at,
             end = left < MEAN_STEP_ROWS ? rows : b->codes_at + MEAN_STEP_ROWS;
    if (left) codes_find_mean(&b->vectors, b->codes_at, end, b->mean, numbers);
    b->codes_at = end;
    if (end == rows) b->codes_stage = b->quantize == MV_QUANTIZE_AUTO ? CODES_LOSS : CODES_SETTLE;
}

static void look_at_loss(hnsw_builder *b, float *numbers, uint8_t *code)
{
    mv_quantize tried = tried_codes(b);
    b->codes_stage = CODES_DENSE;
    b->codes_at = b->dense = 0;
    if (tried == MV_QUANTIZE_NONE || !codes_are_near(b, tried, numbers, code)) settle(b, false);
}

static void look_for_clusters(hnsw_builder *b, float *numbers, uint8_t *code)
{
    const codes_vectors *v = &b->vectors;
    uint64_t step = v->rows / DENSE_ROWS + 1, row = b->codes_at++ * step;
    b->dense += is_dense(b, tried_codes(b), row, numbers, numbers + v->dim, code);
    if (row + step >= v->rows) settle(b, b->dense * DENSE_ONE_IN <= b->codes_at);
}

bool hnsw_codes_look(hnsw_builder *b)
{
    float *numbers = b->look;
    uint8_t *code = (uint8_t *)(numbers + 2 * b->vectors.dim);
    switch (b->codes_stage) {
    case CODES_MEAN: find_mean(b, numbers); break;
    case CODES_LOSS: look_at_loss(b, numbers, code); break;
    case CODES_DENSE: look_for_clusters(b, numbers, code); break;
    case CODES_SETTLE: break;
    }
    return b->codes_stage != CODES_SETTLE;
}

/* Allocate the codes of all rows, for `column`. NULL: no memory. */
static uint8_t *allocate_codes(hnsw_builder *b, mv_quantize quantize, codes_column *column)
{
    uint64_t size = codes_size(quantize, &b->vectors);
    *column = (codes_column){.quantize = quantize,
                             .vectors = &b->vectors,
                             .stride = codes_stride(quantize, &b->vectors),
                             .mean = b->mean};
    uint64_t used = (uint64_t)b->vectors.rows * column->stride;
    uint8_t *bytes = hnsw_builder_alloc(b, size, 1);
    if (bytes) memset(bytes + used, 0, (size_t)(size - used));
    column->base = bytes;
    return bytes;
}

void hnsw_codes_end_look(hnsw_builder *b)
{
    if (b->look) b->bytes -= look_size(&b->vectors) + 1;
    hnsw_builder_release(b->look, look_size(&b->vectors), 1);
    b->look = NULL;
}

bool hnsw_codes_settle(hnsw_builder *b)
{
    const codes_vectors *v = &b->vectors;
    mv_quantize quantize = b->quantize;
    hnsw_codes_end_look(b);
    mv_assert(quantize != MV_QUANTIZE_AUTO);
    mv_assert(metric_takes_quantize(v->metric, quantize));
    b->head.quantize = (uint32_t)quantize;
    if (quantize == MV_QUANTIZE_NONE) {
        b->codes = (codes_column){
            .quantize = quantize, .vectors = &b->vectors, .base = v->base, .stride = v->stride};
        return true;
    }
    if (quantize == MV_QUANTIZE_INT4) quantize = MV_QUANTIZE_INT8;
    if (!(b->code_bytes = allocate_codes(b, quantize, &b->codes))) return false;
    if (quantize != MV_QUANTIZE_INT8 || !b->wants_int4) return true;
    return (b->int4_bytes = allocate_codes(b, MV_QUANTIZE_INT4, &b->int4_codes)) != NULL;
}

void hnsw_codes_encode(hnsw_builder *b, hnsw_build_scratch *s, uint32_t item)
{
    uint32_t end = (item + 1) * HNSW_BUILD_ENCODE_ROWS < b->head.rows
                       ? (item + 1) * HNSW_BUILD_ENCODE_ROWS
                       : b->head.rows;
    bool is_in_range = true;
    hnsw_builder_clear_links(&b->levels[0], item * HNSW_BUILD_ENCODE_ROWS, end);
    for (uint32_t row = item * HNSW_BUILD_ENCODE_ROWS; row < end && b->code_bytes; row++) {
        uint8_t *code = b->code_bytes + row * b->codes.stride;
        is_in_range &= codes_encode(b->codes.quantize, &b->vectors, b->mean, row, code, s->numbers);
        if (b->int4_bytes)
            codes_as_int4(&b->vectors, code, b->int4_bytes + row * b->int4_codes.stride);
    }
    if (is_in_range) return;
    os_mutex_lock(b->mutex);
    b->is_out_of_range = true;
    os_mutex_unlock(b->mutex);
}

void hnsw_codes_drop(hnsw_builder *b)
{
    uint64_t size = codes_size(b->codes.quantize, &b->vectors);
    mv_assert(b->codes.quantize == MV_QUANTIZE_FP16); /* other codes have no range */
    mv_assert(!b->int4_bytes);
    hnsw_builder_release(b->code_bytes, size, 1);
    b->bytes -= size + 1;
    b->code_bytes = NULL;
    b->head.quantize = MV_QUANTIZE_NONE;
    b->head.code_error = b->head.code_bound = 0;
    b->codes.quantize = MV_QUANTIZE_NONE;
    b->codes.base = b->vectors.base;
    b->codes.stride = b->vectors.stride;
}
