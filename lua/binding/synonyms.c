/* What other vector databases call the things of moonvec.
 *
 * A row counts only where its name is valid: 'size' means topk in a query and dim in a vector
 * field. Of several such rows the first counts. Case, '_' and '-' make no difference: "n_results"
 * stands for "nResults", too.
 *
 * "--limit" and ".limit" stand for "limit" where the names begin so, too.
 *
 * Words that differ from moonvec's only by a few letters are not here: mv_nearest_name finds them.
 */
#include "synonyms.h"

#include <stdbool.h>
#include <string.h>

typedef struct synonym {
    const char *name;   /* in moonvec */
    const char *others; /* elsewhere, separated by spaces */
} synonym;

/* Functions and methods. */
static const synonym function_synonyms[] = {
    /* the module */
    {"open", "connect new client persistent_client init database db create_client "
             "open_collection get_collection load_collection get_or_create_collection"},
    {"create_and_open", "create create_collection create_table make"},
    {"pack", "serialize serialize_float32 to_bytes tobytes encode"},
    {"unpack", "deserialize from_bytes frombuffer decode"},
    {"null", "none nil"},
    {"filter", "where expr"},
    {"fuse", "fusion ranker rankers rrf_ranker"},
    {"rerank", "reranker rescore rerankers"},
    {"_VERSION", "version"},

    /* methods of a collection */
    {"query", "search find knn knn_search ann_search nearest similar similarity_search recommend"},
    {"cursor", "search_iterator query_iterator"},
    {"multi_query",
     "hybrid_search multi_search hybrid query_multi search_multi multi_vector_query"},
    {"group_by_query", "query_groups search_groups group_by query_points_groups grouped_search"},
    {"facet", "aggregate aggregations facets group_count distinct terms value_counts"},
    {"insert", "add append add_items add_points add_documents add_texts insert_many"},
    {"upsert", "put set store replace write insert_or_replace upsert_many upsert_points"},
    {"update", "modify patch edit set_payload overwrite_payload update_one"},
    {"delete", "remove del erase unset delete_points delete_many remove_ids mark_deleted"},
    {"delete_by_filter", "delete_where delete_by_query remove_where truncate clear"},
    {"update_by_filter", "update_where update_by_query"},
    {"fetch", "get retrieve read lookup get_items get_by_id get_by_ids fetch_by_ids get_document"},
    {"iterate", "list scan scroll each all rows items documents"},
    {"count", "len length size num_entities num_docs row_count count_rows count_documents ntotal"},
    {"meta", "get_meta set_meta metadata get_metadata set_metadata modify_metadata"},
    {"transaction", "begin commit rollback abort txn atomic begin_transaction savepoint"},
    {"optimize", "compact vacuum reindex train build build_index rebuild rebuild_index merge"},
    {"create_index", "add_index set_index ensure_index"},
    {"drop_index", "remove_index delete_index"},
    {"add_column", "create_column add_field add_columns create_field"},
    {"drop_column", "remove_column delete_column drop_field drop_columns"},
    {"alter_column", "rename_column alter_field rename_field alter_columns"},
    {"alter", "alter_collection alter_table modify_collection configure set_options set_schema "
              "update_collection"},
    {"stats", "info describe status statistics describe_index_stats get_stats"},
    {"check", "verify validate integrity_check fsck"},
    {"backup", "snapshot copy create_snapshot save_as save_index"},
    {"flush", "save sync persist checkpoint"},
    {"close", "disconnect release unload"},
    {"destroy",
     "drop drop_collection drop_table delete_collection remove_collection delete remove"},

    /* fusers and re-rankers */
    {"rrf", "reciprocal_rank_fusion rrf_ranker rrf_reranker"},
    {"weighted", "weighted_ranker linear linear_combination relative_score_fusion relative_score"},
    {"dbsf", "distribution_based_score_fusion"},
    {"mmr", "maximal_marginal_relevance max_marginal_relevance diversity diversify"},
    {"decay", "decay_ranker decay_function function_score boost time_decay"},
    {"chain", "pipeline sequence compose"},

    /* builders of filters */
    {"eq", "equal equals is"},
    {"ne", "neq not_equal not_equals"},
    {"lt", "less less_than"},
    {"le", "lte less_equal less_or_equal"},
    {"gt", "greater greater_than"},
    {"ge", "gte greater_equal greater_or_equal"},
    {"between", "range"},
    {"is_null", "null is_empty missing"},
    {"not_null", "is_not_null exists"},
    {"one_of", "in is_in any_of contained_by"},
    {"starts_with", "startswith starts has_prefix prefix"},
    {"contain_any", "contains contains_any array_contains array_contains_any overlaps"},
    {"contain_all", "contains_all array_contains_all"},
    {"all", "and must conjunction"},
    {"any", "or should disjunction"},
    {"no", "not negate must_not"},

    /* builders of full-text queries */
    {"word", "term token match"},
    {"prefix", "starts_with begins_with"},
    {"fuzzy", "similar approximate levenshtein"},
    {"phrase", "match_phrase near proximity"},
    {"boost", "boosted weight weighted"},
    {"maybe", "optional rank"},
    {"typed", "query_string simple_query_string text parse web"},
};

