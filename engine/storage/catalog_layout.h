/* Where the numbers of an LMDB data file are (LMDB 0.9, format version 1, little-endian).
 *
 * LMDB writes page numbers, counts and commits as size_t. So a file that a 64-bit program made has
 * another layout than that of a 32-bit one, and LMDB reads only its own. W is the size of a size_t,
 * 8 or 4; the columns of offsets are for these two.
 *
 *   W = 8   W = 4  size  header of a page
 *       0       0     W  its number
 *       8       4     2  padding
 *      10       6     2  flags: 1 branch, 2 leaf, 4 overflow, 8 meta
 *      12       8     2  lower: where the free space begins
 *      14      10     2  upper: where the free space ends
 *      12       8     4  instead, on the first page of an overflow run: the number of its pages
 *
 *   W = 8   W = 4  size  meta page, the header included
 *      16      12     4  magic, 0xbeefc0de
 *      20      16     4  version of the format, 1
 *      24      20     W  address of the map, not used
 *      32      24     W  size of the map, not used
 *      40      28  8+5W  record of the free list: commit -> pages that it freed
 *      88      56  8+5W  record of the main tree: name of a table -> record of the table
 *     136      84     W  last page in use or free
 *     144      88     W  commit
 *
 *   W = 8   W = 4  size  record of a tree
 *       0       0     4  padding; in the free list of a meta page: the page size
 *       4       4     2  flags
 *       6       6     2  depth
 *       8       8     W  branch pages
 *      16      12     W  leaf pages
 *      24      16     W  overflow pages
 *      32      20     W  entries
 *      40      24     W  root page; the largest number: the tree is empty */
#ifndef MV_CATALOG_LAYOUT_H
#define MV_CATALOG_LAYOUT_H

#include "base/config.h"

/* W of this program, and of programs of the other width. */
#define LAYOUT_NUMBER_SIZE ((unsigned)sizeof(size_t))
#define LAYOUT_OTHER_SIZE  (12u - LAYOUT_NUMBER_SIZE)

/* In a page. Two of them for any W, so that a file of the other width can be told. */
#define LAYOUT_FLAGS_AT_OF(w)    ((w) + 2)
#define LAYOUT_HEADER_SIZE_OF(w) ((w) + 8)
#define LAYOUT_FLAGS_AT          LAYOUT_FLAGS_AT_OF(LAYOUT_NUMBER_SIZE)
#define LAYOUT_LOWER_AT          (LAYOUT_NUMBER_SIZE + 4)
#define LAYOUT_UPPER_AT          (LAYOUT_NUMBER_SIZE + 6)
#define LAYOUT_RUN_AT            (LAYOUT_NUMBER_SIZE + 4)
#define LAYOUT_HEADER_SIZE       LAYOUT_HEADER_SIZE_OF(LAYOUT_NUMBER_SIZE)

/* In the record of a tree. */
#define LAYOUT_TREE_FLAGS_AT    4u
#define LAYOUT_TREE_DEPTH_AT    6u
#define LAYOUT_TREE_BRANCHES_AT 8u
#define LAYOUT_TREE_LEAVES_AT   (8 + LAYOUT_NUMBER_SIZE)
#define LAYOUT_TREE_OVERFLOW_AT (8 + 2 * LAYOUT_NUMBER_SIZE)
#define LAYOUT_TREE_ENTRIES_AT  (8 + 3 * LAYOUT_NUMBER_SIZE)
#define LAYOUT_TREE_ROOT_AT     (8 + 4 * LAYOUT_NUMBER_SIZE)
#define LAYOUT_TREE_SIZE        (8 + 5 * LAYOUT_NUMBER_SIZE)

/* In a meta page. */
#define LAYOUT_MAGIC_AT     LAYOUT_HEADER_SIZE
#define LAYOUT_VERSION_AT   (LAYOUT_HEADER_SIZE + 4)
#define LAYOUT_FREE_AT      (LAYOUT_HEADER_SIZE + 8 + 2 * LAYOUT_NUMBER_SIZE)
#define LAYOUT_MAIN_AT      (LAYOUT_FREE_AT + LAYOUT_TREE_SIZE)
#define LAYOUT_LAST_PAGE_AT (LAYOUT_MAIN_AT + LAYOUT_TREE_SIZE)
#define LAYOUT_COMMIT_AT    (LAYOUT_LAST_PAGE_AT + LAYOUT_NUMBER_SIZE)
#define LAYOUT_META_SIZE    (LAYOUT_COMMIT_AT + LAYOUT_NUMBER_SIZE)

static_assert(LAYOUT_META_SIZE == (LAYOUT_NUMBER_SIZE == 8 ? 152 : 92), "as in the table above");

/* The largest number of a commit. LMDB uses larger ones for "none". */
#define LAYOUT_COMMIT_MAX ((uint64_t)(SIZE_MAX / 2))

#endif
