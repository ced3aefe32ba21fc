/* Names of numbers, nearest names, quoted names. */
#include <string.h>

#include "base/type.h"
#include "test/expect.h"

static mv_type array_of(mv_type type)
{
    return (mv_type)(MV_ARRAY | type);
}

/* Names and numbers from 0 to 255: a name leads back to its number, and no other has it. */
#define EXPECT_NAMES(TYPE, name_of, from_name, names_count)                                        \
    do {                                                                                           \
        unsigned count_ = 0;                                                                       \
        for (unsigned i_ = 0; i_ < 256; i_++) {                                                    \
            const char *name_ = name_of((TYPE)i_);                                                 \
            TYPE found_ = (TYPE)255;                                                               \
            if (!name_) continue;                                                                  \
            count_++;                                                                              \
            EXPECT(from_name(name_, strlen(name_), &found_) && found_ == (TYPE)i_);                \
            EXPECT(!from_name(name_, strlen(name_) - 1, &found_));                                 \
            EXPECT(!from_name(name_, strlen(name_) + 1, &found_) && found_ == (TYPE)i_);           \
        }                                                                                          \
        EXPECT(count_ == (names_count) && !name_of((TYPE)-1));                                     \
    } while (0)

static void test_names_of_numbers(void)
{
    mv_type type;
    EXPECT_NAMES(mv_type, mv_type_name, mv_type_from_name, 24);
    EXPECT_NAMES(mv_index_type, mv_index_name, mv_index_from_name, 6);
    EXPECT_NAMES(mv_quantize, mv_quantize_name, mv_quantize_from_name, 5);
    EXPECT(mv_type_from_name("array_uint64", 12, &type) && type == array_of(MV_UINT64));
    EXPECT(!mv_type_from_name("", 0, &type) && !mv_type_from_name("unknown", 7, &type));
    EXPECT(!mv_type_name(MV_ARRAY) && !mv_type_name(MV_VECTOR) &&
           !mv_type_name(array_of(MV_VECTOR_FP32)));
}

static void test_quote(void)
{
    char out[MV_QUOTE_SIZE], bytes[64];
    EXPECT(strcmp(mv_quote("dune", 4, out), "dune") == 0);
    EXPECT(strcmp(mv_quote("", 0, out), "") == 0);
    EXPECT(strcmp(mv_quote("a\n\0\xff", 4, out), "a\\x0a\\x00\\xff") == 0);
    memset(bytes, '\x01', sizeof bytes);
    EXPECT(strlen(mv_quote(bytes, 40, out)) == 160);
    EXPECT(strlen(mv_quote(bytes, 41, out)) == 163 && strcmp(out + 160, "...") == 0);
}

static void test_nearest_name(void)
{
    static const char *const names[] = {"topk", NULL, "offset", "filter", "args", "order_by", "id"};
    const size_t count = sizeof names / sizeof *names;
    static const struct {
        const char *given, *meant;
    } cases[] = {
        {"topK", "topk"},
        {"TOPK", "topk"},
        {"tokp", "topk"},
        {"fliter", "filter"},
        {"filtre", "filter"},
        {"ofset", "offset"},
        {"orderby", "order_by"},
        {"ids", "id"},
        {"arg", "args"},
        {"x", NULL},
        {"", NULL},
        {"embedding", NULL},
        {"xy", NULL},
        {"ordre_bby", "order_by"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *nearest = mv_nearest_name(cases[i].given, strlen(cases[i].given), names, count);
        expect(nearest == cases[i].meant ||
                   (nearest && cases[i].meant && !strcmp(nearest, cases[i].meant)),
               cases[i].given, __FILE__, __LINE__);
    }
    char long_name[66];
    memset(long_name, 'a', 65);
    long_name[65] = 0;
    const char *one[] = {long_name};
    EXPECT(!mv_nearest_name(long_name, 65, one, 1) && !mv_nearest_name(long_name, 64, one, 1));
    EXPECT(mv_nearest_name(long_name + 1, 62, (const char *[]){long_name + 1}, 1) == long_name + 1);
}

int main(void)
{
    RUN(test_names_of_numbers());
    RUN(test_nearest_name());
    RUN(test_quote());
    RUN(test_memory_is_freed(0));
    return tests_conclude();
}
