/* CPU detection; no other file does it. cpuid says what the processor has. xgetbv says whether the
 * operating system saves the wide registers when it switches threads. Wide instructions may run
 * only if both agree. */
#include "vector/cpu.h"

#ifdef CPU_X86

#include <cpuid.h>

enum {
    LEAF1_ECX_FMA = 1u << 12,
    LEAF1_ECX_OSXSAVE = 1u << 27, /* xgetbv may be used */
    LEAF1_ECX_AVX = 1u << 28,
    LEAF1_ECX_F16C = 1u << 29,
    LEAF7_EBX_AVX2 = 1u << 5,
    LEAF7_ECX_AVX512VNNI = 1u << 11,
};
#define LEAF7_EBX_AVX512 (1u << 16 | 1u << 17 | 1u << 30 | 1u << 31) /* F, DQ, BW, VL */
#define XCR0_AVX         0x06u                                       /* SSE and AVX registers */
#define XCR0_AVX512      0xe6u /* these, mask registers, and all bits of the 32 512-bit registers */

static bool has_all(uint32_t bits, uint32_t wanted)
{
    return (bits & wanted) == wanted;
}

/* The registers that the operating system saves, as bits of XCR0; 0 if xgetbv is not enabled. */
static uint32_t saved_registers(void)
{
    uint32_t eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !has_all(ecx, LEAF1_ECX_OSXSAVE)) return 0;
    __asm__("xgetbv" : "=a"(eax), "=d"(edx) : "c"(0));
    return eax;
}

bool cpu_has_avx2(void)
{
    uint32_t eax, ebx, ecx, edx;
    if (!has_all(saved_registers(), XCR0_AVX)) return false;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx)) return false;
    if (!has_all(ecx, LEAF1_ECX_FMA | LEAF1_ECX_AVX | LEAF1_ECX_F16C)) return false;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && has_all(ebx, LEAF7_EBX_AVX2);
}

bool cpu_has_avx512(void)
{
    uint32_t eax, ebx, ecx, edx;
    if (!cpu_has_avx2() || !has_all(saved_registers(), XCR0_AVX512)) return false;
    return __get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) && has_all(ebx, LEAF7_EBX_AVX512) &&
           has_all(ecx, LEAF7_ECX_AVX512VNNI);
}

#endif
