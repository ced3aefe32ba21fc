/* The files of a collection, for tests that count, copy and damage them. */
#ifndef MV_COLLECTION_FILES_H
#define MV_COLLECTION_FILES_H

#include <dirent.h>

#include "test/sample.h"

/* How many names in the directory have this in them; the last one found goes to `name`. */
static inline uint32_t files_with(const char *path, const char *part, char name[64])
{
    uint32_t count = 0;
    DIR *directory = opendir(path);
    struct dirent *entry;
    while (directory && (entry = readdir(directory))) {
        if (!strstr(entry->d_name, part)) continue;
        if (name) (void)snprintf(name, 64, "%.63s", entry->d_name);
        count++;
    }
    if (directory) (void)closedir(directory);
    return count;
}

/* Copy a collection that is not open. */
static inline void copy_collection(const char *from, const char *to)
{
    char command[512];
    remove_tree(to);
    (void)snprintf(command, sizeof command, "cp -r %s %s", from, to);
    EXPECT(system(command) == 0);
}

/* The bytes of a file of the collection. The caller frees them. */
static inline uint8_t *file_bytes(const char *path, const char *name, size_t *size)
{
    char full[512];
    (void)snprintf(full, sizeof full, "%s/%s", path, name);
    FILE *file = fopen(full, "rb");
    EXPECT(file);
    if (!file) return NULL;
    (void)fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    uint8_t *bytes = mem_alloc(*size);
    EXPECT(fread(bytes, 1, *size, file) == *size);
    (void)fclose(file);
    return bytes;
}

#endif
