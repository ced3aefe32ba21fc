/* Reading the matrix. Rows may begin at any byte, so numbers are copied out by memcpy, which
 * compilers turn into unaligned loads of vectors of them. */
#include "embed/token_rows.h"

#include <math.h>
#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/os.h"

#define SAMPLES_COUNT 4096u /* of the file in the fingerprint */
#define SAMPLE_SIZE   256u

/* ---------------------------------------------------------------- open */

mv_err token_rows_map(token_rows *rows, const char *path, mv_error *error)
{
    os_file file = OS_FILE_NONE;
    uint64_t size = 0;
    const void *bytes = NULL;
    MV_TRY(os_open_read(path, &file, &size, error));
    mv_err err = os_map(file, size, &bytes, path, error);
    os_close(file);
    if (err) return err;
    rows->file = bytes;
    rows->file_size = size;
    return MV_OK;
}

void token_rows_close(token_rows *rows)
{
    if (rows->file) os_unmap(rows->file, rows->file_size);
    mem_free(rows->memory, rows->memory_size);
    mem_free(rows->offsets, mem_array_size(rows->count, sizeof *rows->offsets));
    mem_free(rows->rows, mem_array_size(rows->tokens_count, sizeof *rows->rows));
    mem_free(rows->weights, mem_array_size(rows->tokens_count, sizeof *rows->weights));
    *rows = (token_rows){0};
}

/* Bytes of a number; 0: no such type. */
static uint32_t number_size(mv_tensor_type type)
{
    switch (type) {
    case MV_TENSOR_F64:
    case MV_TENSOR_I64: return 8;
    case MV_TENSOR_F32:
    case MV_TENSOR_I32: return 4;
    case MV_TENSOR_F16:
    case MV_TENSOR_BF16: return 2;
    case MV_TENSOR_I8: return 1;
    }
    return 0;
}

/* Is the tensor inside of the file? */
static mv_err check_tensor(const token_rows *rows, const mv_tensor *tensor, const char *name,
                           mv_error *error)
{
    uint64_t numbers, size, end;
    if (__builtin_mul_overflow(tensor->rows, tensor->columns, &numbers) ||
        __builtin_mul_overflow(numbers, number_size(tensor->type), &size) ||
        __builtin_add_overflow(tensor->offset, size, &end) || end > rows->file_size)
        return error_set(error, MV_CORRUPT,
                         "the tensor '%s' of %llu × %llu numbers at byte %llu does not fit in the "
                         "file, which has %llu bytes",
                         name, (unsigned long long)tensor->rows,
                         (unsigned long long)tensor->columns, (unsigned long long)tensor->offset,
                         (unsigned long long)rows->file_size);
    return MV_OK;
}

/* Is the tensor a list of numbers, one for each token? */
static mv_err check_token_list(const token_rows *rows, const mv_tensor *tensor, const char *name,
                               mv_error *error)
{
    MV_TRY(check_tensor(rows, tensor, name, error));
    if (tensor->columns != 1 || tensor->rows < rows->tokens_count)
        return error_set(error, MV_CORRUPT,
                         "the tensor '%s' has %llu × %llu numbers, the vocabulary has %u tokens",
                         name, (unsigned long long)tensor->rows,
                         (unsigned long long)tensor->columns, (unsigned)rows->tokens_count);
    return MV_OK;
}

static float read_f32(const uint8_t *bytes)
{
    float number;
    memcpy(&number, bytes, sizeof number);
    return number;
}

static float read_f64(const uint8_t *bytes)
{
    double number;
    memcpy(&number, bytes, sizeof number);
    return (float)number;
}

/* A half precision number. A conversion without branches, which compilers turn into vector
 * instructions: the exponent is moved by a multiplication, which is exact, also for subnormals. */
static float read_f16(const uint8_t *bytes)
{
    uint16_t half;
    memcpy(&half, bytes, sizeof half);
    uint32_t bits = (uint32_t)(half & 0x7fff) << 13;
    float number;
    memcpy(&number, &bits, sizeof number);
    number *= 0x1p112f;
    memcpy(&bits, &number, sizeof bits);
    bits |= (uint32_t)(half & 0x8000) << 16;
    bits |= (half & 0x7c00) == 0x7c00 ? 0x7f800000u : 0; /* infinite or NaN */
    memcpy(&number, &bits, sizeof number);
    return number;
}

