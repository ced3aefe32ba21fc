/* Reading section files. Every number of a file is checked before it is used. */
#include "storage/section_file.h"

#include <string.h>

#include "base/hash.h"
#include "base/mem.h"
#include "base/os.h"
#include "storage/section_format.h"

#define DISCARD_BYTES ((uint64_t)1 << 20) /* freed in a step: 0.15 ms */
/* Hashed in a step: about 0.3 ms where they are in memory. */
#define STEP_BYTES ((uint64_t)1 << 20)

struct section_file {
    section_file *next;   /* in a list of closed files */
    uint32_t refs;        /* references; the last one closes */
    const uint8_t *bytes; /* the mapping */
    uint64_t size;
    uint64_t discarded;         /* bytes */
    section_header header;      /* a copy, as it was at opening */
    const section_entry *table; /* inside the mapping */
    char name[SECTION_FILE_NAME_SIZE];
};

static mv_err damaged_section(const char *name, const char *what, mv_error *error)
{
    return error_set(error, MV_CORRUPT, "%s: %s", name, what);
}

static mv_err check_file_header(const section_file *f, const section_header *h, uint64_t segment,
                                uint64_t rows, const section_file_record *record, mv_error *error)
{
    if (memcmp(h->magic, SECTION_MAGIC, sizeof h->magic) != 0)
        return damaged_section(f->name, "it is not a moonvec file", error);
    if (h->format > SECTION_FORMAT)
        return error_set(error, MV_WRONG_VERSION,
                         "%s: format %u is newer than this moonvec reads (%u)", f->name,
                         (unsigned)h->format, SECTION_FORMAT);
    if (h->file_size != f->size)
        return damaged_section(f->name, "its size is not what its header says", error);
    if (h->sections > SECTIONS_MAX || h->table_offset % SECTION_ALIGN ||
        h->table_offset > f->size ||
        (f->size - h->table_offset) != h->sections * sizeof(section_entry))
        return damaged_section(f->name, "its section table is out of bounds", error);
    if (h->checksum != section_header_checksum(h, f->bytes + h->table_offset))
        return damaged_section(f->name, "the checksum of its header is wrong", error);
    if (h->checksum != record->checksum || h->kind != record->kind || h->segment != segment ||
        h->rows != rows)
        return damaged_section(f->name, "it is not the file that the catalog names", error);
    return MV_OK;
}

static mv_err check_section_table(const section_file *f, uint64_t table_offset, mv_error *error)
{
    for (uint32_t i = 0; i < f->header.sections; i++) {
        const section_entry *entry = &f->table[i];
        if (entry->offset % SECTION_ALIGN || entry->offset < sizeof(section_header) ||
            entry->offset > table_offset || entry->size > table_offset - entry->offset)
            return damaged_section(f->name, "a section is out of bounds", error);
    }
    return MV_OK;
}

mv_err section_file_open(const char *path, const char *name, uint64_t segment, uint64_t rows,
                         const section_file_record *record, section_file **out, mv_error *error)
{
    mv_err err = MV_OK;
    os_file file = OS_FILE_NONE;
    const void *bytes = NULL;
    mv_assert(strlen(name) < SECTION_FILE_NAME_SIZE);
    section_file *f = mem_alloc_zero(sizeof *f);
    if (!f) return error_memory(error, sizeof *f, "a file");
    f->refs = 1;
    strncpy(f->name, name, sizeof f->name - 1);
    if ((err = os_open_read(path, &file, &f->size, error))) {
        if (err == MV_NOT_FOUND) err = damaged_section(f->name, "the file is missing", error);
        goto done;
    }
    if (f->size != record->size || f->size < sizeof(section_header)) {
        err = error_set(error, MV_CORRUPT, "%s: it has %llu bytes, the catalog says %llu", f->name,
                        (unsigned long long)f->size, (unsigned long long)record->size);
        goto done;
    }
    if ((err = os_map(file, f->size, &bytes, path, error))) goto done;
    f->bytes = bytes;
    os_advise_random(f->bytes, f->size);
    memcpy(&f->header, f->bytes, sizeof f->header);
    if ((err = check_file_header(f, &f->header, segment, rows, record, error))) goto done;
    f->table = (const section_entry *)(const void *)(f->bytes + f->header.table_offset);
    if ((err = check_section_table(f, f->header.table_offset, error))) goto done;
    *out = f;
    f = NULL;
done:
    os_close(file);
    section_file_close(f, NULL);
    return err;
}

mv_err section_file_identify(const char *path, bool *is_ours, mv_error *error)
{
    static const uint8_t unwritten[sizeof(section_header)] = {0};
    uint8_t head[sizeof(section_header)];
    os_file file;
    uint64_t size;
    MV_TRY(os_open_read(path, &file, &size, error));
    size_t head_size = size < sizeof head ? (size_t)size : sizeof head;
    mv_err err = os_read_at(file, head, head_size, 0, path, error);
    os_close(file);
    if (err) return err;
    bool has_magic = head_size == sizeof head && !memcmp(head, SECTION_MAGIC, sizeof SECTION_MAGIC);
    *is_ours = has_magic || memcmp(head, unwritten, head_size) == 0;
    return MV_OK;
}

