-- Filters built as data: their text and arguments, and the documents that they match.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local f = moonvec.filter

describe("a built filter", function()
  local c

  setup(function()
    c = support.collection {
      fields = {
        { name = "year", type = "int32", nullable = true },
        { name = "title", type = "string" },
        { name = "tags", type = "array_string", nullable = true },
      },
    }
    c:insert {
      { id = "a", year = 1815, title = "Emma", tags = { "romance" } },
      { id = "b", year = 1965, title = "Dune", tags = { "scifi", "desert" } },
      { id = "c", year = 1984, title = "100%_sure", tags = {} },
      { id = "d", title = "Beowulf" },
    }
  end)
  teardown(support.clean)

  local cases = {
    { f.eq("year", 1965), "year = ?", "b" },
    { f.ne("year", 1965), "year != ?", "a c" },
    { f.lt("year", 1965), "year < ?", "a" },
    { f.le("year", 1965), "year <= ?", "a b" },
    { f.gt("year", 1965), "year > ?", "c" },
    { f.ge("year", 1965), "year >= ?", "b c" },
    { f.between("year", 1900, 1970), "year BETWEEN ? AND ?", "b" },
    { f.is_null("year"), "year IS NULL", "d" },
    { f.not_null("year"), "year IS NOT NULL", "a b c" },
    { f.one_of("title", { "Dune", "Beowulf" }), "title IN ?", "b d" },
    { f.like("title", "%u%"), "title LIKE ?", "b c d" },
    { f.like("title", "100\\%\\_%", "\\"), "title LIKE ? ESCAPE '\\'", "c" },
    { f.like("title", "100'%'_%", "'"), "title LIKE ? ESCAPE ''''", "c" },
    { f.ilike("title", "%U%"), "title ILIKE ?", "b c d" },
    { f.ilike("title", "100\\%\\_S%", "\\"), "title ILIKE ? ESCAPE '\\'", "c" },
    { f.starts_with("title", "100%"), "title STARTS WITH ?", "c" },
    { f.starts_with("title", "dU", "nocase"), "title COLLATE NOCASE STARTS WITH ?", "b" },
    { f.eq("title", "dUNE", "nocase"), "title COLLATE NOCASE = ?", "b" },
    { f.between("title", "beo", "DUNE", "nocase"), "title COLLATE NOCASE BETWEEN ? AND ?", "b d" },
    { f.one_of("title", { "DUNE", "emma" }, "nocase"), "title COLLATE NOCASE IN ?", "a b" },
    { f.contain_any("tags", { "scifi", "romance" }), "tags CONTAIN_ANY ?", "a b" },
    { f.contain_all("tags", { "scifi", "desert" }), "tags CONTAIN_ALL ?", "b" },
    { f.array_length("tags", ">=", 1), "array_length(tags) >= ?", "a b" },
    { f.all(f.ge("year", 1900), f.contain_any("tags", { "scifi" })), "(year >= ?) AND (tags CONTAIN_ANY ?)", "b" },
    { f.any { f.eq("year", 1815), f.eq("id", "d") }, "(year = ?) OR (id = ?)", "a d" },
    { f.all(), "true", "a b c d" },
    { f.any {}, "false", "" },
    { f.no(f.eq("year", 1965)), "NOT (year = ?)", "a c" },
    {
      f.all(f.any(f.eq("year", 1965), f.is_null("year")), f.no(f.like("title", "B%"))),
      "((year = ?) OR (year IS NULL)) AND (NOT (title LIKE ?))",
      "b",
    },
  }
  for _, case in ipairs(cases) do
    local filter, text, found = case[1], case[2], case[3]
    it("is text with its values beside it: " .. text, function()
      assert.equal(text, filter.text)
      assert.equal("moonvec.filter: " .. text, tostring(filter))
      assert.equal(found, table.concat(support.ids(c:query { filter = filter }), " "))
      assert.equal(#support.ids(c:query { filter = filter }), c:count(filter))
      assert.equal(c:count(filter), c:count(filter.text, filter.args))
    end)
  end

  it("never has values in its text", function()
    local nasty = "' OR true OR title = '"
    assert.equal(0, c:count(f.eq("title", nasty)))
    assert.equal("title = ?", f.eq("title", nasty).text)
  end)

  it("says what is wrong with its arguments", function()
    local function says(text, ...)
      assert.equal(text, support.message_of(...))
    end
    says("filter.eq: 'year = 1 OR x' is not a field name", f.eq, "year = 1 OR x", 1)
    says("filter.eq: 'nil' is not a field name", f.eq)
    says("filter.ge: the value for 'year' is nil", f.ge, "year")
    says("filter.between: the value for 'year' is nil", f.between, "year", 1)
    says("filter.one_of: expected a list of values for 'year', got a number", f.one_of, "year", 1)
    says("filter.like: the pattern for 'title' must be a string, got a number", f.like, "title", 5)
    says("filter.like: the escape for 'title' must be one letter, digit or punctuation character", f.like,
      "title", "x", "ab")
    says("filter.ilike: the pattern for 'title' must be a string, got a nil", f.ilike, "title")
    says("filter.starts_with: the prefix for 'title' must be a string, got a number", f.starts_with, "title", 5)
    says("filter.eq: the collation for 'title' must be \"nocase\", got NOCASE", f.eq, "title", "x", "NOCASE")
    says("filter.one_of: the collation for 'title' must be \"nocase\", got true", f.one_of, "title", {}, true)
    says("filter.array_length: 'like' is not a comparison", f.array_length, "tags", "like", 1)
    local length = "filter.array_length: the length for 'tags' must be a whole number, got "
    says(length .. "a string", f.array_length, "tags", "=", "1")
    says(length .. "1.5", f.array_length, "tags", "=", 1.5)
    says("filter.all: argument 2 is a string, expected a filter", f.all, f.is_null("year"), "year = 1")
    says("filter.no: argument 1 is a string, expected a filter", f.no, "year = 1")
    says("filter.no: expected a filter, got a table", f.no, {})
  end)
end)
