/* Measuring and trimming the catalog's file.
 *
 * A page may become a hole when LMDB itself may write over it: if it was freed by a commit before
 * the last one, and before the commit of every reader. So the pages of the last two commits stay,
 * as a power cut may leave either meta page, and as a reader that begins now may see either.
 *
 * Two other ways were considered and not taken:
 *
 * - To put a compact copy in the place of the file. Processes that have the file open would each
 *   have to notice, close LMDB's environment and open it again, while their snapshots go on in the
 *   old file. Both files would need lock files of their own, since closing one environment drops
 *   the process's locks on a lock file that another one uses, too.
 * - To move pages down and cut the end off. LMDB has no call that moves a page, nor one that takes
 *   the pages behind the end out of the free list. */
#include "storage/catalog_space.h"

#include "base/bits.h"
#include "base/mem.h"
#include "storage/catalog_inside.h"
#include "storage/catalog_page.h"

/* Free space that is not given back: commits write faster to space that the file has. A commit of
 * one document takes about 10 free pages, those that were freed first, so commits fill all holes in
 * turn. Writers leave more, so that they trim, and read the free list for it, once in hundreds of
 * commits. */
#define SPARE_BYTES          (256u << 10)
#define SPARE_ONE_IN         8u /* and this part of the pages in use */
#define SPARE_BYTES_WRITERS  (16u << 20)
#define SPARE_ONE_IN_WRITERS 1u
#define HOLE_PAGES_MIN       2u /* takes 60 us on ext4; single pages are left to the next commits */
#define HOLE_PAGES_MAX       64u /* of one call, 50 us in memory: then the time is looked at */
#define META_PAGES           2u
#define OWN_TREES            2u /* of LMDB: the free list, and the main tree */
#define FREE_LIST            0u

typedef struct free_pages {
    uint64_t *bits;      /* a bit for each page that is free for good; NULL: only counted */
    uint64_t end;        /* pages that the file has: what is behind it has no space */
    uint64_t commit;     /* the last one */
    uint64_t oldest;     /* that any reader sees, or `commit` */
    uint64_t last_freed; /* pages freed by the last commit */
    uint64_t held;       /* freed before that, and since the oldest reader's commit */
} free_pages;

static mv_err damaged_list(mv_error *error)
{
    return error_set(error, MV_CORRUPT, "%s: the free list is damaged", CATALOG_FILE);
}

/* One record of the free list: a count, and then the numbers of pages (catalog_check.c). */
static mv_err note_freed(free_pages *f, const MDB_val *key, const MDB_val *value, mv_error *error)
{
    size_t numbers = value->mv_size / LAYOUT_NUMBER_SIZE;
    if (key->mv_size != LAYOUT_NUMBER_SIZE || !numbers) return damaged_list(error);
    uint64_t commit = catalog_page_number(key->mv_data);
    const uint8_t *pages = value->mv_data;
    uint64_t count = catalog_page_number(pages);
    if (count >= numbers) return damaged_list(error);
    if (commit >= f->commit) {
        f->last_freed += count;
    } else if (commit >= f->oldest) {
        f->held += count;
    } else if (f->bits) {
        for (uint64_t i = 1; i <= count; i++) {
            uint64_t page = catalog_page_number(pages + i * LAYOUT_NUMBER_SIZE);
            if (page < META_PAGES) return damaged_list(error);
            if (page < f->end) bits_set(f->bits, (size_t)page);
        }
    }
    return MV_OK;
}

static mv_err read_free_list(const catalog_txn *txn, free_pages *f, mv_error *error)
{
    MDB_cursor *cursor = NULL;
    MDB_val key, value;
    mv_err err = MV_OK;
    int rc = mdb_cursor_open(txn->txn, FREE_LIST, &cursor);
    if (rc) return catalog_failed(error, rc, "read its free list");
    while (!err && !(rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)))
        err = note_freed(f, &key, &value, error);
    mdb_cursor_close(cursor);
    if (err || rc == MDB_NOTFOUND) return err;
    return catalog_failed(error, rc, "read its free list");
}

/* Pages of the commit that `txn` sees: the meta pages, LMDB's own trees and the tables. */
static mv_err count_used(const catalog_txn *txn, uint64_t *pages, mv_error *error)
{
    *pages = META_PAGES;
    for (MDB_dbi at = 0; at < OWN_TREES + CATALOG_TABLES; at++) {
        MDB_stat stat;
        MDB_dbi tree = at < OWN_TREES ? at : txn->owner->tables[at - OWN_TREES];
        if (tree == NO_TABLE) continue;
        int rc = mdb_stat(txn->txn, tree, &stat);
        if (rc) return catalog_failed(error, rc, "count its pages");
        *pages += stat.ms_branch_pages + stat.ms_leaf_pages + stat.ms_overflow_pages;
    }
    return MV_OK;
}

/* Find the oldest reader, and the commit from which on it holds freed pages back. */
static mv_err find_oldest(catalog *c, const catalog_txn *txn, catalog_reader *oldest, free_pages *f,
                          mv_error *error)
{
    f->commit = catalog_commit_number(txn);
    MV_TRY(catalog_oldest_reader(c, oldest, error));
    f->oldest = oldest->commit < f->commit ? oldest->commit : f->commit;
    return MV_OK;
}

