/* Verifying an LMDB data file: meta pages, then the trees.
 *
 * Pages 0 and 1 are meta pages (catalog_layout.h). Page n % 2 describes commit n, so the file has
 * the last two commits.
 *
 * LMDB never overwrites a page in use: it writes a new page, and new pages for the path to it. So
 * while a read transaction is open, the pages of its commit do not change. Meta pages and free
 * pages may change at any moment.
 *
 * A walk visits the leaves of a tree in the order of keys, with the path to the leaf as its stack.
 * Every page is claimed before it is entered, so every walk ends. */
#include "storage/catalog_check.h"

#include <string.h>

#include "base/bits.h"
#include "base/mem.h"
#include "storage/catalog_page.h"

#define META_MAGIC        0xbeefc0deu
#define META_VERSION      1u
#define NO_ROOT           ((uint64_t)SIZE_MAX)
#define FLAG_INTEGER_KEYS 0x08u   /* MDB_INTEGERKEY */
#define FLAG_NO_SUBDIR    0x4000u /* MDB_NOSUBDIR: LMDB stores it in the flags of the free list */
#define DEPTH_MAX         24u     /* at least 2^23 leaves; cursors of LMDB go down 32 levels */
#define TAIL_PAGES_MAX    (1u << 22) /* free pages beyond the end of the file: never written */

/* A meta page, in a copy. */
typedef struct meta {
    uint8_t bytes[LAYOUT_META_SIZE];
    uint64_t txn_id;
    uint64_t last_page;
    uint64_t page_size;
} meta;

/* The record of a tree, or the same numbers as they were found in the tree. */
typedef struct record {
    unsigned flags;
    unsigned depth;
    uint64_t branch_pages;
    uint64_t leaf_pages;
    uint64_t overflow_pages;
    uint64_t entries;
    uint64_t root;
} record;

typedef struct level {
    catalog_page page;
    catalog_page_position position;
    uint32_t next; /* branch: the node to go down to next; leaf: 1 when it was returned */
} level;

typedef struct tree_walk {
    catalog_file *file;
    const char *tree; /* for error texts */
    record said;
    record found;
    level path[DEPTH_MAX];
    unsigned height; /* levels of the path in use */
    uint8_t *copies; /* a page for each level of the tree */
} tree_walk;

#define WALK_FAIL(w, format, ...)                                                                  \
    error_set((w)->file->error, MV_CORRUPT, "%s: %s: " format, (w)->file->what, (w)->tree,         \
              __VA_ARGS__)

/* ---------------------------------------------------------------- walking a tree */

static record record_read(const uint8_t *at)
{
    return (record){
        .flags = catalog_page_u16(at + LAYOUT_TREE_FLAGS_AT),
        .depth = catalog_page_u16(at + LAYOUT_TREE_DEPTH_AT),
        .branch_pages = catalog_page_number(at + LAYOUT_TREE_BRANCHES_AT),
        .leaf_pages = catalog_page_number(at + LAYOUT_TREE_LEAVES_AT),
        .overflow_pages = catalog_page_number(at + LAYOUT_TREE_OVERFLOW_AT),
        .entries = catalog_page_number(at + LAYOUT_TREE_ENTRIES_AT),
        .root = catalog_page_number(at + LAYOUT_TREE_ROOT_AT),
    };
}

static mv_err walk_enter(tree_walk *w, const catalog_page_position *position)
{
    mv_assert(w->height < w->said.depth);
    mv_assert(w->said.depth <= DEPTH_MAX);
    level *l = &w->path[w->height];
    *l = (level){.position = *position};
    l->position.is_leaf = w->height + 1 == w->said.depth;
    MV_TRY(catalog_page_read(w->file, &l->position, w->copies + w->height * w->file->page_size,
                             &l->page));
    w->height++;
    if (l->position.is_leaf) {
        w->found.leaf_pages++;
        w->found.entries += l->page.count;
    } else {
        w->found.branch_pages++;
    }
    return MV_OK;
}

