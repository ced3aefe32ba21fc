/* moonvec from C, without Lua: three colours in memory, and the two nearest to orange.
 *
 *   cc minimal.c -lmoonvec -o minimal */
#include "moonvec.h"

#include <stdio.h>
#include <string.h>

/* Documents are added to a batch, which is then written as one commit. */
static mv_err write_colours(mv_collection *colours, mv_error *error)
{
    static const struct {
        const char *name;
        float rgb[3];
    } all[] = {{"red", {255, 0, 0}}, {"yellow", {255, 255, 0}}, {"blue", {0, 0, 255}}};

    mv_batch *batch = NULL;
    uint64_t written;
    mv_err err = mv_batch_create(colours, &batch, error);
    for (size_t i = 0; !err && i < 3; i++) {
        err = mv_batch_add(batch, all[i].name, strlen(all[i].name), error);
        if (!err) err = mv_batch_set_vector(batch, 0, all[i].rgb, 3, error);
    }
    if (!err) err = mv_write(colours, MV_INSERT, batch, &written, error);
    mv_batch_free(batch);
    return err;
}

static mv_err print_nearest(mv_collection *colours, const float rgb[3], mv_error *error)
{
    mv_query query = {.vector_field = 0, .vectors = rgb, .vectors_count = 1, .dim = 3, .topk = 2};
    mv_result *result = NULL;
    mv_err err = mv_result_create(colours, &result, error);
    if (!err) err = mv_search(colours, &query, result, error);
    if (!err) {
        size_t count;
        const mv_hit *hits = mv_result_hits(result, &count);
        for (size_t i = 0; !err && i < count; i++) {
            mv_id id;
            err = mv_result_id(result, i, &id, error);
            if (!err) printf("%-8.*s distance %.0f\n", (int)id.size, id.data, hits[i].distance);
        }
    }
    mv_result_free(result);
    return err;
}

int main(void)
{
    mv_error error = {.code = MV_OK};
    mv_schema *schema = NULL;
    mv_collection *colours = NULL;
    mv_vector_options rgb = {.name = "rgb",
                             .type = MV_VECTOR_FP32,
                             .dim = 3,
                             .metric = MV_L2,
                             .index.type = MV_INDEX_FLAT};
    const float orange[3] = {255, 165, 0};

    mv_err err = mv_schema_create("colours", &schema, &error);
    if (!err) err = mv_schema_add_vector(schema, &rgb, &error);
    if (!err) err = mv_open(":memory:", &(mv_open_options){.schema = schema}, &colours, &error);
    mv_schema_free(schema); /* the collection has its own copy */
    if (!err) err = write_colours(colours, &error);
    if (!err) err = print_nearest(colours, orange, &error);
    if (err) fprintf(stderr, "%s: %s\n", mv_err_name(err), error.text);
    return mv_close(colours, &error) || err;
}
