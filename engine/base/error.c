/* Error texts and codes. */
#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static_assert(2 * ERROR_QUOTE_SIZE < MV_ERROR_TEXT_SIZE, "two quotes fit in an error text");
static_assert(ERROR_QUOTE_SIZE == MV_QUOTE_SIZE, "the size that moonvec.h promises");

const char *mv_err_name(mv_err err)
{
    switch (err) {
    case MV_OK: return "ok";
#define MV_ERROR_NAME(name, number, text)                                                          \
    case name: return text;
        MV_ERRORS(MV_ERROR_NAME)
#undef MV_ERROR_NAME
    }
    return "unknown";
}

mv_err error_set(mv_error *error, mv_err code, const char *format, ...)
{
    mv_assert(code != MV_OK);
    if (!error) return code;
    error->code = code;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    return code;
}

static mv_err code_of_errno(int errno_value)
{
    switch (errno_value) {
    case ENOSPC: return MV_NO_SPACE;
#ifdef EDQUOT /* Windows has none */
    case EDQUOT: return MV_NO_SPACE;
#endif
    case ENOMEM: return MV_NO_MEMORY;
    case EROFS:
    case EACCES:
    case EPERM: return MV_READ_ONLY;
    case ENOENT: return MV_NOT_FOUND;
    case EEXIST:
    case ENOTEMPTY: return MV_EXISTS;
    default: return MV_IO;
    }
}

mv_err error_system(mv_error *error, int errno_value, const char *format, ...)
{
    mv_assert(errno_value > 0);
    mv_err code = code_of_errno(errno_value);
    if (!error) return code;
    error->code = code;
    va_list args;
    va_start(args, format);
    int used = vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof error->text)
        (void)snprintf(error->text + used, sizeof error->text - (size_t)used, ": %s",
                       strerror(errno_value));
    return code;
}

mv_err error_memory(mv_error *error, uint64_t size, const char *what)
{
    return error_set(error, MV_NO_MEMORY, "cannot get %llu bytes of memory for %s",
                     (unsigned long long)size, what);
}

mv_err error_set_forked(mv_error *error, const char *what)
{
    return error_set(error, MV_BUSY,
                     "%s is from before the process forked, the child cannot use it", what);
}

mv_err error_prefix(mv_error *error, mv_err code, const char *format, ...)
{
    mv_assert(code != MV_OK);
    if (!error) return code;
    error->code = code;
    char rest[MV_ERROR_TEXT_SIZE];
    memcpy(rest, error->text, sizeof rest);
    va_list args;
    va_start(args, format);
    int used = vsnprintf(error->text, sizeof error->text, format, args);
    va_end(args);
    if (used >= 0 && (size_t)used < sizeof error->text)
        (void)snprintf(error->text + used, sizeof error->text - (size_t)used, "%s", rest);
    return code;
}

const char *error_quote(const void *bytes, size_t size, char out[ERROR_QUOTE_SIZE])
{
    static const char hex[] = "0123456789abcdef";
    const uint8_t *from = bytes;
    size_t used = 0, shown = size < ERROR_QUOTE_BYTES ? size : ERROR_QUOTE_BYTES;
    mv_assert(bytes || size == 0);
    for (size_t i = 0; i < shown; i++) {
        if (from[i] >= ' ' && from[i] <= '~') {
            out[used++] = (char)from[i];
        } else {
            out[used++] = '\\';
            out[used++] = 'x';
            out[used++] = hex[from[i] >> 4];
            out[used++] = hex[from[i] & 15];
        }
    }
    mv_assert(used + sizeof "..." <= ERROR_QUOTE_SIZE);
    memcpy(out + used, size > shown ? "..." : "", size > shown ? 4 : 1);
    return out;
}

const char *mv_quote(const void *bytes, size_t size, char out[MV_QUOTE_SIZE])
{
    return error_quote(bytes, size, out);
}
