/* The files that a transaction enters in the catalog, and those that it removes from it.
 *
 * A function that takes `written` owns it from then on, also when it fails. The view lags behind
 * all of these changes until writer_settle (I10). */
#ifndef MV_WRITER_FILES_H
#define MV_WRITER_FILES_H

#include "transaction/writer.h"

/* Enter a finished segment. Takes `written`. */
mv_err writer_files_add_segment(writer *w, segment_writer *written, mv_error *error);
/* Enter the finished file of an index, which replaces the index over the same field. Its segment is
 * in the catalog already. Takes `written`. */
mv_err writer_files_add_index(writer *w, const index_record *record, section_writer *written,
                              mv_error *error);

/* Own a finished file that is being entered: it is removed if the transaction is undone. Takes
 * `written`. */
mv_err writer_files_own(writer *w, section_writer *written, mv_error *error);
/* Add the finished file of a field to a segment. Takes `written`. */
mv_err writer_files_add_column(writer *w, uint64_t segment_number, const section_file_record *file,
                               section_writer *written, mv_error *error);
/* Remove the files of a scalar or vector field from a segment, and the indexes over it. */
mv_err writer_files_drop_column(writer *w, uint64_t segment_number, uint32_t uid, mv_error *error);
/* Remove a segment from the catalog: its record, its deletions and its indexes. Its files become
 * garbage. */
mv_err writer_files_drop_segment(writer *w, uint64_t number, mv_error *error);
/* Remove the indexes over a segment: of the field with this uid, or of all fields (0). */
mv_err writer_files_drop_indexes(writer *w, uint64_t segment_number, uint32_t uid, mv_error *error);

#endif
