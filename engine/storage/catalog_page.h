/* One page of an LMDB tree: read from an untrusted file, verified, decoded.
 *
 * Behind the header of a page (catalog_layout.h) are the offsets of its nodes, 2 bytes each, in the
 * order of their keys, up to `lower`. The nodes are in any order, without gaps, from `upper` to the
 * end of the page.
 *
 *   offset  size  node
 *        0     4  branch: low 32 bits of the child's page number; leaf: size of the value
 *        4     2  branch: high 16 bits of the child's page number, 0 where numbers have 32 bits;
 *                 leaf: flags
 *        6     2  size k of the key
 *        8     k  the key
 *    8 + k     -  leaf: the value; with flag 1 (overflow) the number of the first page of a run
 * that has it; with flag 2 (table) the record of a table
 *
 * Nodes have an even number of bytes, padded by one byte where needed. All numbers are
 * little-endian.
 *
 * The file may be written to while it is read. So a page is copied first, and the copy is verified.
 */
#ifndef MV_CATALOG_PAGE_H
#define MV_CATALOG_PAGE_H

#include <inttypes.h>

#include "base/error.h"
#include "storage/catalog_layout.h"

#define CATALOG_PAGE_SIZE_MIN 2048u  /* so that two nodes with keys of 511 bytes fit on a page */
#define CATALOG_PAGE_SIZE_MAX 32768u /* that of LMDB: `upper` of an empty page fits in 16 bits */
#define CATALOG_PAGE_META     0x08u  /* flags in the page's header */
#define CATALOG_NODE_OVERFLOW 0x01u  /* flags of a leaf's node: the value is on overflow pages */
#define CATALOG_NODE_TABLE    0x02u  /* the value is the record of a table */

/* A failure that names the page. `file` is a catalog_file. */
#define CATALOG_PAGE_FAIL(file, page, format, ...)                                                 \
    error_set((file)->error, MV_CORRUPT, "%s: page %" PRIu64 ": " format, (file)->what, page,      \
              __VA_ARGS__)

/* The file, as its meta pages describe it. */
typedef struct catalog_file {
    const uint8_t *bytes;
    size_t page_size;     /* verified: a power of two within the limits */
    uint64_t pages_count; /* whole pages that the file has */
    uint64_t last_page;   /* the highest page in use or free; may lie beyond the end of the file */
    uint64_t txn_id;      /* the commit being verified */
    /* A bit for each page up to last_page: already found to be in use or free. NULL: only the roots
     * are verified. */
    uint64_t *claimed;
    const char *what; /* the name of the file in errors */
    mv_error *error;
    uint16_t node_sizes[CATALOG_PAGE_SIZE_MAX / 2]; /* scratch: size of the node at offset 2 × i */
} catalog_file;

typedef struct catalog_key {
    const uint8_t *data; /* NULL: none */
    size_t size;
} catalog_key;

/* A verified page, in a copy. */
typedef struct catalog_page {
    const uint8_t *bytes;
    uint64_t number;
    uint32_t count; /* nodes; at least 1, on a branch 2 */
    bool is_leaf;
} catalog_page;

/* What a page has to be by its position in the tree. */
typedef struct catalog_page_position {
    uint64_t number;
    bool is_leaf;
    bool integer_keys;  /* keys have the size of a number and compare as such; else byte by byte */
    catalog_key lowest; /* every key is at least this */
    catalog_key beyond; /* and below this */
} catalog_page_position;

typedef struct catalog_node {
    catalog_key key;     /* meaningless in the first node of a branch */
    uint64_t child;      /* branch: the page below */
    unsigned flags;      /* leaf: CATALOG_NODE_OVERFLOW, CATALOG_NODE_TABLE or 0 */
    uint64_t value_size; /* leaf */
    const uint8_t *rest; /* leaf: the value, or the number of its first overflow page */
} catalog_node;

/* Little-endian numbers at any address; the last one has LAYOUT_NUMBER_SIZE bytes. */
uint16_t catalog_page_u16(const uint8_t *at);
uint32_t catalog_page_u32(const uint8_t *at);
uint64_t catalog_page_number(const uint8_t *at);

/* Mark `count` pages from `first` as in use, or as free. MV_CORRUPT: one is marked already, or out
 * of range. Pages in use must lie within the file. */
mv_err catalog_page_claim(catalog_file *file, uint64_t first, uint64_t count, bool in_use);

/* Copy the page at `position` to `copy` (page_size bytes). Verify the copy, and that it fits the
 * position. */
mv_err catalog_page_read(catalog_file *file, const catalog_page_position *position, uint8_t *copy,
                         catalog_page *page);

/* Node `at` (below page->count) of a verified page. */
catalog_node catalog_page_node(const catalog_page *page, uint32_t at);

/* Verify the run of overflow pages that has the value of `node`. *value is valid as long as the
 * file; *pages_count is the length of the run. */
mv_err catalog_page_overflow(catalog_file *file, const catalog_node *node, const uint8_t **value,
                             uint64_t *pages_count);

#endif
