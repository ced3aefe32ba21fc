/* Full-text queries as text. */
#include <stdio.h>
#include <string.h>

#include "text/text_query.h"

static bool write_string(mem_buffer *out, const char *string)
{
    return mem_buffer_append(out, string, strlen(string));
}

static bool write_leaf_term(mem_buffer *out, const text_leaf *leaf)
{
    bool ok = true;
    for (uint32_t i = 0; i < leaf->size; i++) {
        if (leaf->term[i] == '"' || leaf->term[i] == '\\') ok = ok && write_string(out, "\\");
        ok = ok && mem_buffer_append(out, leaf->term + i, 1);
    }
    return ok;
}

static bool write_sequence(mem_buffer *out, const text_query *q, const text_node *node)
{
    char text[32];
    bool ok = write_string(out, "phrase(\"");
    for (uint32_t i = 0, position = 0; i < node->items_count; i++, position++) {
        const text_item *item = &q->items[node->first_item + i];
        if (i) ok = ok && write_string(out, " ");
        for (; position < item->position; position++) ok = ok && write_string(out, "_ ");
        ok = ok && write_leaf_term(out, &item->leaf);
        if (item->leaf.kind == TEXT_LEAF_PREFIX) ok = ok && write_string(out, "*");
    }
    (void)snprintf(text, sizeof text, "\" ~%u)", node->slop);
    return ok && write_string(out, text);
}

static bool write_query_words(mem_buffer *out, const text_query *q, const text_node *node)
{
    const text_item *item = &q->items[node->first_item];
    char edits[16] = "";
    if (node->items_count > 1) return write_sequence(out, q, node);
    if (item->leaf.kind == TEXT_LEAF_FUZZY) (void)snprintf(edits, sizeof edits, "~%u", item->edits);
    return write_string(out, "\"") && write_leaf_term(out, &item->leaf) &&
           write_string(out, item->leaf.kind == TEXT_LEAF_PREFIX ? "\"*" : "\"") &&
           write_string(out, edits);
}

static bool write_boost(mem_buffer *out, float boost)
{
    char text[32];
    if (boost == 1) return true;
    (void)snprintf(text, sizeof text, "^%g", (double)boost);
    return write_string(out, text);
}

bool text_query_describe(const text_query *query, mem_buffer *out)
{
    static const char *const OPENINGS[] = {[TEXT_NODE_ALL] = "all(",
                                           [TEXT_NODE_ANY] = "any(",
                                           [TEXT_NODE_NO] = "no(",
                                           [TEXT_NODE_MAYBE] = "maybe("};
    uint32_t groups[TEXT_QUERY_DEPTH_MAX + 4], depth = 0;
    bool ok = query->nodes_count || write_string(out, "nothing"), is_first = true;
    for (uint32_t n = 0; n < query->nodes_count && ok; n++) {
        const text_node *node = &query->nodes[n];
        if (!is_first) ok = write_string(out, " ");
        is_first = node->kind != TEXT_NODE_WORDS;
        if (is_first) {
            groups[depth++] = n;
            ok = ok && write_string(out, OPENINGS[node->kind]);
        } else {
            ok = ok && write_query_words(out, query, node) && write_boost(out, node->boost);
        }
        while (depth && query->nodes[groups[depth - 1]].end == n + 1) {
            float boost = query->nodes[groups[--depth]].boost;
            ok = ok && write_string(out, ")") && write_boost(out, boost);
        }
    }
    return ok;
}
