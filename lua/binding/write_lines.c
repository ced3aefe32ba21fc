/* insert_lines and upsert_lines: plain lines of JSON (json_line.h) become documents of a batch,
 * without Lua tables. Either all lines are written, or nothing is. If that is due to a line,
 * `ingest` reads the same lines one by one, and so finds what is unusual or wrong with which of
 * them. */
#include "batch_box.h"
#include "calls.h"
#include "check_args.h"
#include "json_line.h"
#include "push_values.h"

#include <inttypes.h>
#include <string.h>

/* Where the values of a member go. */
typedef struct column {
    const char *key;
    size_t key_size;
    enum { TO_ID, TO_FIELD, TO_VECTOR, TO_NOWHERE } to;
    uint32_t position;
    mv_type type;
    uint32_t dim;
} column;

/* The arguments and what is read. The n-th column is that of the n-th member of the line before:
 * most files have the same members in the same order. */
typedef struct line_reader {
    const char *at, *end; /* what is not read; it ends with "\n" */
    size_t line_size_max, rows, rows_max;
    size_t columns_count;
    column columns[JSON_MEMBERS_MAX];
    json_line line;
} line_reader;

/* False: there is no such field. */
static bool find_column(const mv_schema *schema, const json_member *member, column *out)
{
    mv_field_options field;
    mv_vector_options vector;
    *out = (column){.key = member->key, .key_size = member->key_size};
    if (member->key_size == 2 && memcmp(member->key, "id", 2) == 0) {
        out->to = TO_ID;
    } else if (mv_schema_find_field(schema, member->key, member->key_size, &out->position)) {
        (void)mv_schema_field(schema, out->position, &field);
        out->to = TO_FIELD;
        out->type = field.type;
    } else if (mv_schema_find_vector(schema, member->key, member->key_size, &out->position)) {
        (void)mv_schema_vector(schema, out->position, &vector);
        out->to = TO_VECTOR;
        out->type = vector.type;
        out->dim = vector.dim;
    } else {
        out->to = TO_NOWHERE;
        return is_hit_key(member->key, member->key_size);
    }
    return true;
}

/* The columns of the members of the line. */
static bool find_columns(line_reader *reader, const mv_schema *schema)
{
    for (size_t i = 0; i < reader->line.members_count; i++) {
        const json_member *member = &reader->line.members[i];
        column *known = &reader->columns[i];
        if (i < reader->columns_count && known->key_size == member->key_size &&
            memcmp(known->key, member->key, member->key_size) == 0)
            continue;
        if (!find_column(schema, member, known)) return false;
        if (i >= reader->columns_count) reader->columns_count = i + 1;
    }
    return true;
}

/* A string may be "Infinity", and fields of vectors have other forms: these lines are not plain. */
static bool is_plain(mv_type type, const mv_value *value)
{
    mv_type element = type & ~(unsigned)MV_ARRAY;
    bool is_real = element == MV_FLOAT || element == MV_DOUBLE;
    if (type == MV_SPARSE_FP32 || type == MV_MULTI_FP32) return value->kind == MV_KIND_NULL;
    if (is_real && value->kind == MV_KIND_STRING) return false;
    for (size_t i = 0; is_real && value->kind == MV_KIND_LIST && i < value->as.list.count; i++)
        if (value->as.list.items[i].kind == MV_KIND_STRING) return false;
    return true;
}

static bool set_vector(lua_State *L, batch_box *box, const column *to, const mv_value *value)
{
    if (to->type == MV_VECTOR_BINARY || value->kind != MV_KIND_LIST ||
        value->as.list.count != to->dim)
        return false;
    float *numbers = number_scratch_reserve(L, &box->scratch, to->dim);
    for (uint32_t i = 0; i < to->dim; i++) {
        const mv_value *item = &value->as.list.items[i];
        if (item->kind != MV_KIND_INT && item->kind != MV_KIND_REAL) return false;
        double number = item->kind == MV_KIND_INT ? (double)item->as.i : item->as.real;
        numbers[i] = (float)number;
    }
    return !mv_batch_set_vector(box->batch, to->position, numbers, to->dim, NULL);
}

