-- Error messages of wrong filters: the column, what was found, and what was expected.

local moonvec = require "moonvec"

describe("a wrong filter", function()
  local c

  setup(function()
    c = assert(moonvec.open(":memory:", {
      schema = {
        fields = {
          { name = "title", type = "string" },
          { name = "year", type = "int32", nullable = true },
          { name = "tags", type = "array_string", nullable = true },
        },
        vectors = { { name = "embedding", type = "vector_fp32", dim = 2, metric = "l2", index = "flat" } },
      },
    }))
  end)

  teardown(function()
    c:close()
  end)

  local function message_of(filter, args)
    local ok, message = pcall(c.count, c, filter, args)
    assert.is_false(ok)
    return message
  end

  local function refuses(filter, wanted, args)
    local message = message_of(filter, args)
    assert(message:find(wanted, 1, true), ("%s\n  expected: %s\n  got:      %s"):format(filter, wanted, message))
  end

  it("is told where a word is missing", function()
    refuses("year >= ", "filter:9: expected a value after '>=', found the end")
    refuses("year >= AND true", "filter:9: expected a value after '>=', found 'AND'")
    refuses("year 1", "filter:6: expected an operator after 'year', found '1'")
    refuses("", "filter:1: expected a test, found the end")
  end)

  it("is told of parentheses and strings without end", function()
    refuses("(year = 1", "filter:10: expected AND, OR or ')' after '1', found the end")
    refuses("year = 1)", "filter:9: expected AND, OR or the end after '1', found ')'")
    refuses("title = 'Dune", "filter:9: the string that begins here has no end")
  end)

  it("is told the name that was probably meant", function()
    refuses("yeer = 1", "filter:1: unknown field 'yeer' (did you mean 'year'?)")
    refuses("year = 1 AND Tags IS NULL", "filter:14: unknown field 'Tags' (did you mean 'tags'?)")
  end)

  it("is told how a string is written", function()
    refuses("title = Dune",
      "filter:9: expected a value, found the name 'Dune' (a string is in single quotes, or given in 'args' for a '?')")
    refuses("tags CONTAIN_ANY (scifi)", "filter:19: expected a value, found the name 'scifi'")
    refuses("title BETWEEN a AND 'b'", "filter:15: expected a value, found the name 'a'")
    refuses("title = tags",
      "filter:9: a field is compared with a value, not with another field: 'tags' is a field")
  end)

  it("is told which test fits the field", function()
    refuses("year = 1 && year = 2", "filter:10: no operator '&&' (write 'AND')")
    refuses("year = 1 || year = 2", "write 'OR'")
    refuses("!(year = 1)", "write 'NOT'")
    refuses("tags = 'scifi'", "CONTAIN_ANY")
    refuses("year CONTAIN_ANY (1)", "use IN")
    refuses("embedding = 1", "field 'embedding' is a vector")
    refuses("year LIKE '19%'", "LIKE tests strings")
    refuses("year == 1", "write '='")
    refuses("year ~= 1", "write '!='")
    refuses("year = NULL", "write IS NULL")
    refuses('title = "Dune"', "strings are in single quotes")
  end)

  it("is told the range of the field's type", function()
    refuses("year = 3000000000", "filter:8: field 'year' is int32: 3000000000 is out of range")
    refuses("year = 1.5", "filter:8: field 'year' is int32: 1.5 is not a whole number")
    refuses("year IN (1, 'x')", "filter:13: field 'year' wants a number, got a string")
  end)

  it("is told which argument is wrong", function()
    refuses("title = ? AND year = ?", "filter:22: argument 2: field 'year' wants a number", { "Dune", "x" })
    refuses("year = ?", "the filter has 1 '?', 0 arguments were given")
    refuses("year = 1", "the filter has 0 '?', 1 arguments were given", { 1 })
    refuses("year IN ?", "filter:9: argument 1 is not a list", { 1 })
  end)

  it("is refused beyond the limits, which are named", function()
    local function limited(filter, wanted)
      local count, message, code = c:count(filter)
      assert.is_nil(count)
      assert.equal(wanted, message)
      assert.equal("limit", code)
    end
    limited(("("):rep(10000), "filter:201: more than 200 levels of parentheses and NOT")
    limited("true" .. (" AND true"):rep(4096), "filter:36865: more than 4096 tests")
    limited("year = 1" .. (" "):rep(2 ^ 20), "the filter has 1048584 bytes, at most 1048576 are allowed")
  end)
end)
