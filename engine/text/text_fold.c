/* Folding words. Of the two files that know utf8proc (the other is text_character.c).
 *
 * What a word becomes: Unicode's NFKC_Casefold, which folds case fully (ß is ss), replaces
 * compatibility forms (ﬁ is fi, Ａ is a), removes characters that are not shown, and composes. Then
 * accents go: marks of Latin, Greek, Cyrillic, Hebrew and Arabic letters, and the strokes and
 * ligatures of Latin letters that Unicode does not decompose (FOLD_LETTERS). Vowel signs and other
 * marks of Indic scripts, of Thai, and the voicing marks of Japanese make other words and stay.
 *
 * Most letters of one or two bytes become one character, which is looked up in a table. A word with
 * any other character takes the long way. */
#ifdef MV_HAVE_UTF8PROC
#include <utf8proc.h>
#endif

#include "text/text.h"
#include "text/text_fold.h"
#include "text/text_utf8.h"

/* ---------------------------------------------------------------- the library */

#define FOLD_PARTS 24 /* code points of one that is decomposed: at most 18 (U+FDFA) */

#ifdef MV_HAVE_UTF8PROC

bool text_fold_is_built(void)
{
    return true;
}

/* Fold and decompose a character. Returns the number of its parts. */
static uint32_t decompose_folded(int32_t c, int32_t parts[FOLD_PARTS])
{
    int last_class = 0;
    utf8proc_ssize_t count = utf8proc_decompose_char(
        c, parts, FOLD_PARTS,
        UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE, &last_class);
    return count < 0 || count > FOLD_PARTS ? 0 : (uint32_t)count;
}

static uint32_t compose_points(int32_t *points, uint32_t count)
{
    utf8proc_ssize_t composed = utf8proc_normalize_utf32(points, (utf8proc_ssize_t)count,
                                                         UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    return composed < 0 ? 0 : (uint32_t)composed;
}

static int combining_class(int32_t c)
{
    return utf8proc_get_property(c)->combining_class;
}

static int category_of(int32_t c)
{
    return (int)utf8proc_category(c);
}

#else /* text_analyzer_make has refused what would come here */

enum {
    UTF8PROC_CATEGORY_LU,
    UTF8PROC_CATEGORY_LT,
    UTF8PROC_CATEGORY_MN,
    UTF8PROC_CATEGORY_ME,
    UTF8PROC_CATEGORY_ND,
    UTF8PROC_CATEGORY_NO
};

bool text_fold_is_built(void)
{
    return false;
}

static uint32_t decompose_folded(int32_t c, int32_t parts[FOLD_PARTS])
{
    parts[0] = c;
    return 1;
}

static uint32_t compose_points(int32_t *points, uint32_t count)
{
    (void)points;
    return count;
}

static int combining_class(int32_t c)
{
    (void)c;
    return 0;
}

static int category_of(int32_t c)
{
    (void)c;
    return -1;
}

#endif

bool text_fold_is_mark(int32_t code_point)
{
    int category = category_of(code_point);
    return category >= UTF8PROC_CATEGORY_MN && category <= UTF8PROC_CATEGORY_ME;
}

bool text_fold_is_upper(int32_t code_point)
{
    int category = category_of(code_point);
    return category == UTF8PROC_CATEGORY_LU || category == UTF8PROC_CATEGORY_LT;
}

bool text_fold_is_number(int32_t code_point)
{
    int category = category_of(code_point);
    return category >= UTF8PROC_CATEGORY_ND && category <= UTF8PROC_CATEGORY_NO;
}

/* ---------------------------------------------------------------- what goes */

#define FOLD_TATWEEL 0x640 /* stretches Arabic words, and means nothing */

/* Marks that are accents, and the tatweel. */
static const uint16_t FOLD_ACCENTS[][2] = {
    {0x300, 0x36F},   {0x483, 0x489},   {0x591, 0x5BD},
    {0x5BF, 0x5BF},   {0x5C1, 0x5C2},   {0x5C4, 0x5C5},
    {0x5C7, 0x5C7},   {0x610, 0x61A},   {FOLD_TATWEEL, FOLD_TATWEEL},
    {0x64B, 0x65F},   {0x670, 0x670},   {0x6D6, 0x6DC},
    {0x6DF, 0x6E4},   {0x6E7, 0x6E8},   {0x6EA, 0x6ED},
    {0x1AB0, 0x1AFF}, {0x1DC0, 0x1DFF}, {0x20D0, 0x20FF},
    {0xFE20, 0xFE2F},
};

static bool is_accent(int32_t c)
{
    if (c < FOLD_ACCENTS[0][0]) return false;
    for (size_t i = 0; i < sizeof FOLD_ACCENTS / sizeof *FOLD_ACCENTS; i++)
        if (c <= FOLD_ACCENTS[i][1]) return c >= FOLD_ACCENTS[i][0];
    return false;
}

/* Letters that have no decomposition, and what is typed for them. Both forms are folded. */
static const struct {
    uint16_t from;
    char to[3];
} FOLD_LETTERS[] = {
    {0xE6, "ae"}, {0xF0, "d"},  {0xF8, "o"},  {0xFE, "th"},  {0x111, "d"},
    {0x127, "h"}, {0x131, "i"}, {0x142, "l"}, {0x153, "oe"}, {0x167, "t"},
};

/* The letters that `c` becomes when accents go, or NULL. */
static const char *letters_of(int32_t c)
{
    if (c < FOLD_LETTERS[0].from) return NULL;
    for (size_t i = 0; i < sizeof FOLD_LETTERS / sizeof *FOLD_LETTERS; i++)
        if (c == FOLD_LETTERS[i].from) return FOLD_LETTERS[i].to;
    return NULL;
}

/* Is it an apostrophe as it is printed, or the letter that looks like one? */
static bool is_apostrophe(int32_t c)
{
    return c == 0x2018 || c == 0x2019 || c == 0x2BC;
}

static int32_t letter_of_language(const text_fold *fold, int32_t c)
{
    for (const text_letter *letter = fold->letters; letter && letter->from; letter++)
        if (c == letter->from) return letter->to;
    return c;
}

/* ---------------------------------------------------------------- the long way */

/* Put marks behind one character into the order of their classes (canonical ordering). */
static void order_marks(int32_t *points, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        int32_t mark = points[i];
        int order = combining_class(mark);
        uint32_t to = i;
        for (; order > 0 && to > 0 && combining_class(points[to - 1]) > order; to--)
            points[to] = points[to - 1];
        points[to] = mark;
    }
}

