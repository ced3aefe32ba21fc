/* Errors. Each function fills the caller's mv_error (NULL is fine) and returns the code, so that a
 * caller can write `return error_set(...)`. None allocates memory. */
#ifndef MV_ERROR_H
#define MV_ERROR_H

#include "base/config.h"
#include "moonvec.h"

/* Fill `error` and return `code`, which is not MV_OK. */
mv_err error_set(mv_error *error, mv_err code, const char *format, ...) MV_PRINTF(3, 4);

/* The same for a failed system call: appends the text of `errno_value`, and derives the code from
 * it (ENOSPC and EDQUOT: MV_NO_SPACE, ENOMEM: MV_NO_MEMORY, EROFS, EACCES and EPERM: MV_READ_ONLY,
 * ENOENT: MV_NOT_FOUND, EEXIST and ENOTEMPTY: MV_EXISTS, else MV_IO). */
mv_err error_system(mv_error *error, int errno_value, const char *format, ...) MV_PRINTF(3, 4);

/* MV_NO_MEMORY: "cannot get N bytes of memory for <what>" */
mv_err error_memory(mv_error *error, uint64_t size, const char *what);

/* MV_BUSY: "<what> is from before the process forked". For objects whose os_is_forked is true. */
mv_err error_set_forked(mv_error *error, const char *what);

/* Put a text before the one that `error` has, set its code to `code`, and return `code`. */
mv_err error_prefix(mv_error *error, mv_err code, const char *format, ...) MV_PRINTF(3, 4);

/* mv_quote (moonvec.h), for the engine itself. */
#define ERROR_QUOTE_BYTES 40 /* chosen: enough to recognize an id, and two quotes fit in a text */
#define ERROR_QUOTE_SIZE  (ERROR_QUOTE_BYTES * 4 + 4)
const char *error_quote(const void *bytes, size_t size, char out[ERROR_QUOTE_SIZE]);

/* Return from the calling function if the expression failed. Only where nothing has to be released.
 */
#define MV_TRY(expression)                                                                         \
    do {                                                                                           \
        mv_err try_err_ = (expression);                                                            \
        if (try_err_) return try_err_;                                                             \
    } while (0)

#endif
