/* The space of the catalog's file: what is in use, what readers hold back, what is free.
 *
 * LMDB's file never gets shorter. Pages that a commit frees are listed, with the commit, in the
 * free list, a tree of the same file, and later commits use them again. Here free pages lose their
 * space on the disk: runs of them become holes of the file. No page moves, so readers, in any
 * process, notice nothing, and LMDB fills a hole by writing to it. */
#ifndef MV_CATALOG_SPACE_H
#define MV_CATALOG_SPACE_H

#include "storage/catalog.h"

typedef struct catalog_space {
    uint64_t allocated_bytes;  /* of the file, as the file system has it */
    uint64_t used_bytes;       /* pages of the last commit */
    uint64_t last_freed_bytes; /* pages that the last commit freed: free only after the next one,
                                * since a power cut, or a commit in doubt, may take it back */
    uint64_t held_bytes;       /* pages freed before that, and since the commit of `oldest` */
    catalog_reader oldest;     /* reader of an older commit than the last; pid 0: there is none */
    uint64_t oldest_behind;    /* commits since the one that it sees */
} catalog_space;

mv_err catalog_space_measure(catalog *c, catalog_space *space, mv_error *error);
/* Is there much to give back, but only after one more commit? */
mv_err catalog_space_wants_commit(catalog *c, bool *wants, mv_error *error);
/* If much of the file is free, give it back to the file system, until about `until` (os_seconds).
 * *page, 0 at first, is where to go on; *more is false at the end, or where files cannot have
 * holes. The caller has a write transaction that has changed nothing. MV_CORRUPT: the free list is
 * damaged. */
mv_err catalog_space_trim(catalog *c, double until, uint64_t *page, bool *more, mv_error *error);
/* The same for writers, which let more stay: a part of it, and only if more is free than in use.
 * The next call goes on where this one ended. */
mv_err catalog_space_trim_some(catalog *c, double until, mv_error *error);

#endif