/* Verify the record of a tree and its root. The flags must be `required`, and may have those of
 * `optional`. Call tree_walk_end in any case, also after a failure. */
static mv_err walk_begin(tree_walk *w, catalog_file *file, const char *tree, const uint8_t *at,
                         unsigned required, unsigned optional)
{
    *w = (tree_walk){.file = file, .tree = tree, .said = record_read(at)};
    const record *said = &w->said;
    if ((said->flags & ~optional) != required)
        return WALK_FAIL(w, "flags %#x are unexpected, a catalog has %#x", said->flags, required);
    if (said->root == NO_ROOT) {
        if (!said->depth && !said->entries && !said->branch_pages && !said->leaf_pages &&
            !said->overflow_pages)
            return MV_OK;
        return WALK_FAIL(w, "depth %u and %" PRIu64 " entries without a root", said->depth,
                         said->entries);
    }
    if (said->depth < 1 || said->depth > DEPTH_MAX)
        return WALK_FAIL(w, "depth %u, expected 1 to %u", said->depth, DEPTH_MAX);
    size_t size = said->depth * file->page_size;
    if (!(w->copies = mem_alloc(size))) return error_memory(file->error, size, "a path of pages");
    catalog_page_position root = {.number = said->root,
                                  .integer_keys = said->flags & FLAG_INTEGER_KEYS};
    return walk_enter(w, &root);
}

static void tree_walk_end(tree_walk *w)
{
    mem_free(w->copies, w->said.depth * w->file->page_size);
}

/* Go down to the next child of the branch that ends the path. */
static mv_err walk_descend(tree_walk *w)
{
    level *l = &w->path[w->height - 1];
    uint32_t at = l->next++;
    mv_assert(!l->page.is_leaf);
    mv_assert(at < l->page.count);
    catalog_node node = catalog_page_node(&l->page, at);
    catalog_page_position child = l->position;
    child.number = node.child;
    if (at > 0) child.lowest = node.key;
    if (at + 1 < l->page.count) child.beyond = catalog_page_node(&l->page, at + 1).key;
    return walk_enter(w, &child);
}

/* The next leaf; NULL after the last one. It is valid until the next call. */
static mv_err walk_next(tree_walk *w, const catalog_page **leaf)
{
    *leaf = NULL;
    while (w->height && !*leaf) {
        level *l = &w->path[w->height - 1];
        if (l->next == (l->page.is_leaf ? 1 : l->page.count)) {
            w->height--;
        } else if (l->page.is_leaf) {
            l->next = 1;
            *leaf = &l->page;
        } else {
            MV_TRY(walk_descend(w));
        }
    }
    return MV_OK;
}

/* After the last leaf: the counts of the tree are those of its record. */
static mv_err walk_compare(const tree_walk *w)
{
    const record *said = &w->said, *found = &w->found;
    if (said->entries != found->entries)
        return WALK_FAIL(w, "%" PRIu64 " entries, its record says %" PRIu64, found->entries,
                         said->entries);
    if (said->branch_pages != found->branch_pages || said->leaf_pages != found->leaf_pages ||
        said->overflow_pages != found->overflow_pages)
        return WALK_FAIL(w,
                         "%" PRIu64 " + %" PRIu64 " + %" PRIu64
                         " branch, leaf and overflow pages, its record says %" PRIu64 " + %" PRIu64
                         " + %" PRIu64,
                         found->branch_pages, found->leaf_pages, found->overflow_pages,
                         said->branch_pages, said->leaf_pages, said->overflow_pages);
    return MV_OK;
}

/* Verify the value of a leaf's node. *value: its bytes. */
static mv_err walk_value(tree_walk *w, const catalog_node *node, const uint8_t **value)
{
    *value = node->rest;
    if (node->flags != CATALOG_NODE_OVERFLOW) return MV_OK;
    uint64_t pages_count;
    MV_TRY(catalog_page_overflow(w->file, node, value, &pages_count));
    w->found.overflow_pages += pages_count;
    return MV_OK;
}

