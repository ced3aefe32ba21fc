/* Writing section files: bytes go through one buffer, and are hashed on the way. */
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/os.h"
#include "storage/section_file.h"
#include "storage/section_format.h"

#define BUFFER_SIZE ((size_t)1 << 20) /* bytes; chosen */

struct section_writer {
    section_header header;
    os_file file;
    bool in_memory;
    bool writes_behind; /* see section_writer_write_behind */
    bool finished;      /* it has its name */
    char directory[OS_PATH_SIZE];
    char path[OS_PATH_SIZE];         /* of the finished file */
    char writing_path[OS_PATH_SIZE]; /* of the file until it is finished */
    hash_stream *hash;               /* of the section being written */
    uint8_t *buffer;
    size_t buffered;
    uint64_t offset;  /* in the file, of the first byte of the buffer */
    mem_buffer table; /* section_entry for each section */
    bool is_open;     /* the last section is being written */
};

/* A section file of the name was left by a process that died. Any other file is in the way. */
static mv_err check_is_ours(const char *path, mv_error *error)
{
    bool is_ours = false;
    os_kind kind;
    MV_TRY(os_look(path, &kind, error));
    if (kind == OS_NOTHING) return MV_OK;
    MV_TRY(section_file_identify(path, &is_ours, error));
    if (is_ours) return MV_OK;
    return error_set(error, MV_EXISTS,
                     "'%s' is in the way: it is not of the collection, move it elsewhere", path);
}

/* Create the file and lock it. Until it is locked, another process that collects garbage takes it
 * for the file of a dead process, and may remove it: then it is created again. Only this process
 * writes this number (I7), so a file of this name was left by a process that died. */
static mv_err create_locked(section_writer *w, const char *directory, mv_error *error)
{
    for (bool got = false; !got;) {
        os_close(w->file);
        w->file = OS_FILE_NONE;
        MV_TRY(os_remove(w->writing_path, error));
        MV_TRY(os_create(w->writing_path, &w->file, error));
        os_owner_inherit(w->writing_path, directory);
        MV_TRY(os_try_lock(w->file, &got, w->writing_path, error));
        got = got && os_is_file_at(w->file, w->writing_path);
    }
    return MV_OK;
}

mv_err section_writer_create(const char *directory, const char *name, section_file_kind kind,
                             uint32_t column, uint64_t segment, uint64_t rows, section_writer **out,
                             mv_error *error)
{
    mv_err err = MV_OK;
    section_writer *w = mem_alloc_zero(sizeof *w);
    if (!w) return error_memory(error, sizeof *w, "a file");
    w->file = OS_FILE_NONE;
    w->in_memory = directory == NULL;
    w->header = (section_header){.magic = SECTION_MAGIC,
                                 .kind = (uint32_t)kind,
                                 .format = SECTION_FORMAT,
                                 .segment = segment,
                                 .rows = rows,
                                 .column = column};
    w->offset = sizeof w->header;
    w->hash = hash_stream_create();
    w->buffer = mem_alloc(BUFFER_SIZE);
    if (!w->hash || !w->buffer) {
        err = error_memory(error, BUFFER_SIZE, "a write buffer");
        goto done;
    }
    if (w->in_memory) {
        if ((err = os_create_in_memory(name, &w->file, error))) goto done;
        char path[64];
        os_path_of_file(w->file, path);
        strncpy(w->path, path, sizeof w->path - 1);
    } else {
        char writing[SECTION_FILE_NAME_SIZE + 8];
        (void)snprintf(writing, sizeof writing, "%s.new", name);
        strncpy(w->directory, directory, sizeof w->directory - 1);
        if ((err = os_join(w->path, directory, name, error))) goto done;
        if ((err = os_join(w->writing_path, directory, writing, error))) goto done;
        if ((err = check_is_ours(w->path, error))) goto done;
        if ((err = create_locked(w, directory, error))) goto done;
    }
    *out = w;
    w = NULL;
done:
    section_writer_free(w);
    return err;
}

static mv_err write_now(section_writer *w, const void *bytes, size_t size, mv_error *error)
{
    MV_TRY(os_write_at(w->file, bytes, size, w->offset, w->path, error));
    if (w->writes_behind) os_pages_write_behind(w->file, w->offset, size);
    w->offset += size;
    return MV_OK;
}

static mv_err flush_buffer(section_writer *w, mv_error *error)
{
    mv_assert(w->buffered <= BUFFER_SIZE);
    MV_TRY(write_now(w, w->buffer, w->buffered, error));
    w->buffered = 0;
    return MV_OK;
}