/* A bfloat16: the upper half of a float. */
static float read_bf16(const uint8_t *bytes)
{
    uint16_t upper;
    memcpy(&upper, bytes, sizeof upper);
    uint32_t bits = (uint32_t)upper << 16;
    float number;
    memcpy(&number, &bits, sizeof number);
    return number;
}

static float read_i8(const uint8_t *bytes)
{
    return (float)(int8_t)*bytes;
}

/* A number of any type but those of mappings. */
static float number_at(mv_tensor_type type, const uint8_t *bytes)
{
    switch (type) {
    case MV_TENSOR_F64: return read_f64(bytes);
    case MV_TENSOR_F16: return read_f16(bytes);
    case MV_TENSOR_BF16: return read_bf16(bytes);
    case MV_TENSOR_I8: return read_i8(bytes);
    default: return read_f32(bytes);
    }
}

static mv_err read_weights(token_rows *rows, const mv_tensor *tensor, mv_error *error)
{
    if (tensor->type > MV_TENSOR_BF16)
        return error_set(error, MV_CORRUPT, "the tensor 'weights' is not of F64, F32, F16 or BF16");
    MV_TRY(check_token_list(rows, tensor, "weights", error));
    size_t size = mem_array_size(rows->tokens_count, sizeof *rows->weights);
    rows->weights = mem_alloc(size);
    if (!rows->weights) return error_memory(error, size, "the weights of tokens");
    for (uint32_t i = 0; i < rows->tokens_count; i++)
        rows->weights[i] = number_at(tensor->type, rows->file + tensor->offset +
                                                       (size_t)i * number_size(tensor->type));
    return MV_OK;
}

static mv_err read_mapping(token_rows *rows, const mv_tensor *tensor, mv_error *error)
{
    if (tensor->type != MV_TENSOR_I32 && tensor->type != MV_TENSOR_I64)
        return error_set(error, MV_CORRUPT, "the tensor 'mapping' is not of I32 or I64");
    MV_TRY(check_token_list(rows, tensor, "mapping", error));
    size_t size = mem_array_size(rows->tokens_count, sizeof *rows->rows);
    rows->rows = mem_alloc(size);
    if (!rows->rows) return error_memory(error, size, "the mapping of tokens");
    for (uint32_t i = 0; i < rows->tokens_count; i++) {
        const uint8_t *bytes = rows->file + tensor->offset + (size_t)i * number_size(tensor->type);
        int64_t row = 0;
        int32_t row32;
        if (tensor->type == MV_TENSOR_I64) {
            memcpy(&row, bytes, sizeof row);
        } else {
            memcpy(&row32, bytes, sizeof row32);
            row = row32;
        }
        if (row < 0 || (uint64_t)row >= rows->count || row > UINT32_MAX)
            return error_set(error, MV_CORRUPT,
                             "the tensor 'mapping' gives token %u the row %lld, 'embeddings' has "
                             "%llu rows",
                             (unsigned)i, (long long)row, (unsigned long long)rows->count);
        rows->rows[i] = (uint32_t)row;
    }
    return MV_OK;
}

mv_err token_rows_use(token_rows *rows, const mv_embedder_options *options, uint32_t ids_count,
                      mv_error *error)
{
    const mv_tensor *tensor = &options->embeddings;
    if (tensor->type < MV_TENSOR_F64 || tensor->type > MV_TENSOR_I8)
        return error_set(error, MV_CORRUPT,
                         "the tensor 'embeddings' is not of F64, F32, F16, BF16 or I8");
    MV_TRY(check_tensor(rows, tensor, "embeddings", error));
    if (tensor->columns < 1 || tensor->columns > MV_DIM_MAX)
        return error_set(error, MV_LIMIT,
                         "the tensor 'embeddings' has %llu columns, must be 1 to %u",
                         (unsigned long long)tensor->columns, MV_DIM_MAX);
    rows->bytes = rows->file + tensor->offset;
    rows->type = tensor->type;
    rows->dim = (uint32_t)tensor->columns;
    rows->count = tensor->rows;
    rows->tokens_count = ids_count;
    if (options->mapping.type) {
        MV_TRY(read_mapping(rows, &options->mapping, error));
    } else if (rows->count < rows->tokens_count) {
        return error_set(error, MV_CORRUPT,
                         "the vocabulary has %u tokens, the tensor 'embeddings' has %llu rows",
                         (unsigned)rows->tokens_count, (unsigned long long)rows->count);
    }
    return options->weights.type ? read_weights(rows, &options->weights, error) : MV_OK;
}