/* Verifies node `at` of a leaf of the walk. */
typedef mv_err node_check(tree_walk *w, const catalog_page *leaf, uint32_t at,
                          const catalog_node *node, void *ctx);

/* Walk the whole tree, verify each node of its leaves, and compare the counts. */
static mv_err walk_nodes(tree_walk *w, node_check *check, void *ctx)
{
    const catalog_page *leaf;
    for (;;) {
        MV_TRY(walk_next(w, &leaf));
        if (!leaf) return walk_compare(w);
        mv_assert(leaf->is_leaf);
        for (uint32_t i = 0; i < leaf->count; i++) {
            catalog_node node = catalog_page_node(leaf, i);
            MV_TRY(check(w, leaf, i, &node, ctx));
        }
    }
}

/* ---------------------------------------------------------------- the three kinds of trees */

/* The pages that one commit freed: a count, then that number of pages, descending. Unused bytes may
 * follow. Counts those beyond the end of the file in *ctx, a uint64_t. */
static mv_err check_free_node(tree_walk *w, const catalog_page *leaf, uint32_t at,
                              const catalog_node *node, void *ctx)
{
    catalog_file *file = w->file;
    uint64_t *behind_end = ctx;
    const uint8_t *value;
    uint64_t commit = catalog_page_number(node->key.data), previous = UINT64_MAX;
    if (node->flags == CATALOG_NODE_TABLE)
        return CATALOG_PAGE_FAIL(file, leaf->number,
                                 "node %u is a table in the free list, expected pages", at);
    MV_TRY(walk_value(w, node, &value));
    if (commit < 1 || commit > file->txn_id)
        return WALK_FAIL(w, "pages freed by commit %" PRIu64 ", expected 1 to %" PRIu64, commit,
                         file->txn_id);
    if (node->value_size < LAYOUT_NUMBER_SIZE || node->value_size % LAYOUT_NUMBER_SIZE)
        return WALK_FAIL(w, "commit %" PRIu64 " has %" PRIu64 " bytes, expected a multiple of %u",
                         commit, node->value_size, LAYOUT_NUMBER_SIZE);
    uint64_t count = catalog_page_number(value), numbers = node->value_size / LAYOUT_NUMBER_SIZE;
    if (count > numbers - 1)
        return WALK_FAIL(w, "commit %" PRIu64 " freed %" PRIu64 " pages, expected at most %" PRIu64,
                         commit, count, numbers - 1);
    for (uint64_t i = 1; i <= count; i++) {
        uint64_t page = catalog_page_number(value + LAYOUT_NUMBER_SIZE * i);
        if (page >= previous)
            return WALK_FAIL(w,
                             "commit %" PRIu64 " freed page %" PRIu64 " after page %" PRIu64
                             ", expected them descending",
                             commit, page, previous);
        MV_TRY(catalog_page_claim(file, page, 1, false));
        *behind_end += page >= file->pages_count;
        previous = page;
    }
    return MV_OK;
}

/* The free list. If the file ends before its last page, all missing pages must be free. */
static mv_err check_free(catalog_file *file, const meta *m)
{
    tree_walk w;
    uint64_t behind_end = 0;
    uint64_t missing =
        file->last_page >= file->pages_count ? file->last_page + 1 - file->pages_count : 0;
    mv_err err = walk_begin(&w, file, "free list", m->bytes + LAYOUT_FREE_AT, FLAG_INTEGER_KEYS,
                            FLAG_NO_SUBDIR);
    if (!err && file->claimed) {
        err = walk_nodes(&w, check_free_node, &behind_end);
        if (!err && behind_end != missing)
            err = WALK_FAIL(&w,
                            "the file ends %" PRIu64 " pages before page %" PRIu64
                            ", and only %" PRIu64 " of them are free",
                            missing, file->last_page, behind_end);
    }
    tree_walk_end(&w);
    return err;
}

static mv_err check_table_node(tree_walk *w, const catalog_page *leaf, uint32_t at,
                               const catalog_node *node, void *ctx)
{
    const uint8_t *value;
    (void)ctx;
    if (node->flags == CATALOG_NODE_TABLE)
        return CATALOG_PAGE_FAIL(w->file, leaf->number,
                                 "node %u is a table in a table, expected a value", at);
    return walk_value(w, node, &value);
}

