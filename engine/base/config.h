/* Everything that differs between compilers and machines. No other file tests for a compiler. */
#ifndef MV_CONFIG_H
#define MV_CONFIG_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#ifdef __MINGW32__ /* there, "printf" means that of an old Windows, without %zu */
#define MV_PRINTF(format_at, args_at) __attribute__((format(gnu_printf, format_at, args_at)))
#else
#define MV_PRINTF(format_at, args_at) __attribute__((format(printf, format_at, args_at)))
#endif
#define MV_LIKELY(x)   __builtin_expect(!!(x), 1)
#define MV_UNLIKELY(x) __builtin_expect(!!(x), 0)
/* For functions that only prefetch: to GCC these have no effect, and it drops calls of them. */
#define MV_ALWAYS_INLINE     inline __attribute__((always_inline))
#define MV_PREFETCH(address) __builtin_prefetch(address)
#define MV_POPCOUNT(x)       ((uint32_t)__builtin_popcountll(x))
#define MV_LOWEST_BIT(x)     ((uint32_t)__builtin_ctzll(x))
#define MV_REVERSE_BYTES(x)  __builtin_bswap64(x)
#else
#error "moonvec needs gcc or clang"
#endif

#if !defined(__BYTE_ORDER__) || __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "moonvec maps its files and reads them in place: they are little-endian, this machine is not"
#endif

#if defined(__i386__) && !defined(__SSE2_MATH__)
#error "moonvec needs floats of their own precision: compile with -msse2 -mfpmath=sse"
#endif

/* Assert something about our own code, never about input or files: what a caller promises, what a
 * function guarantees. Assertions are on in debug builds, tests, sanitizers and fuzzers. In other
 * builds the condition is compiled, but not evaluated. */
#ifdef MV_ASSERTIONS
#define mv_assert(condition) assert(condition)
#else
#define mv_assert(condition) ((void)sizeof((condition) ? 1 : 0))
#endif

#endif
