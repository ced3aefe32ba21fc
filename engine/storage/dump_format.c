/* Writing the head of a dump, and verifying dumps, which may come from anywhere. */
#include "storage/dump_format.h"

#include <inttypes.h>
#include <string.h>

#include "base/hash.h"

#define MAGIC "mvdump\0" /* 8 bytes with the 0 at its end */

typedef struct dump_head {
    char magic[8];
    uint32_t format;
    uint32_t files_count;
    uint64_t size; /* of the dump */
    uint64_t checksum;
} dump_head;

static_assert(sizeof(dump_head) == 32, "the header of a dump has 32 bytes");
static_assert(sizeof MAGIC == 8, "the magic has 8 bytes");

static uint64_t aligned(uint64_t offset)
{
    return (offset + DUMP_ALIGN - 1) / DUMP_ALIGN * DUMP_ALIGN;
}

static uint64_t head_checksum(const dump_head *head, const void *entries)
{
    uint64_t seed = hash_bytes(head, offsetof(dump_head, checksum), 0);
    return hash_bytes(entries, head->files_count * sizeof(dump_file), seed);
}

size_t dump_format_head_size(uint32_t files_count)
{
    return sizeof(dump_head) + files_count * sizeof(dump_file);
}

uint64_t dump_format_write(dump_file *files, uint32_t files_count, uint8_t *out)
{
    dump_head head = {.magic = MAGIC, .format = DUMP_FORMAT, .files_count = files_count};
    mv_assert(files_count >= 1 && files_count <= DUMP_FILES_MAX);
    head.size = dump_format_head_size(files_count);
    for (uint32_t i = 0; i < files_count; i++) {
        files[i].offset = aligned(head.size);
        head.size = files[i].offset + files[i].size;
    }
    head.checksum = head_checksum(&head, files);
    memcpy(out, &head, sizeof head);
    memcpy(out + sizeof head, files, files_count * sizeof *files);
    return head.size;
}

dump_file dump_format_file(const uint8_t *bytes, uint32_t at)
{
    dump_file file;
    memcpy(&file, bytes + sizeof(dump_head) + at * sizeof file, sizeof file);
    return file;
}

/* ---------------------------------------------------------------- verifying */

static mv_err check_head(const uint8_t *bytes, size_t size, dump_head *head, mv_error *error)
{
    if (size < sizeof *head || memcmp(bytes, MAGIC, sizeof MAGIC) != 0)
        return error_set(error, MV_CORRUPT, "the dump of %zu bytes does not begin as one", size);
    memcpy(head, bytes, sizeof *head);
    if (head->format > DUMP_FORMAT)
        return error_set(error, MV_WRONG_VERSION,
                         "format %" PRIu32 " of the dump is newer than this moonvec reads (%u)",
                         head->format, DUMP_FORMAT);
    if (head->size != size)
        return error_set(error, MV_CORRUPT, "the dump has %zu bytes, its header says %" PRIu64,
                         size, head->size);
    if (head->files_count < 1 || head->files_count > DUMP_FILES_MAX ||
        dump_format_head_size(head->files_count) > size)
        return error_set(error, MV_CORRUPT, "the dump has %zu bytes, too few for %" PRIu32 " files",
                         size, head->files_count);
    if (head->format < 1 || head->checksum != head_checksum(head, bytes + sizeof *head))
        return error_set(error, MV_CORRUPT, "the checksum of the dump's header is wrong");
    return MV_OK;
}

static bool is_zero_between(const uint8_t *bytes, uint64_t from, uint64_t to)
{
    while (from < to)
        if (bytes[from++]) return false;
    return true;
}

/* Verify file `at`. *end: where the bytes before it end, then where it ends. */
static mv_err check_dumped(const uint8_t *bytes, size_t size, uint32_t at, uint64_t *end,
                           mv_error *error)
{
    dump_file file = dump_format_file(bytes, at);
    if (!memchr(file.name, 0, sizeof file.name))
        return error_set(error, MV_CORRUPT, "file %" PRIu32 " of the dump has no name", at);
    if (file.offset != aligned(*end) || file.offset > size || file.size > size - file.offset)
        return error_set(error, MV_CORRUPT,
                         "'%s' of the dump is out of bounds: %" PRIu64 " bytes at byte %" PRIu64,
                         file.name, file.size, file.offset);
    if (!is_zero_between(bytes, *end, file.offset) ||
        file.checksum != hash_bytes(bytes + file.offset, (size_t)file.size, 0))
        return error_set(error, MV_CORRUPT, "the checksum of '%s' of the dump is wrong", file.name);
    *end = file.offset + file.size;
    return MV_OK;
}

mv_err dump_format_verify(const uint8_t *bytes, size_t size, uint32_t *files_count, mv_error *error)
{
    dump_head head;
    MV_TRY(check_head(bytes, size, &head, error));
    uint64_t end = dump_format_head_size(head.files_count);
    for (uint32_t at = 0; at < head.files_count; at++)
        MV_TRY(check_dumped(bytes, size, at, &end, error));
    if (end != size)
        return error_set(error, MV_CORRUPT,
                         "the dump has %zu bytes, its files end at byte %" PRIu64, size, end);
    *files_count = head.files_count;
    return MV_OK;
}