static mv_err write_bytes(section_writer *w, const void *bytes, size_t size, mv_error *error)
{
    const uint8_t *from = bytes;
    mv_assert(!w->finished);
    while (size) {
        if (w->buffered == 0 && size >= BUFFER_SIZE) /* need not be copied */
            return write_now(w, from, size, error);
        size_t count = BUFFER_SIZE - w->buffered < size ? BUFFER_SIZE - w->buffered : size;
        memcpy(w->buffer + w->buffered, from, count);
        w->buffered += count;
        from += count;
        size -= count;
        if (w->buffered == BUFFER_SIZE) MV_TRY(flush_buffer(w, error));
    }
    return MV_OK;
}

static section_entry *open_entry(section_writer *w)
{
    mv_assert(w->table.size >= sizeof(section_entry));
    return (section_entry *)(void *)(w->table.data + w->table.size) - 1;
}

static void end_section(section_writer *w)
{
    if (w->is_open) open_entry(w)->checksum = hash_stream_value(w->hash);
    w->is_open = false;
}

static mv_err align(section_writer *w, mv_error *error)
{
    static const uint8_t zeros[SECTION_ALIGN] = {0};
    size_t over = (size_t)((w->offset + w->buffered) % SECTION_ALIGN);
    return over ? write_bytes(w, zeros, SECTION_ALIGN - over, error) : MV_OK;
}

mv_err section_writer_begin(section_writer *w, section_kind kind, uint32_t column, mv_error *error)
{
    end_section(w);
    MV_TRY(align(w, error));
    mv_assert((w->offset + w->buffered) % SECTION_ALIGN == 0);
    section_entry entry = {
        .kind = (uint32_t)kind, .column = column, .offset = w->offset + w->buffered};
    if (w->header.sections == SECTIONS_MAX)
        return error_set(error, MV_LIMIT, "%s: more than %u sections", w->path, SECTIONS_MAX);
    if (!mem_buffer_append(&w->table, &entry, sizeof entry))
        return error_memory(error, sizeof entry, "a section table");
    w->header.sections++;
    hash_stream_reset(w->hash);
    w->is_open = true;
    return MV_OK;
}

mv_err section_writer_add(section_writer *w, const void *bytes, size_t size, mv_error *error)
{
    mv_assert(w->is_open);
    hash_stream_add(w->hash, bytes, size);
    open_entry(w)->size += size;
    return write_bytes(w, bytes, size, error);
}

mv_err section_writer_finish(section_writer *w, bool sync, section_file_record *record,
                             mv_error *error)
{
    end_section(w);
    MV_TRY(align(w, error));
    mv_assert(w->table.size == w->header.sections * sizeof(section_entry));
    w->header.table_offset = w->offset + w->buffered;
    w->header.file_size = w->header.table_offset + w->table.size;
    w->header.checksum = section_header_checksum(&w->header, w->table.data);
    MV_TRY(write_bytes(w, w->table.data, w->table.size, error));
    MV_TRY(flush_buffer(w, error));
    MV_TRY(os_write_at(w->file, &w->header, sizeof w->header, 0, w->path, error));
    if (!w->in_memory) {
        if (sync) MV_TRY(os_sync(w->file, w->path, error));
        MV_TRY(os_rename(w->writing_path, w->path, error));
        w->finished = true;
        if (sync) MV_TRY(os_sync_directory(w->directory, error));
    }
    w->finished = true;
    mem_free(w->buffer, BUFFER_SIZE); /* the writer lives until the commit, which may be long */
    w->buffer = NULL;
    *record = (section_file_record){w->header.kind, w->header.column, w->header.file_size,
                                    w->header.checksum};
    return MV_OK;
}

void section_writer_write_behind(section_writer *w)
{
    w->writes_behind = !w->in_memory;
}

const char *section_writer_path(const section_writer *w)
{
    return w->path;
}

uint64_t section_writer_bytes(const section_writer *w)
{
    return w->offset + w->buffered;
}

void section_writer_undo(section_writer *w)
{
    if (w->in_memory || !w->writing_path[0]) return;
    (void)os_remove(w->finished ? w->path : w->writing_path, NULL);
}

void section_writer_free(section_writer *w)
{
    if (!w) return;
    if (!w->finished) section_writer_undo(w);
    os_close(w->file);
    hash_stream_free(w->hash);
    mem_free(w->buffer, BUFFER_SIZE);
    mem_buffer_free(&w->table);
    mem_free(w, sizeof *w);
}
