/* One page of an LMDB tree: read from an untrusted file, verified, taken apart.
 *
 * A page is a header of 16 bytes (number u64, padding u16, flags u16, lower u16, upper u16), from
 * there to `lower` an array of u16 offsets of nodes in the order of their keys, and from `upper` to
 * its end the nodes. A node is a header of 8 bytes (low u16, high u16, flags u16, key size u16),
 * the key, and on a leaf the value, in all an even number of bytes. On a branch low, high and flags
 * are the child's number; on a leaf low and high are the value's size, and flags say whether the
 * value is elsewhere, on a run of overflow pages whose number stands in its place, or is the record
 * of a table.
 *
 * The file may be written to while it is read. So a page is copied first and only the copy is
 * judged. */
#ifndef MV_CATALOG_PAGE_H
#define MV_CATALOG_PAGE_H

#include <inttypes.h>

#include "base/error.h"

#define CATALOG_PAGE_HEADER_SIZE 16u
#define CATALOG_PAGE_SIZE_MIN    2048u  /* two nodes with keys of 511 bytes fit on a page */
#define CATALOG_PAGE_SIZE_MAX    32768u /* LMDB's: `upper` of an empty page has to fit in 16 bits */
#define CATALOG_PAGE_META        0x08u  /* flags in the page's header */
#define CATALOG_NODE_OVERFLOW    0x01u  /* flags of a leaf's node: the value is on overflow pages */
#define CATALOG_NODE_TABLE       0x02u  /* the value is the record of a table */

/* A failure that names the page. `file` is a catalog_file. */
#define CATALOG_PAGE_FAIL(file, page, format, ...)                                                 \
    error_set((file)->error, MV_CORRUPT, "%s: page %" PRIu64 ": " format, (file)->what, page,      \
              __VA_ARGS__)

/* The file, as its meta pages describe it. */
typedef struct catalog_file {
    const uint8_t *bytes;
    size_t page_size;     /* verified: a power of two within the limits */
    uint64_t pages_count; /* whole pages that the file has */
    uint64_t last_page; /* the highest number in use or free; may lie behind the end of the file */
    uint64_t txn_id;    /* the commit being verified */
    uint64_t *
        claimed; /* a bit per page up to last_page: in use or free; NULL when only roots are read */
    const char *what;
    mv_error *error;
    uint16_t node_sizes[CATALOG_PAGE_SIZE_MAX /
                        2]; /* scratch: by offset / 2, the size of the node there */
} catalog_file;

typedef struct catalog_key {
    const uint8_t *data; /* NULL: none */
    size_t size;
} catalog_key;

/* A verified page, in a copy. */
typedef struct catalog_page {
    const uint8_t *bytes;
    uint64_t number;
    uint32_t count; /* of nodes; at least 1, on a branch 2 */
    bool is_leaf;
} catalog_page;

/* What a page has to be by its place in the tree. */
typedef struct catalog_page_position {
    uint64_t number;
    bool is_leaf;
    bool integer_keys;  /* 8 bytes, compared as numbers; else byte for byte */
    catalog_key lowest; /* every key is at least this */
    catalog_key beyond; /* and below this */
} catalog_page_position;

typedef struct catalog_node {
    catalog_key key;     /* without meaning in the first node of a branch */
    uint64_t child;      /* branch: the page below */
    unsigned flags;      /* leaf: CATALOG_NODE_OVERFLOW, CATALOG_NODE_TABLE or 0 */
    uint64_t value_size; /* leaf */
    const uint8_t *rest; /* leaf: the value, or the number of its first overflow page */
} catalog_node;

/* Little-endian numbers at any address. */
uint16_t catalog_page_u16(const uint8_t *at);
uint32_t catalog_page_u32(const uint8_t *at);
uint64_t catalog_page_u64(const uint8_t *at);

/* Enter `count` pages from `first` as in use, or as free. Pages in use have to lie in the file. */
mv_err catalog_page_claim(catalog_file *file, uint64_t first, uint64_t count, bool in_use);

/* Copy the page at `place` to `copy` (page_size bytes), and verify it alone and against its place.
 */
mv_err catalog_page_read(catalog_file *file, const catalog_page_position *place, uint8_t *copy,
                         catalog_page *page);

/* Node `at` (below page->count) of a verified page. */
catalog_node catalog_page_node(const catalog_page *page, uint32_t at);

/* Verify the run of overflow pages that holds `node`'s value. *value is valid as long as the file;
 * *pages_count is the length of the run. */
mv_err catalog_page_overflow(catalog_file *file, const catalog_node *node, const uint8_t **value,
                             uint64_t *pages_count);

#endif
