-- The rules of the source tree: includes, memory and system calls, sizes of files, names.

local call_graph = require "spec.support.call_graph"
local rules = require "spec.support.source_rules"

local function tree_files()
  local files = {}
  local pipe = assert(io.popen("find engine lua spec examples bench -type f | sort"))
  for path in pipe:lines() do
    files[#files + 1] = path
  end
  pipe:close()
  return files
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local function faults_of(rule)
  local all = {}
  for _, path in ipairs(tree_files()) do
    if path:match("%.[ch]$") or path:match("%.lua$") then
      for _, fault in ipairs(rule(path, read(path))) do
        all[#all + 1] = fault
      end
    end
  end
  return table.concat(all, "\n")
end

local function engine_sources()
  local sources = {}
  for _, path in ipairs(tree_files()) do
    if path:match("^engine/.*%.c$") and not path:match("^engine/test/") then
      sources[path] = read(path)
    end
  end
  return sources
end

describe("the source tree #once", function()
  it("is found from where the specs run", function()
    local files = table.concat(tree_files(), "\n")
    assert.truthy(files:find("engine/base/os.c", 1, true))
    assert.truthy(files:find("engine/moonvec.h", 1, true))
  end)

  it("includes downwards only", function()
    assert.equal("", faults_of(rules.includes))
  end)

  it("requires only its own modules and chosen dependencies", function()
    assert.equal("", faults_of(rules.requires))
  end)

  it("gets memory in mem.c and calls the system in os.c only", function()
    assert.equal("", faults_of(rules.calls))
  end)

  it("knows index types by name only where they are made", function()
    assert.equal("", faults_of(rules.index_types))
  end)

  it("has short files and nothing marked as undone", function()
    assert.equal("", faults_of(rules.tidiness))
  end)

  it("has no circle of calls between more than three files", function()
    local faults = {}
    for _, circle in ipairs(call_graph.circles(call_graph.uses(engine_sources()))) do
      if #circle > 3 then
        faults[#faults + 1] = "these files call each other in a circle: " .. table.concat(circle, ", ")
      end
    end
    assert.equal("", table.concat(faults, "\n"))
  end)

  it("defines each name in one file, so that all fit into one", function()
    local sources = engine_sources()
    for _, path in ipairs(tree_files()) do
      local is_header = path:match("^engine/.*%.h$") and not path:match("^engine/test/")
      local text = is_header and read(path)
      if text and text:find("#ifndef M[%w_]*_H\n") then -- not the parts of kernels, which are repeated for each of them
        sources[path] = text
      end
    end
    assert.equal("", table.concat(call_graph.shared_names(sources), "\n"))
  end)

  it("names functions after their files", function()
    assert.equal("", table.concat(call_graph.name_faults(engine_sources()), "\n"))
  end)

  it("has no two files of one name", function()
    assert.equal("", table.concat(rules.unique_names(tree_files()), "\n"))
  end)
end)

describe("a rule about the source tree #once", function()
  local function finds(rule, path, text, what)
    local faults = rule(path, text)
    assert.equal(1, #faults)
    assert.truthy(faults[1]:find(what, 1, true), faults[1])
  end
  local function accepts(rule, path, text)
    assert.same({}, rule(path, text))
  end

  it("finds an upward include", function()
    finds(rules.includes, "engine/base/a.c", '#include "vector/b.h"\n', "engine/base/a.c:1: includes 'vector/b.h'")
    finds(rules.includes, "engine/query/a.h", '\n# include "collection/b.h"', "a.h:2: ")
    accepts(rules.includes, "engine/query/a.c", '#include "storage/b.h"\n#include "query/c.h"\n#include "moonvec.h"\n')
  end)

  it("keeps index and storage apart", function()
    finds(rules.includes, "engine/index/a.c", '#include "storage/b.h"\n', "room index must not know room storage")
    finds(rules.includes, "engine/storage/a.c", '#include "index/b.h"\n', "room storage must not know room index")
  end)

  it("finds includes that are in no room", function()
    finds(rules.includes, "engine/base/a.c", '#include "b.h"\n', "not written relative to engine/")
    finds(rules.includes, "engine/cellar/a.c", '#include "base/b.h"\n', "in no room below")
    finds(rules.includes, "engine/query/a.c", '#include "test/b.h"\n', "in no room below")
  end)

  it("keeps Lua out of the engine and the engine's inside out of the binding", function()
    finds(rules.includes, "engine/collection/a.c", "#include <lua.h>\n", "knows no Lua")
    finds(rules.includes, "lua/binding/a.c", '#include "base/os.h"\n', "public moonvec.h only")
    finds(rules.includes, "lua/binding/a.c", "#include <lmdb.h>\n", "only the engine uses it")
    accepts(rules.includes, "lua/binding/a.c", '#include <lauxlib.h>\n#include "moonvec.h"\n#include "b.h"\n')
  end)

  it("lets the C tests look everywhere", function()
    accepts(rules.includes, "engine/test/a_test.c", '#include "collection/b.h"\n#include "c.h"\n')
    accepts(rules.calls, "engine/test/a_test.c", "p = malloc(1);")
  end)

  it("finds a require of something else", function()
    finds(rules.requires, "lua/moonvec/a.lua", 'local s = require "spec.support"\n', "requires 'spec.support'")
    finds(rules.requires, "lua/moonvec/a.lua", "require('moonvecx')", "requires 'moonvecx'")
    accepts(rules.requires, "lua/moonvec/a.lua", 'require "moonvec"\nrequire("moonvec.core")\nrequire("cjson")')
    finds(rules.requires, "lua/moonvec/embed/a.lua", 'require "moonvec.mcp"', "library must not know")
    finds(rules.requires, "lua/moonvec/shell.lua", 'require "moonvec.command.b"', "shell must not know room command")
    finds(rules.requires, "lua/moonvec/mcp/a.lua", 'require "moonvec.shell"', "mcp must not know room shell")
    accepts(rules.requires, "lua/moonvec/command/a.lua", 'require "moonvec.shell.b"\nrequire "moonvec.command.c"')
  end)

  it("finds calls that have their home elsewhere", function()
    finds(rules.calls, "engine/query/a.c", "x;\np = malloc (3);", "a.c:2: calls malloc()")
    finds(rules.calls, "engine/base/mem.c", "x = mmap(0, 1);", "only engine/base/os.c")
    finds(rules.includes, "engine/base/mem.c", "#include <fcntl.h>", "only engine/base/os.c")
    finds(rules.includes, "lua/binding/a.c", "#include <sys/mman.h>", "only engine/base/os.c")
    finds(rules.calls, "lua/binding/a.c", "pthread_mutex_lock(&m);", "calls pthread_mutex_lock()")
    accepts(rules.calls, "engine/base/mem.c", "free(p);")
    accepts(rules.calls, "engine/query/a.c", 'mem_free(p); /* free(p) */ s = "mmap("; a->free(p); os_mmap(x);')
  end)

  it("finds names of index types", function()
    finds(rules.index_types, "engine/job/a.c", "x;\nhnsw_build_free(b);", "a.c:2: knows the index type 'hnsw'")
    finds(rules.index_types, "engine/open/a.c", "n = INVERT_PARTS_MAX;", "knows the index type 'invert'")
    finds(rules.index_types, "lua/binding/a.c", "o.as.hnsw.m = 1;", "knows the index type 'hnsw'")
    accepts(rules.index_types, "engine/job/a.c", "/* hnsw_build_free */ type->build_free(b); mv_hnsw_options o;")
    accepts(rules.index_types, "engine/index/a.c", "hnsw_build_free(b);")
    accepts(rules.index_types, "engine/query/filter_a.c", "invert_find_text(l);")
  end)

  it("finds long files and marks of unfinished work", function()
    finds(rules.tidiness, "engine/base/a.c", ("x\n"):rep(1001), "longer than 1000 lines")
    accepts(rules.tidiness, "engine/base/a.c", ("x\n"):rep(1000))
    finds(rules.tidiness, "spec/a.lua", "-- " .. "TO" .. "DO later\n", "a.lua:1: says")
  end)

  it("finds files of the same name", function()
    local faults = rules.unique_names { "engine/a/x.c", "lua/b/x.c" }
    assert.same({ "lua/b/x.c:1: has the same name as engine/a/x.c" }, faults)
    assert.same({}, rules.unique_names { "README.md", "engine/README.md", "engine/a.c", "engine/a.h" })
    assert.same({}, rules.unique_names { "bench/filter.lua", "lua/moonvec/filter.lua" })
  end)
end)

describe("the graph of calls #once", function()
  it("finds functions, and whether they are static", function()
    local found = call_graph.functions(table.concat({
      "#define f(x) g(x) {",
      "static int a(int x)", "{", "    return b(x); /* c() { */", "}", "",
      "mv_err d(void (*call)(int),", "         int y)", "{", "}",
    }, "\n"))
    assert.same({ { name = "a", is_static = true, line = 2, lines = 4 },
                  { name = "d", is_static = false, line = 7, lines = 4 } }, found)
  end)

  it("finds names that do not say the file", function()
    local faults = call_graph.name_faults {
      ["e/a.c"] = "int a_run(void)\n{\n}\nint mv_run(void)\n{\n}\nint ab(void)\n{\n}\nstatic int x(void)\n{\n}\n",
      ["e/b.c"] = "static int x(void)\n{\n}\nint b(void)\n{\n}\n",
    }
    assert.same({ "e/a.c:7: ab() does not begin with the name of its file" }, faults)
  end)

  it("finds what a file defines", function()
    local found = call_graph.definitions(table.concat({
      "#define WIDTH 3 /* { */", "#define SWITCH", "#define EACH(x) x \\", "    + 1", "#define GONE 1", "#undef GONE",
      "enum { ONE = (1, 2), TWO, /* three */ };",
      "typedef enum color { RED, BLUE = 7 } color;",
      "typedef struct opaque opaque;", "struct body {", "    int member;", "};",
      "typedef void (*call)(int one, int two);", "typedef uint32_t number;", "typedef uint8_t row[WIDTH];",
      "static int early(int);", "static const char *const words[] = {\"a;{\", NULL};", "static int count, *last = 0;",
      "static const struct {", "    int inner;", "} pairs[] = {{1}, {2}};", "extern int elsewhere;",
      'static_assert(sizeof(int) == 4, "x");', "MAKE(this)", "static int run(int a)", "{", "    int local = 1;", "}",
      "mv_err open(void)", "{", "}",
    }, "\n"))
    assert.same({ WIDTH = 1, EACH = 3, ONE = 7, TWO = 7, color = 8, RED = 8, BLUE = 8, body = 10, call = 13,
                  number = 14, row = 15, words = 17, count = 18, last = 18, pairs = 19, run = 24, open = 29 }, found)
  end)

  it("finds names that two files define", function()
    local faults = call_graph.shared_names {
      ["e/a.c"] = "static int x(void)\n{\n}\n#define MAX 1\nstatic int once;\n",
      ["e/b.c"] = "static int y(void)\n{\n}\n\n#define MAX 2\nenum { x = 1 };\n",
      ["e/c.h"] = "typedef struct MAX {\n    int once;\n} max;\nstatic int x(void);\n",
    }
    assert.same({ "e/b.c:5: MAX is defined in e/a.c, too", "e/b.c:6: x is defined in e/a.c, too",
                  "e/c.h:1: MAX is defined in e/a.c, too" }, faults)
  end)

  it("finds circles", function()
    local sources = {
      ["e/a.c"] = "int a(void)\n{\n    return b();\n}\n",
      ["e/b.c"] = "int b(void)\n{\n    return c();\n}\n",
      ["e/c.c"] = "static int x(void)\n{\n    return 1;\n}\nint c(void)\n{\n    return run(a);\n}\n",
      ["e/d.c"] = "int d(void)\n{\n    return a() + x();\n}\n",
    }
    assert.same({ { "e/a.c", "e/b.c", "e/c.c" } }, call_graph.circles(call_graph.uses(sources)))
    sources["e/c.c"] = "int c(void)\n{\n    return 1; /* a() */\n}\n"
    assert.same({}, call_graph.circles(call_graph.uses(sources)))
  end)
end)
