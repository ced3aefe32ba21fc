/* A model of a disk under a file system that keeps the promises of POSIX and no others, for
 * powercut_test.c.
 *
 * What a sync has covered stays. Of what came after the last sync of a file, any part may be on the
 * disk when the power goes: the unit is a sector of 512 bytes, which holds what the file held there
 * after some write since, or garbage if the write was larger than the sector. The size of a file
 * may be ahead of its content. Entries of a directory last from the sync of the directory on, each
 * by itself; a rename happens whole or not at all. */
#ifndef MV_POWERCUT_DISK_H
#define MV_POWERCUT_DISK_H

#include "base/mem.h"
#include "base/os.h"
#include "test/powercut_record.h"

#define SECTOR_SIZE   512u
#define NODES_MAX     4096u
#define LOCK_SIZE_MAX 70000u /* of the lock files that are found after a cut */
#define ROOT          0u
#define DISK_CATALOG  "catalog.mdb"
#define DISK_LOCK     "catalog.mdb-lock"
#define DISK_WRITERS  "catalog.mdb-writers"
#define DISK_UNSYNCED "unsynced" /* holds the number of the machine's last start */

/* ---------------------------------------------------------------- chance, and memory */

static uint64_t random_state;

static uint64_t random_next(void) /* splitmix64 */
{
    uint64_t z = random_state += 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static uint32_t random_below(uint64_t limit)
{
    return (uint32_t)(random_next() % limit);
}

static void must(bool ok, const char *what)
{
    if (ok) return;
    printf("powercut_test: %s\n", what);
    fflush(stdout);
    _exit(2);
}

static void buffer_resize(mem_buffer *b, size_t size)
{
    if (size > b->size) {
        must(mem_buffer_reserve(b, size - b->size), "out of memory");
        memset(b->data + b->size, 0, size - b->size);
    }
    b->size = size;
}

static void buffer_put(mem_buffer *b, uint64_t offset, const void *bytes, size_t size)
{
    if (b->size < offset + size) buffer_resize(b, (size_t)offset + size);
    if (size) memcpy(b->data + offset, bytes, size);
}

static void buffer_spoil(mem_buffer *b, size_t from, size_t to)
{
    for (size_t at = from; at < to; at++) b->data[at] = (uint8_t)random_next();
}

/* ---------------------------------------------------------------- the model */

typedef struct entry {
    const char *name; /* lent by the record */
    size_t node;
} entry;

/* An operation since the last sync. */
typedef struct change {
    const op *op;
    size_t node; /* that the entry is of */
} change;

typedef struct node {
    uint64_t inode; /* in the recorded directory */
    bool is_directory;
    mem_buffer bytes;   /* a file's, as synced */
    mem_buffer entries; /* a directory's, as synced: `entry` */
    mem_buffer changes; /* since: `change` */
    char stored[256];   /* where disk_store has put a file; "" before */
} node;

typedef struct disk {
    node *nodes[NODES_MAX]; /* all that ever were; the first is the root */
    size_t nodes_count;
} disk;

static size_t disk_add_node(disk *d, uint64_t inode, bool is_directory)
{
    must(d->nodes_count < NODES_MAX, "too many files");
    node *n = mem_alloc_zero(sizeof *n);
    must(n != NULL, "out of memory");
    n->inode = inode;
    n->is_directory = is_directory;
    d->nodes[d->nodes_count] = n;
    return d->nodes_count++;
}

/* A disk with an empty directory. */
static disk *disk_create(uint64_t inode)
{
    disk *d = mem_alloc_zero(sizeof *d);
    must(d != NULL, "out of memory");
    (void)disk_add_node(d, inode, true);
    return d;
}

static void disk_free(disk *d)
{
    for (size_t i = 0; i < d->nodes_count; i++) {
        mem_buffer_free(&d->nodes[i]->bytes);
        mem_buffer_free(&d->nodes[i]->entries);
        mem_buffer_free(&d->nodes[i]->changes);
        mem_free(d->nodes[i], sizeof *d->nodes[i]);
    }
    mem_free(d, sizeof *d);
}

/* The newest: numbers of removed files are used again. */
static size_t disk_find(const disk *d, uint64_t inode)
{
    for (size_t i = d->nodes_count; i--;)
        if (d->nodes[i]->inode == inode) return i;
    must(false, "an operation on a file that was never made");
    return ROOT;
}

static size_t entries_count(const mem_buffer *entries)
{
    return entries->size / sizeof(entry);
}

static entry *entries_find(const mem_buffer *entries, const char *name)
{
    entry *all = (entry *)(void *)entries->data;
    for (size_t i = 0; i < entries_count(entries); i++)
        if (strcmp(all[i].name, name) == 0) return &all[i];
    return NULL;
}

static void entries_remove(mem_buffer *entries, const char *name)
{
    entry *found = entries_find(entries, name);
    if (!found) return;
    *found = ((entry *)(void *)entries->data)[entries_count(entries) - 1];
    entries->size -= sizeof *found;
}

static void entries_set(mem_buffer *entries, const char *name, size_t at)
{
    entry e = {name, at};
    entries_remove(entries, name);
    must(mem_buffer_append(entries, &e, sizeof e), "out of memory");
}

static void entries_exchange(mem_buffer *entries, const char *one, const char *other)
{
    entry *first = entries_find(entries, one), *second = entries_find(entries, other);
    must(first && second, "an exchange of names that are not there");
    size_t at = first->node;
    first->node = second->node;
    second->node = at;
}

static void entries_change(mem_buffer *entries, const change *c)
{
    const char *name = (const char *)op_bytes(c->op);
    if (c->op->kind == OP_EXCHANGE) {
        entries_exchange(entries, name, name + strlen(name) + 1);
        return;
    }
    if (c->op->kind == OP_RENAME || c->op->kind == OP_REMOVE) entries_remove(entries, name);
    if (c->op->kind == OP_RENAME) name += strlen(name) + 1;
    if (c->op->kind != OP_REMOVE) entries_set(entries, name, c->node);
}

static void bytes_change(mem_buffer *bytes, const op *o)
{
    if (o->kind == OP_RESIZE)
        buffer_resize(bytes, (size_t)o->offset);
    else
        buffer_put(bytes, o->offset, op_bytes(o), o->size);
}

static void node_sync(node *n)
{
    const change *c = (const change *)(const void *)n->changes.data;
    for (size_t i = 0; i < n->changes.size / sizeof *c; i++) {
        if (n->is_directory)
            entries_change(&n->entries, &c[i]);
        else
            bytes_change(&n->bytes, c[i].op);
    }
    n->changes.size = 0;
}

static void node_add_change(node *n, const op *o, size_t at)
{
    change c = {o, at};
    must(mem_buffer_append(&n->changes, &c, sizeof c), "out of memory");
}

/* Do what was recorded. */
static void disk_apply(disk *d, const op *o)
{
    size_t at = ROOT;
    switch ((op_kind)o->kind) {
    case OP_CREATE:
    case OP_MAKE_DIRECTORY:
        at = disk_add_node(d, o->inode, o->kind == OP_MAKE_DIRECTORY);
        node_add_change(d->nodes[disk_find(d, o->directory)], o, at);
        break;
    case OP_LINK:
    case OP_RENAME:
    case OP_EXCHANGE:
        at = disk_find(d, o->inode);
        node_add_change(d->nodes[disk_find(d, o->directory)], o, at);
        break;
    case OP_REMOVE: node_add_change(d->nodes[disk_find(d, o->directory)], o, at); break;
    case OP_WRITE:
    case OP_WRITE_SYNCED:
    case OP_HOLE:
    case OP_RESIZE: node_add_change(d->nodes[disk_find(d, o->inode)], o, at); break;
    case OP_SYNC: node_sync(d->nodes[disk_find(d, o->inode)]); break;
    case OP_NOTE: break;
    }
}

/* ---------------------------------------------------------------- the cut */

/* What is kept of what was not synced. */
#define CUT_STYLES(X)                                                                              \
    X(CUT_NOTHING, "nothing")                                                                      \
    X(CUT_EVERYTHING, "everything")                                                                \
    X(CUT_BEGINNING, "the beginning")                                                              \
    X(CUT_ENTRIES, "entries only")                                                                 \
    X(CUT_CONTENT, "content only")                                                                 \
    X(CUT_SOME, "some writes")                                                                     \
    X(CUT_TORN, "some sectors")                                                                    \
    X(CUT_GARBAGE, "sectors and garbage")

typedef enum cut_style {
#define CUT_STYLE_ENUM(name, text) name,
    CUT_STYLES(CUT_STYLE_ENUM)
#undef CUT_STYLE_ENUM
        CUT_STYLES_COUNT
} cut_style;

typedef struct cut {
    cut_style style;
    const op *in_flight; /* not yet returned from; NULL: none */
    uint64_t until;      /* CUT_BEGINNING: number of the first operation that is lost */
    uint32_t odds;       /* of being kept, in 8 */
} cut;

static bool cut_keeps(const cut *c, const op *o)
{
    bool is_content = o->kind == OP_WRITE || o->kind == OP_WRITE_SYNCED || o->kind == OP_HOLE ||
                      o->kind == OP_RESIZE;
    switch (c->style) {
    case CUT_NOTHING: return false;
    case CUT_EVERYTHING: return true;
    case CUT_BEGINNING: return o->number < c->until;
    case CUT_ENTRIES: return !is_content;
    case CUT_CONTENT: return is_content;
    default: return random_below(8) < c->odds;
    }
}

/* A write reaches the page cache, and of it what the style says reaches the platter. */
static void cut_write(const cut *c, const op *o, mem_buffer *cache, mem_buffer *platter)
{
    uint64_t end = o->offset + o->size;
    uint64_t first = o->offset / SECTOR_SIZE, last = (end - 1) / SECTOR_SIZE;
    bool is_synced = o->kind == OP_WRITE_SYNCED && o != c->in_flight;
    bool is_torn = c->style == CUT_TORN || c->style == CUT_GARBAGE;
    bool keeps = is_synced || cut_keeps(c, o);
    bytes_change(cache, o);
    for (uint64_t sector = first; sector <= last; sector++) {
        size_t from = (size_t)(sector * SECTOR_SIZE), to = from + SECTOR_SIZE;
        if (to > cache->size) to = cache->size;
        if (!is_synced && is_torn) keeps = cut_keeps(c, o);
        if (keeps) {
            buffer_put(platter, from, cache->data + from, to - from);
        } else if (!is_synced && c->style == CUT_GARBAGE && first < last && random_below(2)) {
            if (platter->size < to) buffer_resize(platter, to);
            buffer_spoil(platter, from, to);
        }
    }
}

static void cut_file(const cut *c, const node *n, mem_buffer *platter)
{
    mem_buffer cache = {0};
    const change *changes = (const change *)(const void *)n->changes.data;
    size_t count = n->changes.size / sizeof *changes;
    buffer_put(platter, 0, n->bytes.data, n->bytes.size);
    if (!count) return;
    buffer_put(&cache, 0, n->bytes.data, n->bytes.size);
    for (size_t i = 0; i < count; i++) {
        const op *o = changes[i].op;
        if (o->kind != OP_RESIZE) {
            cut_write(c, o, &cache, platter);
            continue;
        }
        bytes_change(&cache, o);
        if (cut_keeps(c, o)) bytes_change(platter, o);
    }
    size_t size = platter->size;
    bool may_grow = c->style != CUT_NOTHING && c->style != CUT_EVERYTHING;
    if (may_grow && size < cache.size && random_below(2)) {
        buffer_resize(platter, cache.size);
        if (c->style == CUT_GARBAGE) buffer_spoil(platter, size, platter->size);
    }
    mem_buffer_free(&cache);
}

static void cut_directory(const cut *c, const node *n, mem_buffer *entries)
{
    const change *changes = (const change *)(const void *)n->changes.data;
    buffer_put(entries, 0, n->entries.data, n->entries.size);
    for (size_t i = 0; i < n->changes.size / sizeof *changes; i++)
        if (cut_keeps(c, changes[i].op)) entries_change(entries, &changes[i]);
}

/* What is on the disk after a cut: a new disk with nothing unsynced. */
static disk *disk_cut(const disk *d, const cut *c)
{
    disk *after = disk_create(0);
    after->nodes[ROOT]->is_directory = true;
    for (size_t i = 0; i < d->nodes_count; i++) {
        const node *n = d->nodes[i];
        if (i) (void)disk_add_node(after, 0, n->is_directory);
        if (n->is_directory)
            cut_directory(c, n, &after->nodes[i]->entries);
        else
            cut_file(c, n, &after->nodes[i]->bytes);
    }
    return after;
}

/* ---------------------------------------------------------------- to and from real directories */

static void store_file(const char *path, const void *bytes, size_t size)
{
    os_file file;
    mv_error error;
    mv_err err = os_create(path, &file, &error);
    if (!err) err = os_write_at(file, bytes, size, 0, path, &error);
    must(!err, error.text);
    os_close(file);
}

/* A lock file is not synced and was mapped: anything may be in it. */
static void store_lock(const char *directory, const char *name)
{
    char path[OS_PATH_SIZE];
    mem_buffer bytes = {0};
    uint32_t kind = random_below(3);
    if (!kind) return;
    must(!os_join(path, directory, name, NULL), "a path is too long");
    buffer_resize(&bytes, random_below(LOCK_SIZE_MAX));
    if (kind == 1) buffer_spoil(&bytes, 0, bytes.size);
    store_file(path, bytes.data, bytes.size);
    mem_buffer_free(&bytes);
}

/* The machine has been started again since this mark was written: its boot id is another one. */
static void start_again(mem_buffer *mark)
{
    char now[64] = {0};
    must(!os_boot_id(now, NULL), "no boot id");
    mark->data[0] = now[0] == '0' ? '1' : '0';
}

/* A file that has two names, as a backup makes them, stays one file. */
static void store_node(node *n, const char *path)
{
    if (n->stored[0]) {
        must(!os_link_or_copy(n->stored, path, NULL), "cannot link a file");
        return;
    }
    must(strlen(path) < sizeof n->stored, "a path is too long");
    memcpy(n->stored, path, strlen(path) + 1);
    store_file(path, n->bytes.data, n->bytes.size);
    n->inode = inode_of_path(path);
}

static void store_directory(disk *d, size_t at, const char *path)
{
    const mem_buffer *entries = &d->nodes[at]->entries;
    const entry *all = (const entry *)(const void *)entries->data;
    d->nodes[at]->inode = inode_of_path(path);
    for (size_t i = 0; i < entries_count(entries); i++) {
        char below[OS_PATH_SIZE];
        node *n = d->nodes[all[i].node];
        must(!os_join(below, path, all[i].name, NULL), "a path is too long");
        if (n->is_directory) {
            must(!os_make_directory(below, NULL), "cannot make a directory");
            store_directory(d, all[i].node, below);
            continue;
        }
        if (!strcmp(all[i].name, DISK_UNSYNCED) && n->bytes.size) start_again(&n->bytes);
        store_node(n, below);
    }
    if (entries_find(entries, DISK_CATALOG)) {
        store_lock(path, DISK_LOCK);
        store_lock(path, DISK_WRITERS);
    }
}

/* Write the disk into an empty directory. Its numbers of files become those of that directory, so
 * that what is done there can be applied to it. */
static void disk_store(disk *d, const char *path)
{
    for (size_t i = 0; i < d->nodes_count; i++) d->nodes[i]->stored[0] = 0;
    store_directory(d, ROOT, path);
}

typedef struct listing {
    const disk *d;
    size_t node;
    const char *path;
    size_t found;
} listing;

static bool file_is(const char *path, const mem_buffer *bytes)
{
    os_file file;
    uint64_t size;
    const void *mapped;
    if (os_open_read(path, &file, &size, NULL)) return false;
    bool same = size == bytes->size && !os_map(file, (size_t)size, &mapped, path, NULL);
    if (same) {
        same = !size || memcmp(mapped, bytes->data, bytes->size) == 0;
        os_unmap(mapped, (size_t)size);
    }
    os_close(file);
    return same;
}

static mv_err compare_entry(void *ctx, const char *name, mv_error *error)
{
    listing *l = ctx;
    char path[OS_PATH_SIZE];
    if (!strcmp(name, DISK_LOCK) || !strcmp(name, DISK_WRITERS)) return MV_OK;
    MV_TRY(os_join(path, l->path, name, error));
    const entry *known = entries_find(&l->d->nodes[l->node]->entries, name);
    if (!known) return error_set(error, MV_MISUSE, "'%s' is not on the disk", path);
    l->found++;
    const node *n = l->d->nodes[known->node];
    if (!n->is_directory)
        return file_is(path, &n->bytes)
                   ? MV_OK
                   : error_set(error, MV_MISUSE, "'%s' was not written that way", path);
    listing below = {l->d, known->node, path, 0};
    MV_TRY(os_each_entry(path, compare_entry, &below, error));
    return below.found == entries_count(&n->entries)
               ? MV_OK
               : error_set(error, MV_MISUSE, "files of '%s' are missing", path);
}

/* The record misses nothing when the disk, everything kept, is what the directory is. */
static void disk_compare(const disk *d, const char *path)
{
    mv_error error;
    listing l = {d, ROOT, path, 0};
    must(!os_each_entry(path, compare_entry, &l, &error), error.text);
    must(l.found == entries_count(&d->nodes[ROOT]->entries), "directories are missing");
}

#endif
