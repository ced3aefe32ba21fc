/* Verifies the structure of an LMDB data file before LMDB opens it.
 *
 * LMDB trusts its own pages: a wrong offset in a page makes it read and write anywhere. So a file
 * that comes from elsewhere is walked here first, by code that trusts no byte of it. */
#ifndef MV_CATALOG_CHECK_H
#define MV_CATALOG_CHECK_H

#include "base/error.h"

/* Verify an LMDB data file (catalog_layout.h).
 *
 * `bytes` and `size` are the file as it is on disk (its size, not that of a larger map). `txn_id`
 * is the commit to verify: the caller has a read transaction on it. 0 is the newest commit.
 *
 * With `deep` false, which takes microseconds, it verifies the meta pages, the roots of the trees,
 * and that no page in use lies beyond the end of the file. With `deep` true, at the speed of
 * memory, it verifies every page that can be reached:
 *
 * - page numbers are in range, and each page is reached once;
 * - page types and bounds are right; nodes fill the page without a gap or an overlap, and none is
 *   larger than LMDB makes them;
 * - keys are within limits, strictly ascending, and between the separators above them;
 * - depth and counts are those of the record of the tree;
 * - overflow runs are in range and long enough;
 * - the free list is sorted, in range, and has no page that is in use or already free.
 *
 * LMDB can safely read and write a file that passes.
 *
 * Some features of LMDB are refused, because no catalog uses them: tables with duplicates, reversed
 * keys, and integer keys of another size than that of a size_t. Page sizes are the powers of two
 * from 2,048 to 32,768. On smaller pages two of the longest keys do not fit, and splitting a page
 * would not end; LMDB 0.9 makes no larger ones. Pages that are neither in use nor free are lost,
 * which is no fault. Values are not verified: they have checksums. Nor are the flags of a table,
 * which only the caller knows (mdb_dbi_flags).
 *
 * Memory: a bit per page, and a page per level of two trees. Never recurses; ends for every input.
 *
 * MV_CORRUPT: the text has `what` ("catalog.mdb"), the page, what was found and what was expected.
 * MV_WRONG_VERSION: another version of the format of LMDB, or a file of a program of the other
 * width. MV_BUSY: neither meta page has commit `txn_id` any more, or the file was written to while
 * the newest commit was verified: try again. MV_NO_MEMORY.
 *
 * With `txn_id` 0, while others write to the file, the newest commit may have pages that the file
 * got after the caller read its size. Then MV_CORRUPT is certain only if the file still has that
 * size. */
mv_err catalog_check_pages(const void *bytes, size_t size, uint64_t txn_id, bool deep,
                           const char *what, mv_error *error);

/* Whose file is it? Its content tells, as far as it can be read; the file may be damaged. */
typedef enum catalog_identity {
    CATALOG_FOREIGN,
    CATALOG_OTHER_WIDTH, /* an LMDB file of a 32-bit program, for one of 64 bits, or the reverse */
    CATALOG_UNFINISHED, /* empty, or an LMDB file that got no table, or was cut short before them */
    CATALOG_OURS,       /* an LMDB file that has, or once had, all of the tables */
} catalog_identity;

/* Identify a file by the names of its tables. Of an intact file one or two pages are read; else all
 * of them, until the tables are found. MV_NO_MEMORY. */
mv_err catalog_check_identity(const void *bytes, size_t size, const char *const *names,
                              size_t names_count, catalog_identity *identity, mv_error *error);

#endif