/* Options, and the words that they accept. */
static const synonym word_synonyms[] = {
    /* query, fetch and iterate */
    {"topk", "limit k n top n_results num_results max_results page_size count size knn"},
    {"replace", "overwrite force"},
    {"offset", "skip start from page"},
    {"vectors", "query_vectors query_embeddings embeddings data queries"},
    {"vector", "query_vector query_embedding embedding query q near_vector"},
    {"id", "query_id near_id near_object document_id"},
    {"field", "anns_field vector_field vector_column vector_name using target_vector column"},
    {"filter", "where expr expression condition query_filter pre_filter prefilter"},
    {"args", "filter_params expr_params bind bindings values"},
    {"where", "predicate filter"},
    {"rerank", "reranker rescorer"},
    {"candidates", "num_candidates oversampling fetch_k"},
    {"params", "search_params ef ef_search nprobe nprobes exact hnsw_ef"},
    {"min_score", "score_threshold threshold min_similarity certainty"},
    {"max_distance", "radius distance_threshold epsilon"},
    {"include_vector", "with_vector include_values include_embeddings return_vector"},
    {"output_fields", "fields select include columns properties projection with_payload payload "
                      "include_metadata return_fields return_properties return_metadata"},
    {"order_by", "sort sort_by order"},
    {"explain", "analyze profile"},

    /* multi_query, group_by_query and facet */
    {"queries", "prefetch searches requests reqs legs sub_searches"},
    {"fuse", "fusion ranker method"},
    {"weight", "boost"},
    {"group_by", "group_by_field groupby by field_name"},
    {"group_count", "limit groups groups_count num_groups topk n"},
    {"topk_per_group", "group_size per_group hits_per_group group_topk objects_per_group"},

    /* options of full-text queries */
    {"edits", "fuzziness max_edits max_distance distance"},
    {"slop", "max_gaps distance gap"},
    {"by", "boost factor weight"},

    /* options of fusers and re-rankers */
    {"k", "rank_constant rrf_k"},
    {"weights", "boosts"},
    {"normalize", "norm_score normalization norm"},
    {"lambda", "lambda_mult diversity"},
    {"count", "topk limit size"},
    {"shape", "function type curve"},
    {"origin", "target center"},

    /* how an index is searched */
    {"recall", "target_recall accuracy search_accuracy"},
    {"ef", "ef_search hnsw_ef nprobe nprobes search_list"},
    {"exact", "brute_force flat"},
    {"plan", "strategy"},
    {"refine", "rescore refine_factor"},

    /* options of open, and their words */
    {"read_only", "readonly"},
    {"durability", "synchronous fsync sync"},
    {"verify", "checksum check"},
    {"maintenance", "auto_optimize auto_vacuum"},
    {"maintenance_threads", "background_threads max_background_jobs"},
    {"busy_ms", "busy_timeout timeout timeout_ms lock_timeout"},
    {"slowdown_rows", "slowdown slowdown_trigger backpressure"},
    {"full", "sync always fsync"},
    {"none", "off async never"},
    {"auto", "on background"},
    {"manual", "off never"},

    /* schemas */
    {"schema", "columns"},
    {"vectors", "vector_fields vectors_config embeddings"},
    {"fields", "columns scalars metadata properties attributes payload"},
    {"name", "field_name collection_name key"},
    {"index", "index_type index_params hnsw_config"},
    {"type", "data_type dtype index_type algorithm"},
    {"nullable", "optional null allow_null"},
    {"default", "default_value"},
    {"dim", "dimension dimensions size length n_dims"},
    {"metric", "metric_type distance distance_type distance_function space similarity"},
    {"m", "max_connections max_links max_degree max_neighbors graph_degree"},
    {"ef_construction", "construction_ef ef_construct build_ef beam_width"},
    {"quantize", "quantization quantizer quantization_config compression codec"},
    {"seed", "random_seed random_state"},
    {"rename", "name new_name"},
    {"embed", "embedding_function vectorizer embedder vectorize function"},
    {"from", "source source_field input"},
    {"model", "model_name embedder provider"},
    {"models", "model embedders embedding_functions embedding_function"},
    {"expires", "expires_at expire expiry ttl ttl_field expire_at expiration"},
    {"max_documents", "max_entries max_size max_items max_count max_rows capacity limit"},
    {"max_bytes", "max_memory maxmemory memory_limit size_limit"},
    {"evict", "eviction evict_policy eviction_policy maxmemory_policy policy"},
    {"oldest", "fifo first_in_first_out"},
    {"least_recent", "lru least_recently_used allkeys_lru"},

    /* metrics */
    {"cosine", "cos angular angle cosinesimil cosine_similarity cosine_distance"},
    {"l2", "euclidean euclid euclidean_distance l2_squared squared_l2 l2sq sqeuclidean"},
    {"ip", "dot dotproduct inner inner_product max_inner_product mips"},
    {"l1", "manhattan cityblock taxicab"},

    /* types */
    {"string", "text varchar char str keyword utf8 blob"},
    {"array_string", "text[] string[] array list tags set"},
    {"bool", "bit logical"},
    {"int32", "int integer int8 int16 short tinyint smallint number_int"},
    {"int64", "long bigint i64"},
    {"double", "number float64 numeric decimal f64"},
    {"float", "float32 real f32"},
    {"timestamp", "datetime date time date_time timestamptz"},
    {"vector_fp32", "vector embedding float float32 float_vector dense_vector f32 fp32 f32_blob"},
    {"vector_fp16", "halfvec half float16 float16_vector bfloat16_vector f16 fp16"},
    {"vector_int8", "int8 i8 byte int8_vector"},
    {"vector_binary", "bit bits binary b1 binary_vector"},

    /* indexes */
    {"hnsw",
     "ivf ivf_flat ivf_pq ivf_sq8 ivfflat ivf_rabitq ivf_hnsw_sq diskann vamana scann annoy "
     "nsg hnsw_sq hnsw_pq hnsw_rabitq autoindex"},
    {"flat", "brute_force linear exact"},
    {"invert", "inverted btree bitmap hash sorted scalar keyword label_list"},
    {"fp16", "half float16 sq16"},
    {"int8", "sq sq8 scalar"},
    {"int4", "sq4"},

    /* the subcommands of `moonvec`, and the commands of its shell */
    {"query", "search find grep select ask lookup"},
    {"text", "search query find"},
    {"import", "add load ingest read insert restore"},
    {"index", "build crawl scan update reindex"},
    {"create", "new init make"},
    {"get", "fetch show cat"},
    {"put", "set write upsert"},
    {"delete", "rm del remove drop"},
    {"info", "ls list stats status describe"},
    {"count", "len size wc"},
    {"export", "dump save"},
    {"shell", "repl open console cli sql"},
    {"check", "verify fsck validate"},
    {"optimize", "compact vacuum"},
    {"backup", "copy cp snapshot"},
    {"bench", "benchmark time speed"},
    {"mcp", "serve server"},
    {"help", "man usage"},
    {"--version", "version"},

    /* options of optimize */
    {"budget_ms", "budget timeout timeout_ms time_limit"},
    {"threads", "num_threads n_threads n_jobs workers concurrency"},
    {"progress", "callback on_progress"},
    {"background", "async wait"},
};