/* Fold one character to the end of points[count..]. Returns how many there are then. */
static uint32_t fold_character(const text_fold *fold, int32_t c, bool keeps_accents,
                               int32_t *points, uint32_t count)
{
    int32_t parts[FOLD_PARTS];
    uint32_t parts_count = decompose_folded(letter_of_language(fold, c), parts);
    for (uint32_t i = 0; i < parts_count; i++) {
        int32_t part = is_apostrophe(parts[i]) ? '\'' : parts[i];
        const char *letters = keeps_accents ? NULL : letters_of(part);
        if (letters) {
            for (; *letters; letters++) points[count++] = *letters;
        } else if (keeps_accents ? part != FOLD_TATWEEL : !is_accent(part)) {
            points[count++] = part;
        }
    }
    return count;
}

static uint32_t fold_points(const text_fold *fold, const uint8_t *text, uint32_t size,
                            bool keeps_accents, int32_t points[TEXT_FOLD_POINTS])
{
    uint32_t count = 0, bytes;
    for (uint32_t at = 0; at < size && count <= TEXT_FOLD_POINTS - 2 * FOLD_PARTS; at += bytes) {
        uint32_t c = text_utf8_decode(text, size, at, &bytes);
        if (c != TEXT_UTF8_INVALID)
            count = fold_character(fold, (int32_t)c, keeps_accents, points, count);
    }
    order_marks(points, count);
    return compose_points(points, count);
}

uint32_t text_fold_points(const text_fold *fold, const uint8_t *text, uint32_t size,
                          int32_t points[TEXT_FOLD_POINTS])
{
    return fold_points(fold, text, size, false, points);
}

static uint32_t fold_long_way(const text_fold *fold, const uint8_t *text, uint32_t size,
                              bool keeps_accents, uint8_t *out)
{
    int32_t points[TEXT_FOLD_POINTS];
    uint32_t count = fold_points(fold, text, size, keeps_accents, points), used = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t bytes[4];
        if (points[i] == ' ') continue; /* some compatibility forms of letters contain one */
        uint32_t bytes_count = text_utf8_encode((uint32_t)points[i], bytes);
        if (used + bytes_count > TEXT_TERM_MAX) break;
        for (uint32_t b = 0; b < bytes_count; b++) out[used++] = bytes[b];
    }
    return used;
}

/* ---------------------------------------------------------------- the short way */

void text_fold_make(text_fold *fold, const text_letter *letters)
{
    fold->letters = letters;
    for (int keeps_accents = 0; keeps_accents < 2; keeps_accents++) {
        for (uint32_t c = 0; c < TEXT_FOLD_SIMPLE_END; c++) {
            int32_t points[2 * FOLD_PARTS];
            uint32_t count = fold_character(fold, (int32_t)c, keeps_accents, points, 0);
            if (count > 1) count = compose_points(points, count);
            bool is_simple = count == 1 && points[0] < 0xFFFF && !text_fold_is_mark((int32_t)c);
            fold->simple[keeps_accents][c] = is_simple ? (uint16_t)points[0] : 0;
        }
    }
}

uint32_t text_fold_word(const text_fold *fold, const uint8_t *text, uint32_t size,
                        bool keeps_accents, uint8_t *out)
{
    const uint16_t *simple = fold->simple[keeps_accents];
    uint32_t used = 0, bytes;
    for (uint32_t at = 0; at < size; at += bytes) {
        uint32_t c = text_utf8_decode(text, size, at, &bytes);
        uint32_t folded = c < TEXT_FOLD_SIMPLE_END ? simple[c] : 0;
        if (!folded) return fold_long_way(fold, text, size, keeps_accents, out);
        if (used + 3 > TEXT_TERM_MAX) { /* rare: does exactly this character fit? */
            uint8_t last[4];
            if (used + text_utf8_encode(folded, last) > TEXT_TERM_MAX) break;
        }
        if (folded < 0x80)
            out[used++] = (uint8_t)folded;
        else
            used += text_utf8_encode(folded, out + used);
    }
    return used;
}
