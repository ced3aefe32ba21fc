/* The file of last uses. It is written by pwrite, not through a mapping: in a mapped file without
 * allocated pages, a full disk would kill the process. A hit takes 0.9 us. */
#include "open/last_use.h"

#define BLOCK_SLOTS 512u

static os_file open_file(const engine *e)
{
    char path[OS_PATH_SIZE];
    os_file file = OS_FILE_NONE;
    if (e->in_memory) {
        (void)os_create_in_memory("moonvec-uses", &file, NULL);
        return file;
    }
    if (os_join(path, e->path, LAST_USE_FILE, NULL)) return OS_FILE_NONE;
    if (e->read_only) {
        (void)os_open_write(path, &file, NULL);
    } else if (!os_open_or_create(path, &file, NULL)) {
        os_owner_inherit(path, e->path);
    }
    return file;
}

/* OS_FILE_NONE: it cannot be opened. */
static os_file file_of(engine *e)
{
    int file = atomic_load(&e->last_uses);
    if (file != ENGINE_FILE_UNOPENED) return file;
    os_mutex_lock(e->mutex);
    file = atomic_load(&e->last_uses);
    if (file == ENGINE_FILE_UNOPENED) {
        file = open_file(e);
        atomic_store(&e->last_uses, file);
    }
    os_mutex_unlock(e->mutex);
    return file;
}

void last_use_note(engine *e, uint64_t docid, uint64_t count)
{
    uint64_t slots[BLOCK_SLOTS], now = (uint64_t)os_now();
    os_file file = file_of(e);
    if (file == OS_FILE_NONE) return;
    for (uint64_t i = 0; i < count && i < BLOCK_SLOTS; i++) slots[i] = now;
    while (count) {
        uint64_t at = docid % LAST_USE_SLOTS, some = LAST_USE_SLOTS - at;
        if (some > count) some = count;
        if (some > BLOCK_SLOTS) some = BLOCK_SLOTS;
        (void)os_write_at(file, slots, (size_t)some * sizeof *slots, at * sizeof *slots,
                          LAST_USE_FILE, NULL);
        docid += some;
        count -= some;
    }
}

uint64_t last_use_of(engine *e, uint64_t docid)
{
    uint64_t slot, at = docid % LAST_USE_SLOTS;
    os_file file = file_of(e);
    if (file == OS_FILE_NONE) return 0;
    return os_read_at(file, &slot, sizeof slot, at * sizeof slot, LAST_USE_FILE, NULL) ? 0 : slot;
}

void last_use_close(engine *e)
{
    int file = atomic_exchange(&e->last_uses, ENGINE_FILE_UNOPENED);
    if (file != ENGINE_FILE_UNOPENED) os_close(file);
}
