/* read_bandwidth FILE: how fast one core of this machine reads, in GB/s (10^9 bytes).
 *
 * Reads every byte of FILE, mapped as an index would map it, and of anonymous memory of the same
 * size with huge pages, by several loops of wide loads whose sums cost less than the loads. Which
 * loop is fastest depends on the prefetchers of the machine, so all are tried. Prints "mapped GB/s"
 * and "anonymous GB/s", each the best of all loops and REPEATS passes. */
#include "mapped_file.h"

#include <stdint.h>
#include <string.h>
#include <time.h>

#define REPEATS 3

typedef uint64_t lanes __attribute__((vector_size(64))); /* one AVX-512 register, or two of AVX2 */

#define LINES_AT_ONCE 16 /* a KB per iteration: enough loads in flight, few enough registers */

static lanes read_straight(const lanes *p, size_t count)
{
    lanes sum[8] = {{0}};
    for (size_t i = 0; i + LINES_AT_ONCE <= count; i += LINES_AT_ONCE) {
        for (size_t k = 0; k < LINES_AT_ONCE; k++) sum[k % 8] += p[i + k];
    }
    return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

static inline lanes read_prefetching(const lanes *p, size_t count, size_t lines_ahead)
{
    lanes sum[8] = {{0}};
    for (size_t i = 0; i + LINES_AT_ONCE <= count; i += LINES_AT_ONCE) {
        for (size_t k = 0; k < LINES_AT_ONCE; k++) {
            __builtin_prefetch(p + i + k + lines_ahead, 0, 3);
            sum[k % 8] += p[i + k];
        }
    }
    return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

static lanes read_ahead_2k(const lanes *p, size_t count)
{
    return read_prefetching(p, count, 32);
}
static lanes read_ahead_8k(const lanes *p, size_t count)
{
    return read_prefetching(p, count, 128);
}

/* Several streams at a distance: the hardware prefetches each of them separately. */
static inline lanes read_streams(const lanes *p, size_t count, size_t streams)
{
    lanes sum[8] = {{0}};
    size_t stride = count / streams;
    for (size_t i = 0; i + 4 <= stride; i += 4) {
        for (size_t s = 0; s < streams; s++) {
            for (size_t k = 0; k < 4; k++) sum[(s + k) % 8] += p[s * stride + i + k];
        }
    }
    return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

static lanes read_two(const lanes *p, size_t count)
{
    return read_streams(p, count, 2);
}
static lanes read_four(const lanes *p, size_t count)
{
    return read_streams(p, count, 4);
}

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double best_rate(const void *bytes, size_t size)
{
    static lanes (*const loops[])(const lanes *, size_t) = {read_straight, read_ahead_2k,
                                                            read_ahead_8k, read_two, read_four};
    double best = 0;
    for (int repeat = 0; repeat <= REPEATS; repeat++) { /* the first one is to warm up */
        for (size_t i = 0; i < sizeof loops / sizeof *loops; i++) {
            double begin = seconds();
            uint64_t sum = loops[i](bytes, size / sizeof(lanes))[0];
            __asm__ volatile("" : : "r"(sum)); /* the compiler must assume that it is used */
            double rate = (double)size / (seconds() - begin) / 1e9;
            if (repeat && rate > best) best = rate;
        }
    }
    return best;
}

int main(int argc, char **argv)
{
    if (argc != 2) return fprintf(stderr, "usage: read_bandwidth FILE\n"), 2;
    size_t size;
    const void *file = mapped_file(argv[1], &size);
    printf("mapped %.3f\n", best_rate(file, size));

    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return perror("read_bandwidth"), 1;
    madvise(memory, size, MADV_HUGEPAGE);
    memcpy(memory, file, size);
    printf("anonymous %.3f\n", best_rate(memory, size));
    return 0;
}
