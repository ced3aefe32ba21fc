/* The structure of an LMDB data file, verified before LMDB gets to see it.
 *
 * LMDB trusts its own pages: a wrong offset in one makes it read and write anywhere. A file that
 * comes from elsewhere is therefore walked here first, with code that trusts no byte of it. */
#ifndef MV_CATALOG_CHECK_H
#define MV_CATALOG_CHECK_H

#include "base/error.h"

/* Verify an LMDB data file of format version 1 (LMDB 0.9, 64-bit, little-endian).
 *
 * `bytes` and `size` are the file as it is on disk (its size, not that of a larger map). `txn_id`
 * names the commit to verify, and the caller holds a read transaction on it; 0 is the newest
 * commit.
 *
 * `deep` false, in microseconds: the meta pages, the roots of the trees, and that no page in use is
 * cut off at the end of the file. `deep` true, at memory speed: every page that can be reached.
 * Page numbers are in range and each page is reached once; page types, bounds, nodes and their
 * sizes fit, fill the page without a gap or an overlap and are as small as LMDB makes them; keys
 * are within limits, strictly ascending and between the separators above them; depth and counts are
 * those of the tree's record; overflow runs are in range and long enough; the free list is sorted,
 * in range, and names no page that is in use or named already. What passes is safe for LMDB to read
 * and to write.
 *
 * Refused although LMDB knows it, because a catalog has none: tables with duplicates, reversed
 * keys, or integer keys of 4 bytes. Page sizes are the powers of two from 2,048 (below, LMDB's
 * longest keys do not fit twice, and splitting a page would not end) to 32,768 (the most LMDB 0.9
 * makes). Pages that are lost, neither in use nor free, are no fault. Values are not looked into:
 * they carry checksums. Not verified, as only the caller can know it: that a table has the flags it
 * should (mdb_dbi_flags).
 *
 * Memory: a bit per page, and a page per level of two trees. Never recurses; ends for every input.
 *
 * MV_CORRUPT: the text has `what` ("catalog.mdb"), the page, what was found and what was expected.
 * MV_WRONG_VERSION: another version of LMDB's format. MV_BUSY: commit `txn_id` is in neither meta
 * page any more, or the file was written to while the newest commit was verified: try again.
 * MV_NO_MEMORY.
 *
 * With `txn_id` 0 on a file that others write, the newest commit may have pages that the file got
 * after `size` was taken. There MV_CORRUPT is a finding only if the file still has that size. */
mv_err catalog_check_pages(const void *bytes, size_t size, uint64_t txn_id, bool deep,
                           const char *what, mv_error *error);

#endif