/* ---------------------------------------------------------------- read */

static const uint8_t *row_of(const token_rows *rows, uint32_t id)
{
    uint64_t row = rows->rows ? rows->rows[id] : id;
    if (rows->offsets) return rows->bytes + rows->offsets[row];
    return rows->bytes + row * ((size_t)rows->dim * number_size(rows->type));
}

/* A loop for each type of numbers, so that each is compiled with its own instructions. */
#define ADD_ROW(name, read, size)                                                                  \
    static void name(const uint8_t *row, uint32_t dim, float weight, float *sum)                   \
    {                                                                                              \
        for (uint32_t i = 0; i < dim; i++) sum[i] += weight * read(row + (size_t)i * (size));      \
    }
ADD_ROW(add_doubles, read_f64, 8)
ADD_ROW(add_floats, read_f32, 4)
ADD_ROW(add_halves, read_f16, 2)
ADD_ROW(add_bfloats, read_bf16, 2)
ADD_ROW(add_int8s, read_i8, 1)

static void add_token_row(const token_rows *rows, uint32_t id, float *sum)
{
    const uint8_t *row = row_of(rows, id);
    float weight = rows->weights ? rows->weights[id] : 1;
    switch (rows->type) {
    case MV_TENSOR_F64: add_doubles(row, rows->dim, weight, sum); break;
    case MV_TENSOR_F16: add_halves(row, rows->dim, weight, sum); break;
    case MV_TENSOR_BF16: add_bfloats(row, rows->dim, weight, sum); break;
    case MV_TENSOR_I8: add_int8s(row, rows->dim, weight, sum); break;
    default: add_floats(row, rows->dim, weight, sum); break;
    }
}

void token_rows_add(const token_rows *rows, const uint32_t *ids, uint32_t count, float *sum)
{
    size_t size = (size_t)rows->dim * number_size(rows->type);
    for (uint32_t i = 0; i < count; i++) {
        /* The rows stand anywhere in a large matrix: fetch those to come. */
        if (i + 2 < count) {
            const uint8_t *next = row_of(rows, ids[i + 2]);
            for (size_t at = 0; at < size && at < 512; at += 64) MV_PREFETCH(next + at);
        }
        add_token_row(rows, ids[i], sum);
    }
}

uint32_t token_rows_find_bad(const token_rows *rows, const uint32_t *ids, uint32_t count)
{
    uint32_t size = number_size(rows->type);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *row = row_of(rows, ids[i]);
        if (rows->weights && !isfinite(rows->weights[ids[i]])) return i;
        for (uint32_t at = 0; at < rows->dim; at++)
            if (!isfinite(number_at(rows->type, row + (size_t)at * size))) return i;
    }
    return count;
}

uint64_t token_rows_hash(const token_rows *rows)
{
    uint64_t shape[4] = {(uint64_t)rows->type, rows->dim, rows->count, rows->file_size};
    uint64_t hash = hash_bytes(shape, sizeof shape, 0);
    if (!rows->file) return hash_bytes(rows->memory, rows->memory_size, hash);
    if (rows->file_size <= (uint64_t)SAMPLES_COUNT * SAMPLE_SIZE)
        return hash_bytes(rows->file, (size_t)rows->file_size, hash);
    uint64_t last = rows->file_size - SAMPLE_SIZE;
    for (uint64_t i = 0; i < SAMPLES_COUNT; i++) {
        uint64_t at = last / (SAMPLES_COUNT - 1) * i;
        if (i == SAMPLES_COUNT - 1) at = last;
        hash = hash_bytes(rows->file + at, SAMPLE_SIZE, hash);
    }
    return hash;
}
