/* Images: one commit as a list of files, which is what a backup or a dump of it has. */
#ifndef MV_IMAGE_H
#define MV_IMAGE_H

#include "open/snapshot.h"

typedef struct image_file {
    char name[SEGMENT_FILE_NAME_SIZE];
    const uint8_t *bytes; /* NULL: an index that could not be opened, although its file may exist */
    uint64_t size;
} image_file;

typedef struct image { /* starts as zeros */
    mem_buffer files;  /* image_file each, without the catalog */
    snapshot pin;      /* keeps the files; closed for an image that is not of an engine */
    view *v;           /* likewise, of the commit */
} image;

/* Make an image of the last commit of an engine. The compact copy of its catalog is written,
 * synced, to the new file `catalog_path`. In memory it waits for writers, at most `seconds`, and
 * then answers MV_BUSY. */
mv_err image_open(engine *e, double seconds, const char *catalog_path, image *out, mv_error *error);
/* All zeros are fine. */
void image_close(image *im);
mv_err image_add(image *im, const char *name, const void *bytes, uint64_t size, mv_error *error);
const image_file *image_files(const image *im, uint32_t *count);

#endif