static mv_err check_table(catalog_file *file, const uint8_t *record_at, bool deep)
{
    tree_walk w;
    mv_err err = walk_begin(&w, file, "a table", record_at, 0, FLAG_INTEGER_KEYS);
    if (!err && deep) err = walk_nodes(&w, check_table_node, NULL);
    tree_walk_end(&w);
    return err;
}

/* *ctx, a bool: verify every page of the tables, else only their roots. */
static mv_err check_main_node(tree_walk *w, const catalog_page *leaf, uint32_t at,
                              const catalog_node *node, void *ctx)
{
    const uint8_t *value;
    const bool *deep = ctx;
    (void)leaf;
    (void)at;
    if (node->flags == CATALOG_NODE_TABLE) return check_table(w->file, node->rest, *deep);
    return walk_value(w, node, &value);
}

static mv_err check_main(catalog_file *file, const meta *m, bool deep)
{
    tree_walk w;
    mv_err err = walk_begin(&w, file, "main tree", m->bytes + LAYOUT_MAIN_AT, 0, 0);
    /* Without `deep`, a main tree of one leaf is walked: the records of the tables fit on a leaf.
     */
    if (!err && (deep || w.said.depth == 1)) err = walk_nodes(&w, check_main_node, &deep);
    tree_walk_end(&w);
    return err;
}

/* ---------------------------------------------------------------- meta pages */

/* Is it a meta page that LMDB wrote in a program of the other width? */
static bool is_of_other_width(const uint8_t bytes[LAYOUT_META_SIZE])
{
    return catalog_page_u16(bytes + LAYOUT_FLAGS_AT_OF(LAYOUT_OTHER_SIZE)) == CATALOG_PAGE_META &&
           catalog_page_u32(bytes + LAYOUT_HEADER_SIZE_OF(LAYOUT_OTHER_SIZE)) == META_MAGIC;
}

/* Copy a meta page, decode it, and verify what never changes in it. */
static mv_err meta_read(catalog_file *file, size_t size, uint64_t number, uint64_t offset, meta *m)
{
    if (size < LAYOUT_META_SIZE || offset > size - LAYOUT_META_SIZE)
        return error_set(file->error, MV_CORRUPT, "%s: %zu bytes, expected two meta pages at least",
                         file->what, size);
    memcpy(m->bytes, file->bytes + (size_t)offset, LAYOUT_META_SIZE);
    uint64_t number_found = catalog_page_number(m->bytes);
    unsigned flags = catalog_page_u16(m->bytes + LAYOUT_FLAGS_AT);
    uint32_t magic = catalog_page_u32(m->bytes + LAYOUT_MAGIC_AT),
             version = catalog_page_u32(m->bytes + LAYOUT_VERSION_AT);
    if (is_of_other_width(m->bytes))
        return error_set(
            file->error, MV_WRONG_VERSION,
            "%s: it was written by a %u-bit program, but this one has %u bits: the two "
            "cannot share a collection",
            file->what, 8 * LAYOUT_OTHER_SIZE, 8 * LAYOUT_NUMBER_SIZE);
    if (number_found != number || flags != CATALOG_PAGE_META || magic != META_MAGIC)
        return CATALOG_PAGE_FAIL(
            file, number, "number %" PRIu64 ", flags %#x and mark %#x, expected an LMDB meta page",
            number_found, flags, magic);
    if (version != META_VERSION)
        return error_set(file->error, MV_WRONG_VERSION,
                         "%s: version %u of LMDB's format, expected %u", file->what, version,
                         META_VERSION);
    m->last_page = catalog_page_number(m->bytes + LAYOUT_LAST_PAGE_AT);
    m->txn_id = catalog_page_number(m->bytes + LAYOUT_COMMIT_AT);
    m->page_size = catalog_page_u32(m->bytes + LAYOUT_FREE_AT); /* the padding of the record */
    if (m->page_size < CATALOG_PAGE_SIZE_MIN || m->page_size > CATALOG_PAGE_SIZE_MAX ||
        (m->page_size & (m->page_size - 1)))
        return CATALOG_PAGE_FAIL(file, number,
                                 "page size %" PRIu64 ", expected a power of two from %u to %u",
                                 m->page_size, CATALOG_PAGE_SIZE_MIN, CATALOG_PAGE_SIZE_MAX);
    return MV_OK;
}