void section_file_close(section_file *f, section_file **closed)
{
    if (!f) return;
    mv_assert(f->refs > 0);
    if (--f->refs) return;
    f->next = closed ? *closed : NULL;
    if (closed)
        *closed = f;
    else
        section_file_unmap(f);
}

void section_file_unmap(section_file *closed)
{
    while (closed) {
        section_file *f = closed;
        closed = f->next;
        os_unmap(f->bytes, f->size);
        mem_free(f, sizeof *f);
    }
}

bool section_file_discard(section_file *f)
{
    uint64_t left = f->size - f->discarded, size = left < DISCARD_BYTES ? left : DISCARD_BYTES;
    if (!size || f->refs > 1) return false;
    os_discard(f->bytes + f->discarded, size);
    f->discarded += size;
    return true;
}

section_file *section_file_keep(section_file *f)
{
    mv_assert(f->refs > 0);
    f->refs++;
    return f;
}

section_file_record section_file_describe(const section_file *f)
{
    return (section_file_record){f->header.kind, f->header.column, f->size, f->header.checksum};
}

const char *section_file_name(const section_file *f)
{
    return f->name;
}

void section_file_read_ahead(const section_file *f)
{
    os_advise_normal(f->bytes, f->size);
}

void section_file_prefault(const section_file *f, const char *path)
{
    os_pages_prefault(f->bytes, f->size, path);
}

section section_file_find(const section_file *f, section_kind kind, uint32_t column)
{
    for (uint32_t i = 0; i < f->header.sections; i++)
        if (f->table[i].kind == (uint32_t)kind && f->table[i].column == column)
            return (section){f->bytes + f->table[i].offset, f->table[i].size};
    return (section){0};
}

const void *section_file_bytes(const section_file *f, uint64_t *size)
{
    *size = f->size;
    return f->bytes;
}

uint32_t section_file_count(const section_file *f)
{
    return f->header.sections;
}

section section_file_at(const section_file *f, uint32_t at, uint32_t *kind, uint32_t *column)
{
    mv_assert(at < f->header.sections);
    const section_entry *entry = &f->table[at];
    *kind = entry->kind;
    *column = entry->column;
    return (section){f->bytes + entry->offset, entry->size};
}

/* ---------------------------------------------------------------- verifying */

/* The file may have been damaged since it was opened: changed offsets must not be followed. */
static mv_err verify_header(const section_file *f, mv_error *error)
{
    if (memcmp(f->bytes, &f->header, sizeof f->header) == 0 &&
        f->header.checksum == section_header_checksum(&f->header, f->table))
        return MV_OK;
    return damaged_section(f->name, "its header is not what it was at opening", error);
}

static mv_err compare_checksum(const section_file *f, uint32_t at, uint64_t found, mv_error *error)
{
    const section_entry *entry = &f->table[at];
    if (found == entry->checksum) return MV_OK;
    return error_set(error, MV_CORRUPT,
                     "%s: the checksum of section %u (kind %u, column %u, at byte %llu) is wrong",
                     f->name, at, (unsigned)entry->kind, (unsigned)entry->column,
                     (unsigned long long)entry->offset);
}

/* Hash the next step of the section. *hashed is the number of bytes. */
static mv_err verify_piece(const section_file *f, section_check *check, uint64_t *hashed,
                           mv_error *error)
{
    const section_entry *entry = &f->table[check->section];
    mv_assert(check->section < f->header.sections);
    uint64_t left = entry->size - check->offset;
    *hashed = left < STEP_BYTES ? left : STEP_BYTES;
    if (!check->hash && !(check->hash = hash_stream_create()))
        return error_memory(error, sizeof(void *), "a checksum");
    if (!check->offset) hash_stream_reset(check->hash);
    hash_stream_add(check->hash, f->bytes + entry->offset + check->offset, (size_t)*hashed);
    check->offset += *hashed;
    if (check->offset < entry->size) return MV_OK;
    MV_TRY(compare_checksum(f, check->section, hash_stream_value(check->hash), error));
    check->offset = 0;
    check->section++;
    return MV_OK;
}

mv_err section_file_verify_step(const section_file *f, section_check *check, bool *more,
                                mv_error *error)
{
    uint64_t done = 0, hashed;
    *more = true;
    MV_TRY(verify_header(f, error));
    while (check->section < f->header.sections && done < STEP_BYTES) {
        MV_TRY(verify_piece(f, check, &hashed, error));
        done += hashed;
    }
    *more = check->section < f->header.sections;
    return MV_OK;
}

void section_file_check_end(section_check *check)
{
    hash_stream_free(check->hash);
    *check = (section_check){0};
}

mv_err section_file_verify(const section_file *f, mv_error *error)
{
    MV_TRY(verify_header(f, error));
    for (uint32_t i = 0; i < f->header.sections; i++) {
        const section_entry *entry = &f->table[i];
        MV_TRY(compare_checksum(f, i, hash_bytes(f->bytes + entry->offset, (size_t)entry->size, 0),
                                error));
    }
    return MV_OK;
}
