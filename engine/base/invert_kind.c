/* Inverted lists, to those who only name, store and describe them (index/invert.h has the lists).
 */
#include "base/index_kind.h"

const index_kind invert_kind = {
    .info = {.type = MV_INDEX_INVERT, .name = "invert", .plural = "lists", .has_files = true},
    .file_kind = 5,
    .file_ending = "invert",
    .sections_first = 32,
    .sections_count = 10,
    .schema_format = 2,
};
