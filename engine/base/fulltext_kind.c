/* The facts of the index type `text`: names, options, numbers of the format (index_kind.h). The
 * lists are in index/ranked.h. */
#include "base/index_kind.h"
#include "base/type.h"

#define TEXT_OPTION(member) offsetof(mv_index_options, as.text.member)
#define TEXT_STAT(member)   offsetof(mv_index_stats, as.text.member)

/* The bits of the doubles 0.001, 0.75, 1, 1.2 and 100. */
#define REAL_0_001 0x3f50624dd2f1a9fcu
#define REAL_0_75  0x3fe8000000000000u
#define REAL_1     0x3ff0000000000000u
#define REAL_1_2   0x3ff3333333333333u
#define REAL_100   0x4059000000000000u

static const char *const names_of_tokenizers[] = {"unicode", "code", "ngram", "whitespace", NULL};

/* As Snowball names them. The position is part of the format: new ones go to the end. */
const char *const names_of_languages[] = {
    "none",       "arabic",   "armenian", "basque",     "catalan", "danish",    "dutch",
    "english",    "finnish",  "french",   "german",     "greek",   "hindi",     "hungarian",
    "indonesian", "irish",    "italian",  "lithuanian", "nepali",  "norwegian", "porter",
    "portuguese", "romanian", "russian",  "serbian",    "spanish", "swedish",   "tamil",
    "turkish",    "yiddish",  NULL};

static const char *const names_of_positions[] = {"true", "false", NULL};

/* A stored schema has the values of the options in this order. */
static const mv_member_info text_options_list[] = {
    {"tokenizer", MV_MEMBER_WORD, TEXT_OPTION(tokenizer), names_of_tokenizers, 0, 0, 0},
    {"language", MV_MEMBER_WORD, TEXT_OPTION(language), names_of_languages, 0, 0, 0},
    {"stop_words", MV_MEMBER_STOP_WORDS, TEXT_OPTION(stop_words), NULL, 0, 0, 0},
    {"k1", MV_MEMBER_REAL, TEXT_OPTION(k1), NULL, REAL_0_001, REAL_100, REAL_1_2},
    {"b", MV_MEMBER_REAL, TEXT_OPTION(b), NULL, REAL_0_001, REAL_1, REAL_0_75},
    {"positions", MV_MEMBER_WORD, TEXT_OPTION(without_positions), names_of_positions, 0, 0, 0},
};
static const uint8_t text_options_formats[] = {4, 4, 4, 4, 4, 5};

static const mv_member_info text_stats_list[] = {
    {.name = "tokens", .kind = MV_MEMBER_U64, .offset = TEXT_STAT(tokens)},
    {.name = "terms", .kind = MV_MEMBER_U32, .offset = TEXT_STAT(terms)},
};

static bool takes_text(mv_type type, mv_metric metric)
{
    (void)metric;
    return type == MV_STRING || type == (MV_ARRAY | MV_STRING);
}

const index_kind fulltext_kind = {
    .info = {.type = MV_INDEX_TEXT,
             .name = "text",
             .plural = "lists",
             .has_files = true,
             .options_count = sizeof text_options_list / sizeof *text_options_list,
             .stats_count = sizeof text_stats_list / sizeof *text_stats_list,
             .options = text_options_list,
             .stats = text_stats_list},
    .file_kind = 6,
    .file_ending = "text",
    .sections_first = 48,
    .sections_count = 10,
    .schema_format = 4,
    .option_formats = text_options_formats,
    .takes = takes_text,
};
