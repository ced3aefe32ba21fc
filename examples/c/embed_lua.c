/* A program in C with a Lua of its own in which moonvec is linked: no shared library of it, no
 * file on the disk, no thread, and all memory from one allocator, that of the program.
 *
 * docs/hosts/games.md says how it is compiled. The modules in Lua are read from the folder lua/ of
 * the checkout; a program may as well put them into package.preload. */
#include "moonvec.h"

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>

#include <stdio.h>
#include <stdlib.h>

int luaopen_moonvec_core(lua_State *L);

/* What the allocator knows: the bytes in use, and the most there have been. */
typedef struct heap {
    size_t bytes, most;
} heap;

/* The size of a block of the engine is known, so the heap needs no headers. */
static void *engine_memory(void *ctx, void *block, size_t old_size, size_t size, size_t alignment)
{
    heap *h = ctx;
    void *now = NULL;
    if (!block) old_size = 0;
    if (!size) {
        free(block);
    } else if (block) {
        now = realloc(block, size);
    } else {
        now = aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);
    }
    if (size && !now) return NULL;
    h->bytes += size - old_size;
    if (h->bytes > h->most) h->most = h->bytes;
    return now;
}

/* Lua asks for its memory in the same way. Without a block, `old_size` says what it is for. */
static void *lua_memory(void *ctx, void *block, size_t old_size, size_t size)
{
    return engine_memory(ctx, block, old_size, size, 16);
}

static const char GAME[] =
    "package.path = 'lua/?.lua;lua/?/init.lua'\n"
    "local moonvec = require 'moonvec'\n"
    "local memories = assert(moonvec.open(':memory:', { maintenance = 'manual', schema = {\n"
    "  fields = { { name = 'what', type = 'string' } },\n"
    "  vectors = { { name = 'meaning', type = 'vector_fp32', dim = 3 } },\n"
    "} }))\n"
    "assert(memories:insert {\n"
    "  { id = 1, what = 'a wolf in the woods', meaning = { 0.9, 0.1, 0 } },\n"
    "  { id = 2, what = 'bread at the market', meaning = { 0, 0.2, 0.9 } },\n"
    "})\n"
    "repeat until assert(memories:optimize { budget_ms = 1 }) == 'done'\n"
    "local saved = assert(memories:dump())\n"
    "memories:close()\n"
    "local again = assert(moonvec.load(saved, { maintenance = 'manual' }))\n"
    "for _, hit in ipairs(assert(again:query { vector = { 1, 0, 0 }, topk = 1 })) do\n"
    "  print(('%s (%.2f)'):format(hit.what, hit.score))\n"
    "end\n"
    "again:close()\n";

static int run_game(heap *h)
{
    lua_State *L = lua_newstate(lua_memory, h);
    if (!L) return 1;
    luaL_openlibs(L);
    luaL_requiref(L, "moonvec.core", luaopen_moonvec_core, 0);
    lua_pop(L, 1);
    int failed = luaL_dostring(L, GAME);
    if (failed) fprintf(stderr, "%s\n", lua_tostring(L, -1));
    lua_close(L);
    return failed;
}

int main(void)
{
    static heap h;
    mv_set_allocator(engine_memory, &h);
    int failed = run_game(&h);
    printf("%zu KB at most, %zu bytes at the end\n", h.most / 1024, h.bytes);
    return failed;
}