/* Read both meta pages, as LMDB does, and choose the one of the commit to verify. */
static mv_err meta_choose(catalog_file *file, size_t size, uint64_t txn_id, meta *chosen)
{
    meta both[2];
    MV_TRY(meta_read(file, size, 0, 0, &both[0]));
    MV_TRY(meta_read(file, size, 1, both[0].page_size, &both[1]));
    if (both[1].page_size != both[0].page_size)
        return CATALOG_PAGE_FAIL(file, (uint64_t)1,
                                 "page size %" PRIu64 ", expected %" PRIu64 " as on page 0",
                                 both[1].page_size, both[0].page_size);
    unsigned newest = both[0].txn_id < both[1].txn_id;
    unsigned at = txn_id ? txn_id % 2 : newest;
    if (txn_id && both[at].txn_id != txn_id)
        return error_set(file->error, MV_BUSY,
                         "%s: commit %" PRIu64 " is no longer one of the last two", file->what,
                         txn_id);
    if (both[at].txn_id % 2 != at || both[at].txn_id > LAYOUT_COMMIT_MAX)
        return CATALOG_PAGE_FAIL(file, (uint64_t)at,
                                 "commit %" PRIu64 ", expected %s up to %" PRIu64, both[at].txn_id,
                                 at ? "an odd one" : "an even one", LAYOUT_COMMIT_MAX);
    mv_assert(!txn_id || both[at].txn_id == txn_id);
    *chosen = both[at];
    return MV_OK;
}

/* Is the chosen meta page still as it was copied? */
static bool meta_stands(const catalog_file *file, const meta *m)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* read it from memory again, after all other reads */
    const uint8_t *now = file->bytes + (size_t)(m->txn_id % 2) * file->page_size;
    return memcmp(now, m->bytes, LAYOUT_META_SIZE) == 0;
}

static mv_err check_trees(catalog_file *file, const meta *m, bool deep)
{
    mv_err err = MV_OK;
    size_t bitmap_size = 0;
    if (m->last_page < 1 || m->last_page >= file->pages_count + TAIL_PAGES_MAX)
        return CATALOG_PAGE_FAIL(file, m->txn_id % 2,
                                 "last page %" PRIu64 ", the file has %" PRIu64 " pages",
                                 m->last_page, file->pages_count);
    if (deep || m->last_page >= file->pages_count) {
        bitmap_size = bits_words((size_t)m->last_page + 1) * sizeof(uint64_t);
        file->claimed = mem_alloc_zero(bitmap_size);
        if (!file->claimed) return error_memory(file->error, bitmap_size, "a bit for each page");
    }
    err = check_free(file, m);
    if (!err) err = check_main(file, m, deep);
    mem_free(file->claimed, bitmap_size);
    return err;
}

mv_err catalog_check_pages(const void *bytes, size_t size, uint64_t txn_id, bool deep,
                           const char *what, mv_error *error)
{
    meta m;
    catalog_file *file = mem_alloc(sizeof *file);
    if (!file) return error_memory(error, sizeof *file, "verifying the catalog");
    file->bytes = bytes;
    file->claimed = NULL;
    file->what = what;
    file->error = error;
    mv_err err = meta_choose(file, size, txn_id, &m);
    if (err) goto done;
    mv_assert((m.page_size & (m.page_size - 1)) == 0);
    file->page_size = (size_t)m.page_size;
    file->pages_count = size / file->page_size;
    file->last_page = m.last_page;
    file->txn_id = m.txn_id;
    bool torn = !meta_stands(file, &m); /* a commit was written over it while it was copied */
    if (!torn) err = check_trees(file, &m, deep);
    /* Without a transaction LMDB may reuse pages, but only after a later commit has replaced this
     * meta page. */
    if (torn || (err == MV_CORRUPT && !txn_id && !meta_stands(file, &m)))
        err = error_set(error, MV_BUSY, "%s: it was written to while it was verified", what);
done:
    mem_free(file, sizeof *file);
    return err;
}

