/* Simple case folding: a sample of characters, what holds for all of them, and every character of
 * CaseFolding.txt where Debian's unicode-data is installed, in the version of the table. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "query/filter_tree.h"
#include "test/expect.h"

#define CODE_POINT_MAX    0x10FFFFu
#define IS_SURROGATE(c)   ((c) >= 0xD800 && (c) <= 0xDFFF)
#define CASE_FOLDING_FILE "/usr/share/unicode/CaseFolding.txt"
#define CASE_FOLDING_HEAD                                                                          \
    "# CaseFolding-15.0.0.txt\n" /* Unicode 15.1 folds three more characters */

static void test_sample(void)
{
    static const uint32_t SAMPLE[][2] = {
        {'@', '@'},         {'A', 'a'},           {'Z', 'z'},         {'[', '['},
        {'a', 'a'},         {0xB5, 0x3BC},        {0xC0, 0xE0},       {0xD6, 0xF6},
        {0xD7, 0xD7},       {0xDE, 0xFE},         {0xDF, 0xDF},       {0x100, 0x101},
        {0x101, 0x101},     {0x12E, 0x12F},       {0x130, 0x130},     {0x131, 0x131},
        {0x178, 0xFF},      {0x17F, 's'},         {0x1C4, 0x1C6},     {0x1C5, 0x1C6},
        {0x23A, 0x2C65},    {0x345, 0x3B9},       {0x391, 0x3B1},     {0x3A3, 0x3C3},
        {0x3C2, 0x3C3},     {0x410, 0x430},       {0x42F, 0x44F},     {0x531, 0x561},
        {0x10A0, 0x2D00},   {0x13A0, 0x13A0},     {0x13F8, 0x13F0},   {0x1C90, 0x10D0},
        {0x1E9E, 0xDF},     {0x1F88, 0x1F80},     {0x2126, 0x3C9},    {0x212A, 'k'},
        {0x212B, 0xE5},     {0x24B6, 0x24D0},     {0xA64A, 0xA64B},   {0xAB70, 0x13A0},
        {0xFF21, 0xFF41},   {0x10400, 0x10428},   {0x1E900, 0x1E922}, {0x1E921, 0x1E943},
        {0x1F600, 0x1F600}, {0x10FFFF, 0x10FFFF},
    };
    for (size_t i = 0; i < sizeof SAMPLE / sizeof *SAMPLE; i++) {
        uint32_t found = filter_fold_character(SAMPLE[i][0]);
        bool is_right = found == SAMPLE[i][1];
        EXPECT(is_right);
        if (!is_right) printf("    U+%04X becomes U+%04X\n", SAMPLE[i][0], found);
    }
}

static size_t utf8_size(uint32_t c)
{
    return c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
}

/* What is folded stays as it is, and takes at most half as many bytes more. */
static void test_all(void)
{
    uint32_t changing = 0, returning = 0, growing = 0;
    for (uint32_t c = 0; c <= CODE_POINT_MAX; c++) {
        uint32_t folded = filter_fold_character(c);
        changing += filter_fold_character(folded) != folded;
        returning += folded > CODE_POINT_MAX || IS_SURROGATE(folded) != IS_SURROGATE(c);
        growing += utf8_size(folded) > FILTER_FOLD_SIZE_MAX(utf8_size(c));
    }
    EXPECT(changing == 0);
    EXPECT(returning == 0);
    EXPECT(growing == 0);
}

/* The file behind its first line; NULL where there is none of the table's version. */
static FILE *open_case_folding(void)
{
    char line[sizeof CASE_FOLDING_HEAD];
    FILE *file = fopen(CASE_FOLDING_FILE, "r");
    if (file && fgets(line, sizeof line, file) && strcmp(line, CASE_FOLDING_HEAD) == 0) return file;
    printf("%s is missing or of another version: not compared\n", CASE_FOLDING_FILE);
    if (file) (void)fclose(file);
    return NULL;
}

static void test_file(FILE *file)
{
    char line[512];
    uint32_t at = 0, lines = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
        char status, *end = line;
        unsigned long from = strtoul(line, &end, 16);
        if (end == line || *end != ';' || from > CODE_POINT_MAX) continue;
        status = end[2];
        if (status != 'C' && status != 'S') continue;
        for (; at < from; at++) wrong += filter_fold_character(at) != at;
        wrong += filter_fold_character(at++) != strtoul(end + 5, NULL, 16);
        lines++;
    }
    for (; at <= CODE_POINT_MAX; at++) wrong += filter_fold_character(at) != at;
    EXPECT(lines > 1000);
    EXPECT(wrong == 0);
}

static void check_text(int line, const char *text, size_t size, const char *wanted)
{
    uint8_t out[64];
    mv_assert(FILTER_FOLD_SIZE_MAX(size) <= sizeof out);
    size_t found = filter_fold_text((const uint8_t *)text, size, out);
    bool is_right = found == strlen(wanted) && memcmp(out, wanted, found) == 0;
    if (!expect(is_right, wanted, __FILE__, line)) printf("    got %.*s\n", (int)found, out);
}
#define CHECK_TEXT(text, wanted) check_text(__LINE__, text, sizeof(text) - 1, wanted)

/* Bytes that are not UTF-8 stay, wherever they are, and so does the ASCII around them. */
static void test_texts(void)
{
    CHECK_TEXT("", "");
    CHECK_TEXT("AZaz@[`{09_", "azaz@[`{09_");
    CHECK_TEXT("SIXTEEN BYTES OR MORE, BEFORE \xC3\x89", "sixteen bytes or more, before \xC3\xA9");
    CHECK_TEXT("ABC \xC3\x89 AND SIXTEEN BYTES BEHIND", "abc \xC3\xA9 and sixteen bytes behind");
    CHECK_TEXT("\xE2\x84\xAA\xC8\xBA", "k\xE2\xB1\xA5"); /* sizes change */
    CHECK_TEXT("A\xC3Z", "a\xC3z");
    CHECK_TEXT("\x89\xFFQ\xC3", "\x89\xFFq\xC3");
    CHECK_TEXT("\xF0\x90\x90", "\xF0\x90\x90");                 /* cut */
    CHECK_TEXT("\xF0\x90\x90\x80", "\xF0\x90\x90\xA8");         /* whole */
    CHECK_TEXT("\xC1\x81\xED\xA0\x80", "\xC1\x81\xED\xA0\x80"); /* overlong A, a surrogate */
}

int main(void)
{
    FILE *file = open_case_folding();
    RUN(test_sample());
    RUN(test_all());
    if (file) RUN(test_file(file));
    RUN(test_texts());
    if (file) (void)fclose(file);
    return tests_conclude();
}