/* The file of LMDB, which closes it, and the size of its pages. */
static mv_err lmdb_file(const catalog *c, os_file *file, uint64_t *page_size, mv_error *error)
{
    MDB_stat stat;
    int rc = mdb_env_get_fd(c->env, file);
    if (!rc) rc = mdb_env_stat(c->env, &stat);
    if (rc) return catalog_failed(error, rc, "look at its file");
    *page_size = stat.ms_psize;
    return MV_OK;
}

mv_err catalog_space_measure(catalog *c, catalog_space *space, mv_error *error)
{
    catalog_txn *txn = NULL;
    free_pages f = {0};
    uint64_t used, page_size;
    os_file file;
    *space = (catalog_space){0};
    MV_TRY(lmdb_file(c, &file, &page_size, error));
    MV_TRY(os_allocated_of(file, &space->allocated_bytes, CATALOG_FILE, error));
    MV_TRY(catalog_begin_read(c, &txn, error));
    mv_err err = count_used(txn, &used, error);
    if (!err) err = find_oldest(c, txn, &space->oldest, &f, error);
    if (!err) err = read_free_list(txn, &f, error);
    catalog_end(txn);
    if (err) return err;
    space->used_bytes = used * page_size;
    space->last_freed_bytes = f.last_freed * page_size;
    space->held_bytes = f.held * page_size;
    space->oldest_behind = f.commit - f.oldest;
    if (!space->oldest_behind) space->oldest = (catalog_reader){0};
    return MV_OK;
}

/* Is so much of the file free that some is worth giving back? */
static bool has_much_free(const catalog_space *space, uint64_t last_freed_bytes, bool by_writer)
{
    uint64_t spare = by_writer ? SPARE_BYTES_WRITERS + space->used_bytes / SPARE_ONE_IN_WRITERS
                               : SPARE_BYTES + space->used_bytes / SPARE_ONE_IN;
    return space->allocated_bytes >
           space->used_bytes + spare + space->held_bytes + last_freed_bytes;
}

mv_err catalog_space_wants_commit(catalog *c, bool *wants, mv_error *error)
{
    catalog_space space;
    MV_TRY(catalog_space_measure(c, &space, error));
    *wants =
        has_much_free(&space, 0, false) && !has_much_free(&space, space.last_freed_bytes, false);
    return MV_OK;
}

/* ---------------------------------------------------------------- trimming */

/* Find the free pages up to `end`, the number of pages that the file has. */
static mv_err find_free(catalog *c, uint64_t end, free_pages *f, mv_error *error)
{
    catalog_txn *txn = NULL;
    catalog_reader oldest;
    size_t size = bits_words((size_t)end) * sizeof(uint64_t);
    f->end = end;
    if (!(f->bits = mem_alloc_zero(size))) return error_memory(error, size, "a bit for each page");
    MV_TRY(catalog_begin_read(c, &txn, error));
    mv_err err = find_oldest(c, txn, &oldest, f, error);
    if (!err) err = read_free_list(txn, f, error);
    catalog_end(txn);
    return err;
}

static uint64_t skip(const free_pages *f, uint64_t page, uint64_t end, bool is_free)
{
    while (page < end && bits_get(f->bits, (size_t)page) == is_free) page++;
    return page;
}

/* Make holes of the free pages from *page on: at least one, so that each call comes further. */
static mv_err make_holes(const free_pages *f, os_file file, uint64_t page_size, double until,
                         uint64_t *page, bool *more, mv_error *error)
{
    for (bool can = true; can && *more;) {
        uint64_t begin = skip(f, *page, f->end, false), end = begin + HOLE_PAGES_MAX;
        *page = skip(f, begin, end < f->end ? end : f->end, true);
        *more = begin < f->end;
        if (*page - begin < HOLE_PAGES_MIN) continue;
        MV_TRY(os_make_hole(file, begin * page_size, (*page - begin) * page_size, &can,
                            CATALOG_FILE, error));
        if (!can) *more = false;
        if (os_seconds() >= until) break;
    }
    return MV_OK;
}

/* Trim from *page on, whatever is free. */
static mv_err trim_from(catalog *c, double until, uint64_t *page, bool *more, mv_error *error)
{
    os_file file;
    uint64_t page_size, size;
    free_pages f = {0};
    mv_assert(c->writing); /* so that no other writer takes a page from the free list */
    MV_TRY(lmdb_file(c, &file, &page_size, error));
    MV_TRY(os_size(file, &size, CATALOG_FILE, error));
    mv_err err = find_free(c, size / page_size, &f, error);
    if (!err) err = make_holes(&f, file, page_size, until, page, more, error);
    mem_free(f.bits, bits_words((size_t)f.end) * sizeof(uint64_t));
    return err;
}

mv_err catalog_space_trim(catalog *c, double until, uint64_t *page, bool *more, mv_error *error)
{
    catalog_space space;
    if (!*page) {
        MV_TRY(catalog_space_measure(c, &space, error));
        *more = has_much_free(&space, space.last_freed_bytes, false);
        if (!*more) return MV_OK;
    }
    *more = true;
    return trim_from(c, until, page, more, error);
}

mv_err catalog_space_trim_some(catalog *c, double until, mv_error *error)
{
    catalog_space space;
    bool more = true;
    MV_TRY(catalog_space_measure(c, &space, error));
    if (!has_much_free(&space, space.last_freed_bytes, true)) return MV_OK;
    mv_err err = trim_from(c, until, &c->trim_page, &more, error);
    if (err || !more) c->trim_page = 0;
    return err;
}