/* ---------------------------------------------------------------- whose file it is */

typedef struct wanted_tables {
    const char *const *names;
    size_t count;
} wanted_tables;

static bool leaf_has_table(const catalog_page *leaf, const char *name)
{
    for (uint32_t i = 0; i < leaf->count; i++) {
        catalog_node node = catalog_page_node(leaf, i);
        if (node.flags == CATALOG_NODE_TABLE && node.key.size == strlen(name) &&
            memcmp(node.key.data, name, node.key.size) == 0)
            return true;
    }
    return false;
}

/* Is page `number` a leaf of a main tree with all of these tables? */
static bool page_has_tables(catalog_file *file, uint64_t number, uint8_t *copy,
                            const wanted_tables *tables)
{
    catalog_page leaf;
    catalog_page_position position = {.number = number, .is_leaf = true};
    if (catalog_page_read(file, &position, copy, &leaf)) return false;
    for (size_t i = 0; i < tables->count; i++)
        if (!leaf_has_table(&leaf, tables->names[i])) return false;
    return true;
}

/* The roots of the last two commits first: only in a damaged file the other pages are read. */
static bool file_has_tables(catalog_file *file, const uint64_t roots[2], uint8_t *copy,
                            const wanted_tables *tables)
{
    for (int i = 0; i < 2; i++)
        if (page_has_tables(file, roots[i], copy, tables)) return true;
    for (uint64_t page = 2; page < file->pages_count; page++)
        if (page_has_tables(file, page, copy, tables)) return true;
    return false;
}

static bool is_zero(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i]) return false;
    return true;
}

static uint64_t main_root(const meta *m)
{
    return record_read(m->bytes + LAYOUT_MAIN_AT).root;
}

static catalog_identity identify(catalog_file *file, size_t size, uint8_t *copy,
                                 const wanted_tables *tables)
{
    meta first, second;
    if (is_zero(file->bytes, size < LAYOUT_META_SIZE ? size : LAYOUT_META_SIZE))
        return CATALOG_UNFINISHED;
    if (size >= LAYOUT_META_SIZE && is_of_other_width(file->bytes)) return CATALOG_OTHER_WIDTH;
    if (meta_read(file, size, 0, 0, &first)) return CATALOG_FOREIGN;
    file->page_size = (size_t)first.page_size;
    file->pages_count = size / file->page_size;
    file->last_page = file->pages_count ? file->pages_count - 1 : 0;
    if (meta_read(file, size, 1, first.page_size, &second)) second = first;
    uint64_t roots[2] = {main_root(&first), main_root(&second)};
    if (file_has_tables(file, roots, copy, tables)) return CATALOG_OURS;
    for (int i = 0; i < 2; i++) /* a root before the end of the file is that of other tables */
        if (roots[i] < file->pages_count) return CATALOG_FOREIGN;
    return CATALOG_UNFINISHED;
}

mv_err catalog_check_identity(const void *bytes, size_t size, const char *const *names,
                              size_t names_count, catalog_identity *identity, mv_error *error)
{
    const wanted_tables tables = {names, names_count};
    catalog_file *file = mem_alloc_zero(sizeof *file);
    uint8_t *copy = mem_alloc(CATALOG_PAGE_SIZE_MAX);
    if (file && copy) {
        file->bytes = bytes;
        file->what = "";
        *identity = identify(file, size, copy, &tables);
    }
    mv_err err = file && copy ? MV_OK : error_memory(error, CATALOG_PAGE_SIZE_MAX, "a page");
    mem_free(copy, CATALOG_PAGE_SIZE_MAX);
    mem_free(file, sizeof *file);
    return err;
}
