/* Rows: whole documents. A row is either decoded (row_parts), or encoded as the bytes that stay in
 * the catalog until their segment is sealed.
 *
 * An encoded row of f scalar fields and v vector fields, all numbers little-endian:
 *
 *   offset  size                meaning
 *        0     4                size of the row
 *        4     4                size of the id
 *        8     4                offset of the vectors
 *       12     2                f
 *       14     2                v
 *       16     8 × ceil(f / 64) bitmap: bit i set = field i is NULL
 *        -     8f               for each scalar field a slot: the value of a fixed type, or u32
 *                               offset and u32 size of the cell of a variable type; NULL: zeros
 *        -     4v               for each vector field a float: the inverse norm; 0 unless the
 *                               metric has norms. Zeros up to a multiple of 8
 *        -     -                the id
 *        -     -                the cells of variable types. Zeros up to a multiple of 16
 *        -     -                the vectors, each with zeros up to a multiple of 16 */
#ifndef MV_ROW_H
#define MV_ROW_H

#include "storage/cell.h"
#include "storage/schema.h"

/* A decoded row. All bytes are lent. */
typedef struct row_parts {
    const uint8_t *id;
    uint32_t id_size;
    cell *cells;             /* one per scalar field; those of fixed types have cell_width bytes */
    const uint8_t **vectors; /* elements, one per vector field; NULL: not set */
    float *inverse_norms;    /* one per vector field; 0 unless the metric has norms */
} row_parts;

/* Create a row whose cells and vectors are not set. Its arrays are in `arena`. */
mv_err row_create(const mv_schema *schema, mem_arena *arena, row_parts *out, mv_error *error);

/* Set every cell that is not set to the default of its field, or else to NULL if the field is
 * nullable. MV_MISUSE, naming document and field: there is neither, or a vector is not set. Default
 * values are copied to `arena`. */
mv_err row_complete(const mv_schema *schema, row_parts *r, mem_arena *arena, mv_error *error);

/* The size of the row when it is encoded. Every cell and vector must be set. MV_LIMIT: it is above
 * MV_ROW_SIZE_MAX. */
mv_err row_encoded_size(const mv_schema *schema, const row_parts *r, size_t *size, mv_error *error);
/* Write the row to the row_encoded_size bytes at `out`. */
void row_encode(const mv_schema *schema, const row_parts *r, uint8_t *out);

/* MV_CORRUPT unless sizes, offsets and values of fixed types are those of an encoded row of this
 * schema. The functions below take only bytes that were checked by it. */
mv_err row_check(const mv_schema *schema, const uint8_t *bytes, size_t size, mv_error *error);
void row_id(const uint8_t *bytes, const uint8_t **id, uint32_t *id_size);
void row_cell(const mv_schema *schema, const uint8_t *bytes, uint32_t field, cell *out);
/* The second from which on the document has expired; SCHEMA_NEVER: it does not expire. */
int64_t row_expires(const mv_schema *schema, const uint8_t *bytes);
const uint8_t *row_vector(const mv_schema *schema, const uint8_t *bytes, uint32_t vector_field);
float row_inverse_norm(const mv_schema *schema, const uint8_t *bytes, uint32_t vector_field);
/* Decode the row into `out`, which row_create made. */
void row_decode(const mv_schema *schema, const uint8_t *bytes, row_parts *out);

/* Copy the cells and vectors that are set in `from` to `to`. The id of `to` stays. */
void row_overlay(const mv_schema *schema, const row_parts *from, row_parts *to);

#endif
