/* Rows: a whole document, taken apart (row_parts) or as the bytes that wait in the catalog until
 * their segment is sealed.
 *
 * Bytes of a row, all little-endian:
 *   u32 size of all, u32 id size, u32 offset of the vectors, u16 fields, u16 vectors
 *   u64 × fields/64 rounded up: bit f set = field f is NULL
 *   u64 × fields: the value of a fixed type, or u32 offset and u32 size of a variable cell
 *   float × vectors: inverse norm (0 unless the metric has norms), padded to 8 bytes
 *   the id, the variable cells, padding to 16 bytes
 *   the vectors, each padded to 16 bytes */
#ifndef MV_ROW_H
#define MV_ROW_H

#include "storage/cell.h"
#include "storage/schema.h"

/* A document taken apart. Lends all bytes. */
typedef struct row_parts {
    const uint8_t *id;
    uint32_t id_size;
    cell *cells;             /* one per scalar field; for fixed types the bytes hold cell_width */
    const uint8_t **vectors; /* elements, one per vector field; NULL: not set */
    float *inverse_norms;    /* one per vector field; 0 unless the metric has norms */
} row_parts;

/* A row with all its arrays, unset, in `arena`. */
mv_err row_create(const mv_schema *schema, mem_arena *arena, row_parts *out, mv_error *error);

/* Fill what is unset with the default of its field, or NULL when it is nullable. MV_MISUSE, naming
 * document and field, when something needed is missing. Cells made are in `arena`. */
mv_err row_complete(const mv_schema *schema, row_parts *r, mem_arena *arena, mv_error *error);

/* Bytes of the encoded row (every cell and vector set); MV_LIMIT above MV_ROW_SIZE_MAX. */
mv_err row_encoded_size(const mv_schema *schema, const row_parts *r, size_t *size, mv_error *error);
void row_encode(const mv_schema *schema, const row_parts *r, uint8_t *out);

/* Is this an encoded row of this schema, as far as sizes and offsets go? MV_CORRUPT otherwise. All
 * functions below need that to have been asked once. */
mv_err row_check(const mv_schema *schema, const uint8_t *bytes, size_t size, mv_error *error);
void row_id(const uint8_t *bytes, const uint8_t **id, uint32_t *id_size);
void row_cell(const mv_schema *schema, const uint8_t *bytes, uint32_t field, cell *out);
const uint8_t *row_vector(const mv_schema *schema, const uint8_t *bytes, uint32_t vector_field);
float row_inverse_norm(const mv_schema *schema, const uint8_t *bytes, uint32_t vector_field);
/* Take the encoded row apart into `out` (made by row_create). */
void row_decode(const mv_schema *schema, const uint8_t *bytes, row_parts *out);

/* What is set in `from` replaces what is in `to`. The id stays. */
void row_overlay(const mv_schema *schema, const row_parts *from, row_parts *to);

#endif
