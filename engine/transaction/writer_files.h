/* The files that a transaction enters in the catalog, and those that it takes out. */
#ifndef MV_WRITER_FILES_H
#define MV_WRITER_FILES_H

#include "transaction/writer.h"

/* Take over a finished segment: into the catalog, and into the view. Takes `written`. */
mv_err writer_files_add_segment(writer *w, segment_writer *written, mv_error *error);
/* Take over the finished file of an index, which replaces one over the same field. The segment is
 * there already. Takes `written`. The view lags behind until writer_settle. */
mv_err writer_files_add_index(writer *w, const index_record *record, section_writer *written,
                              mv_error *error);

/* Keep the finished file of something that is being entered: it is removed when the transaction is
 * undone. Takes `written`. */
mv_err writer_files_keep(writer *w, section_writer *written, mv_error *error);
/* Add the finished file of a field to a segment. Takes `written`. */
mv_err writer_files_add_column(writer *w, uint64_t segment_number, const section_file_record *file,
                               section_writer *written, mv_error *error);
/* Take the files of a scalar or vector field out of a segment. */
mv_err writer_files_drop_column(writer *w, uint64_t segment_number, uint32_t uid, mv_error *error);
/* Forget a segment: its record, its deletions, its indexes, and the files once no reader can name
 * them. */
mv_err writer_files_drop_segment(writer *w, uint64_t number, mv_error *error);
/* Forget the indexes over a segment: those of the field with this uid, or of all (0). */
mv_err writer_files_drop_indexes(writer *w, uint64_t segment_number, uint32_t uid, mv_error *error);

#endif
