/* A whole file mapped read-only with all pages present, for the C programs of the bench. */
#ifndef BENCH_MAPPED_FILE_H
#define BENCH_MAPPED_FILE_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static inline const void *mapped_file(const char *path, size_t *size)
{
    struct stat info;
    int fd = open(path, O_RDONLY);
    if (fd < 0 || fstat(fd, &info)) return perror(path), exit(1), NULL;
    *size = (size_t)info.st_size;
    const void *bytes = mmap(NULL, *size, PROT_READ, MAP_SHARED | MAP_POPULATE, fd, 0);
    if (bytes == MAP_FAILED) return perror(path), exit(1), NULL;
    close(fd);
    return bytes;
}

#endif
