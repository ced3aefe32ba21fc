/* Word breaks: a sample, and every line of WordBreakTest.txt where Debian's unicode-data is
 * installed, in the version of the table. */
#include <stdlib.h>

#include "test/expect.h"
#include "text/text_utf8.h"
#include "text/text_word.h"

#define WORD_BREAK_FILE "/usr/share/unicode/auxiliary/WordBreakTest.txt"
#define WORD_BREAK_HEAD "# WordBreakTest-15.0.0.txt\n"
#define SIZE_MAX_HERE   256u

/* Write the text with '|' where segments end. */
static const char *mark_breaks(const char *text, text_word_rules rules, char out[SIZE_MAX_HERE])
{
    const uint8_t *bytes = (const uint8_t *)text;
    uint32_t size = (uint32_t)strlen(text), used = 0;
    for (uint32_t at = 0; at < size;) {
        uint8_t flags;
        uint32_t end = text_word_end(bytes, size, at, rules, &flags);
        if (end <= at || end > size || used + (end - at) + 2 > SIZE_MAX_HERE) return "no progress";
        memcpy(out + used, text + at, end - at);
        used += end - at;
        out[used++] = '|';
        at = end;
    }
    out[used] = 0;
    return out;
}

static void check_breaks(int line, text_word_rules rules, const char *text, const char *wanted)
{
    char out[SIZE_MAX_HERE];
    const char *found = mark_breaks(text, rules, out);
    if (!expect(strcmp(found, wanted) == 0, wanted, __FILE__, line)) printf("    got %s\n", found);
}
#define CHECK_BREAKS(text, wanted) check_breaks(__LINE__, WORD_RULES_UNICODE, text, wanted)
#define CHECK_SEARCH(text, wanted) check_breaks(__LINE__, WORD_RULES_SEARCH, text, wanted)

static void test_sample(void)
{
    CHECK_BREAKS("I can't.", "I| |can't|.|");
    CHECK_BREAKS("3.14 1,000.5, a.b", "3.14| |1,000.5|,| |a.b|");
    CHECK_BREAKS("a:b x_1", "a:b| |x_1|");
    CHECK_BREAKS("a\r\n\nb  c", "a|\r\n|\n|b|  |c|");
    CHECK_BREAKS("漢字カタカナ", "漢|字|カタカナ|");
    CHECK_BREAKS("🇩🇪🇫🇷🇮", "🇩🇪|🇫🇷|🇮|");
    CHECK_BREAKS("👩‍👧👍🏽", "👩‍👧|👍🏽|");
    CHECK_BREAKS("א\"ב א' א\"", "א\"ב| |א'| |א|\"|");
    CHECK_BREAKS("a\xFF\xCC\x88"
                 "b\xE2\x82",
                 "a|\xFF|\xCC\x88|b|\xE2|\x82|");
}

static void test_search(void)
{
    CHECK_SEARCH("a:b", "a|:|b|");
    CHECK_SEARCH("2024년 ab한.c", "2024|년| |ab|한|.|c|");
    CHECK_SEARCH("カナ", "カ|ナ|");
}

/* One line of the file, "÷ 0001 × 0308 ÷": the text, and the text with breaks. False: a comment. */
static bool read_line(const char *line, char text[SIZE_MAX_HERE], char marked[SIZE_MAX_HERE])
{
    static const char BREAK[] = "÷", JOIN[] = "×";
    size_t text_size = 0, marked_size = 0;
    bool is_first = true;
    for (const char *at = line; *at && *at != '#';) {
        char *end;
        if (strncmp(at, BREAK, 2) == 0 || strncmp(at, JOIN, 2) == 0) {
            if (!is_first && strncmp(at, BREAK, 2) == 0) marked[marked_size++] = '|';
            is_first = false;
            at += 2;
            continue;
        }
        unsigned long c = strtoul(at, &end, 16);
        if (end != at) {
            uint32_t size = text_utf8_encode((uint32_t)c, (uint8_t *)text + text_size);
            memcpy(marked + marked_size, text + text_size, size);
            text_size += size, marked_size += size;
        }
        at = end != at ? end : at + 1;
    }
    text[text_size] = marked[marked_size] = 0;
    return text_size > 0;
}

static void test_file(FILE *file)
{
    char line[2048], text[SIZE_MAX_HERE], marked[SIZE_MAX_HERE], out[SIZE_MAX_HERE];
    int lines = 0, wrong = 0;
    while (fgets(line, sizeof line, file)) {
        if (!read_line(line, text, marked)) continue;
        lines++;
        if (strcmp(mark_breaks(text, WORD_RULES_UNICODE, out), marked) == 0) continue;
        wrong++;
        printf("    %s", line);
    }
    EXPECT(lines > 1000);
    EXPECT(wrong == 0);
}

/* The file behind its first line; NULL where there is none of the table's version. */
static FILE *open_word_breaks(void)
{
    char line[sizeof WORD_BREAK_HEAD];
    FILE *file = fopen(WORD_BREAK_FILE, "r");
    if (file && fgets(line, sizeof line, file) && strcmp(line, WORD_BREAK_HEAD) == 0) return file;
    printf("%s is missing or of another version: not compared\n", WORD_BREAK_FILE);
    if (file) (void)fclose(file);
    return NULL;
}

int main(void)
{
    FILE *file = open_word_breaks();
    RUN(test_sample());
    RUN(test_search());
    if (file) RUN(test_file(file));
    if (file) (void)fclose(file);
    return tests_conclude();
}
