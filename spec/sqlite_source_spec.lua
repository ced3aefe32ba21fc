-- source.sqlite: rows of a query, with types of the fields; the database stays as it is.

local found, luasql = pcall(require, "luasql.sqlite3")
if not found then
  return
end

local moonvec = require "moonvec"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

describe("source.sqlite", function()
  local path

  before_each(function()
    path = support.path()
    local connection = assert(luasql.sqlite3():connect(path))
    assert(connection:execute "CREATE TABLE t (id, n, s, b, v, l)")
    assert(connection:execute "INSERT INTO t VALUES ('a', 1, 'it''s ?', 1, X'0000803F00000040', '[1,2]')")
    assert(connection:execute "INSERT INTO t VALUES (2, NULL, NULL, 0, '[3,4]', NULL)")
    connection:close()
  end)
  after_each(support.clean)

  local SCHEMA = {
    fields = {
      { name = "n", type = "int32", nullable = true, default = 7 }, { name = "s", type = "string", nullable = true },
      { name = "b", type = "bool" }, { name = "l", type = "array_int32", nullable = true },
    },
    vectors = { { name = "v", type = "vector_fp32", dim = 2, metric = "l2" } },
  }

  it("has values of the types of the fields, and does not change the database", function()
    local before = text_files.read(path)
    local c = support.collection(SCHEMA, { path = ":memory:" })
    local result, message = c:ingest(moonvec.source.sqlite(path, "SELECT * FROM t ORDER BY n DESC"))
    assert.same({ 2, nil }, { result and result.written, message })
    assert.same({ id = "a", n = 1, s = "it's ?", b = true, l = { 1, 2 }, v = { 1, 2 } },
      c:fetch("a", { include_vector = "table" }))
    assert.same({ id = "2", b = false, v = { 3, 4 } }, c:fetch("2", { include_vector = "table" }))
    assert.equal(before, text_files.read(path))
    local none, why = moonvec.source.sqlite(path, "DELETE FROM t")
    assert.is_nil(none)
    assert.matches("attempt to write a readonly database", why)
    assert.equal(before, text_files.read(path))
  end)

  it("puts arguments where parameters are, whatever is in them", function()
    local values = { "it's ?", "'", "''; DROP TABLE t; --", "a\0b", "?", "", 1.5, 2 ^ 53, -3, true, moonvec.null, "é" }
    for _, value in ipairs(values) do
      local source = assert(moonvec.source.sqlite(path, [[SELECT ? AS "what?", '?' AS q, [id] AS `i?` -- ?
        FROM t /* ? */ WHERE id = ?]], { value, "a" }))
      local row = source:read()
      local expected = value
      if value == true then
        expected = 1
      elseif value == moonvec.null then
        expected = nil
      end
      assert.same({ ["what?"] = expected, q = "?", ["i?"] = "a" }, row)
      assert.is_nil(source:read())
      source:close()
    end
    assert.matches("the query has 1 parameters %(%?%), 2 arguments are given",
      support.message_of(moonvec.source.sqlite, path, "SELECT ?", { 1, 2 }))
    assert.matches("argument 1 is a table, expected a string", support.message_of(moonvec.source.sqlite, path,
      "SELECT ?", { {} }))
    assert.matches("argument 1 is not finite", support.message_of(moonvec.source.sqlite, path, "SELECT ?",
      { math.huge }))
  end)

  it("says what is wrong with a row, a query and a file", function()
    local source = moonvec.source.sqlite(path, "SELECT 'x' AS n UNION SELECT 1 ORDER BY 1 DESC")
    source:use_schema(moonvec.schema(SCHEMA))
    assert.same({ false, "field 'n': 'x' is not a number" }, { source:read() })
    assert.same({ n = 1 }, source:read())
    source:close()
    local function failure(...)
      local none, message, code = moonvec.source.sqlite(...)
      assert.is_nil(none)
      return (message:gsub("^'.-'", "it")), code
    end
    assert.same({ 'it: near "SELEC": syntax error', "invalid" }, { failure(path, "SELEC 1") })
    assert.matches("^cannot open /nowhere: No such file", (failure("/nowhere", "SELECT 1")))
    local other = support.path()
    local file = io.open(other, "wb")
    file:write "not a database"
    file:close()
    assert.equal("it is no SQLite database", (failure(other, "SELECT 1")))
    assert.equal("not a database", text_files.read(other))
    file = io.open(other, "wb")
    file:write("SQLite format 3\0", ("x"):rep(5000))
    file:close()
    assert.is_string((failure(other, "SELECT * FROM t")))
  end)
end)