static bool is_ignored(char c)
{
    return c == '_' || c == '-';
}

static char fold_case(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

/* The name without what marks an option on a command line, or a command of the shell. */
static const char *skip_marks(const char *name)
{
    return name + strspn(name, "-.");
}

/* Is `given` the word of `size` bytes, but for case, '_' and '-'? */
static bool is_word(const char *given, const char *word, size_t size)
{
    const char *end = word + size;
    for (;;) {
        while (is_ignored(*given)) given++;
        while (word < end && is_ignored(*word)) word++;
        if (word == end || !*given) return word == end && !*given;
        if (fold_case(*given++) != fold_case(*word++)) return false;
    }
}

static bool is_among(const char *given, const char *words)
{
    while (*words) {
        size_t size = strcspn(words, " ");
        if (is_word(given, words, size)) return true;
        words += size;
        words += strspn(words, " ");
    }
    return false;
}

/* The first row from `row` on that has `given` among its other words; `end` if there is none. */
static const synonym *find_row(const synonym *row, const synonym *end, const char *given)
{
    while (row < end && !is_among(given, row->others)) row++;
    return row;
}

const char *synonyms_find(const char *given, const char *const *names, size_t names_count)
{
    given = skip_marks(given);
    const synonym *end = word_synonyms + sizeof word_synonyms / sizeof *word_synonyms;
    for (const synonym *row = word_synonyms; (row = find_row(row, end, given)) < end; row++)
        for (size_t i = 0; i < names_count; i++)
            if (names[i] && strcmp(skip_marks(names[i]), skip_marks(row->name)) == 0)
                return names[i];
    return NULL;
}

const char *synonyms_find_function(lua_State *L, int index, const char *given)
{
    const synonym *end = function_synonyms + sizeof function_synonyms / sizeof *function_synonyms;
    for (const synonym *row = function_synonyms; (row = find_row(row, end, given)) < end; row++) {
        lua_pushstring(L, row->name);
        lua_rawget(L, index);
        bool is_key = !lua_isnil(L, -1);
        lua_pop(L, 1);
        if (is_key) return row->name;
    }
    return NULL;
}