/* Begin a document whose id is this value. */
static bool add_document(batch_box *box, const mv_value *id)
{
    char text[ID_TEXT_SIZE];
    if (id->kind == MV_KIND_STRING)
        return !mv_batch_add(box->batch, id->as.string.data, id->as.string.size, NULL);
    if (id->kind != MV_KIND_INT) return false;
    int size = snprintf(text, sizeof text, "%" PRId64, id->as.i);
    return !mv_batch_add(box->batch, text, (size_t)size, NULL);
}

/* Add the document of the line. False: it is not plain, or it is wrong. */
static bool add_line(lua_State *L, batch_box *box, line_reader *reader)
{
    const json_line *line = &reader->line;
    size_t ids = 0;
    if (!find_columns(reader, mv_batch_schema(box->batch))) return false;
    for (size_t i = 0; i < line->members_count; i++) {
        if (reader->columns[i].to != TO_ID) continue;
        if (ids++ || !add_document(box, &line->members[i].value)) return false;
    }
    for (size_t i = 0; ids && i < line->members_count; i++) {
        const column *to = &reader->columns[i];
        const mv_value *value = &line->members[i].value;
        if (to->to == TO_VECTOR && !set_vector(L, box, to, value)) return false;
        if (to->to == TO_FIELD &&
            (!is_plain(to->type, value) || mv_batch_set(box->batch, to->position, value, NULL)))
            return false;
    }
    return ids == 1;
}

/* Read lines into the batch: at most `rows_max`, and none without an end. */
static bool read_lines(lua_State *L, batch_box *box, line_reader *reader)
{
    while (reader->rows < reader->rows_max) {
        const char *stop = memchr(reader->at, '\n', (size_t)(reader->end - reader->at));
        if (!stop) break;
        if ((size_t)(stop - reader->at) > reader->line_size_max) return false;
        reader->at = json_line_read(&reader->line, reader->at);
        if (!reader->at || !add_line(L, box, reader)) return false;
        reader->rows++;
    }
    return reader->rows > 0;
}

/* Doubles, since lua_Integer may have 32 bits. */
static size_t check_size(lua_State *L, int index)
{
    return (size_t)luaL_checknumber(L, index);
}

/* Is it a failure of a document, or of the batch's schema, which has changed since? */
static bool is_of_lines(mv_err err)
{
    return err == MV_EXISTS || err == MV_LIMIT || err == MV_MISUSE || err == MV_SCHEMA_MISMATCH;
}

static int write_lines(lua_State *L, mv_write_mode mode, const char *call)
{
    uint64_t written = 0;
    size_t size;
    mv_error error = {0};
    collection_box *owner = check_collection(L, 1, call);
    const char *text = luaL_checklstring(L, 2, &size);
    size_t first = check_size(L, 3) - 1;
    line_reader *reader = check_block(L, 1, sizeof *reader);
    reader->at = text + (first < size ? first : size);
    reader->end = text + size;
    reader->rows = reader->columns_count = 0;
    reader->rows_max = check_size(L, 4);
    reader->line_size_max = check_size(L, 5);
    batch_box *box = batch_box_push(L, 1, owner);
    mv_err err = mv_batch_create(owner->collection, &box->batch, &error);
    bool is_plain_text = !err && read_lines(L, box, reader);
    if (is_plain_text) err = mv_write(owner->collection, mode, box->batch, &written, &error);
    owned_release(L, &box->owned);
    if (err && !is_of_lines(err)) return push_failure(L, call, &error);
    if (err || !is_plain_text) return 0;
    push_unsigned(L, reader->rows);
    push_unsigned(L, (uint64_t)(reader->at - text) + 1);
    return 2;
}

int call_insert_lines(lua_State *L)
{
    return write_lines(L, MV_INSERT, "insert");
}

int call_upsert_lines(lua_State *L)
{
    return write_lines(L, MV_UPSERT, "upsert");
}
