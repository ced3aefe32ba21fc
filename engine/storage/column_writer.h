/* Writes the file of a field that is added to a segment: row by row, in the order of rows. */
#ifndef MV_COLUMN_WRITER_H
#define MV_COLUMN_WRITER_H

#include "storage/segment.h"

typedef struct column_writer column_writer;

/* Create the file of a scalar field (`vector` is NULL) or a vector field (`field` is NULL) of
 * segment `number` in `directory` (NULL: in memory). The field is lent. The writer holds at most 8
 * bytes of memory a row. */
mv_err column_writer_create(const char *directory, uint64_t number, uint32_t rows,
                            const schema_field *field, const schema_vector *vector,
                            column_writer **out, mv_error *error);
/* The next row: a cell (CELL_NULL or CELL_VALUE), or the elements of a vector. */
mv_err column_writer_add(column_writer *w, const cell *c, mv_error *error);
mv_err column_writer_add_vector(column_writer *w, const uint8_t *elements, float inverse_norm,
                                mv_error *error);
/* The next row is deleted: its value is never read. */
mv_err column_writer_skip(column_writer *w, mv_error *error);
/* Finish the file after the last row. The caller owns *file. */
mv_err column_writer_finish(column_writer *w, bool sync, section_file_record *record,
                            section_writer **file, mv_error *error);
void column_writer_free(column_writer *w); /* NULL is fine; an unfinished file is removed */

#endif
