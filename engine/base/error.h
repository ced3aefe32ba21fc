/* Failing: one call fills the caller's mv_error and gives back the code to return. */
#ifndef MV_ERROR_H
#define MV_ERROR_H

#include "base/config.h"
#include "moonvec.h"

/* Fill `error` (NULL is fine) and return `code`. */
mv_err error_set(mv_error *error, mv_err code, const char *format, ...) MV_PRINTF(3, 4);

/* The same for a failed system call: appends the text of `errno_value` and chooses the code by it
 * (ENOSPC and EDQUOT: MV_NO_SPACE, ENOMEM: MV_NO_MEMORY, EROFS, EACCES and EPERM: MV_READ_ONLY,
 * ENOENT: MV_NOT_FOUND, EEXIST and ENOTEMPTY: MV_EXISTS, else MV_IO). */
mv_err error_system(mv_error *error, int errno_value, const char *format, ...) MV_PRINTF(3, 4);

/* MV_NO_MEMORY: "cannot get N bytes of memory for <what>" */
mv_err error_memory(mv_error *error, size_t size, const char *what);

/* MV_BUSY: "<what> is from before the process forked". For objects whose os_is_forked is true. */
mv_err error_set_forked(mv_error *error, const char *what);

/* Put a text before the one that `error` has (NULL is fine), give it `code` and return that. */
mv_err error_prefix(mv_error *error, mv_err code, const char *format, ...) MV_PRINTF(3, 4);

/* Bytes from outside (ids, names) made fit for a text: the first 40, other than printable ASCII as
 * \xNN, and "..." when there are more. Returns `out`. */
#define ERROR_QUOTE_SIZE (40 * 4 + 4)
const char *error_quote(const void *bytes, size_t size, char out[ERROR_QUOTE_SIZE]);

/* Forward a failure. Only where nothing has to be released. */
#define MV_TRY(expression)                                                                         \
    do {                                                                                           \
        mv_err try_err_ = (expression);                                                            \
        if (try_err_) return try_err_;                                                             \
    } while (0)

#endif
