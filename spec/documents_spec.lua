-- Write documents and read them by id.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local function new_books(options)
  return support.collection({
    fields = {
      { name = "title", type = "string" },
      { name = "year", type = "int32", nullable = true },
      { name = "tags", type = "array_string", nullable = true },
      { name = "stock", type = "int32", default = 1 },
    },
    vectors = { { name = "embedding", type = "vector_fp32", dim = 2, metric = "l2" } },
  }, options)
end

local function book(id, more)
  local document = { id = id, title = "Title of " .. id, embedding = { 1, 2 } }
  for key, value in pairs(more or {}) do
    document[key] = value
  end
  return document
end

for _, state in ipairs { "fresh", "sealed" } do
  describe("in a " .. state .. " collection,", function()
    local books

    local function settle()
      if state == "sealed" then
        assert(books:optimize())
      end
    end

    before_each(function()
      books = new_books { maintenance = "manual", path = state == "fresh" and ":memory:" or nil }
    end)
    after_each(support.clean)

    describe("insert", function()
      it("takes one document or many", function()
        assert.equal(1, books:insert(book("dune", { year = 1965, tags = { "scifi", "desert" } })))
        assert.equal(2, books:insert { book "emma", book "ulysses" })
        assert.equal(0, books:insert {})
        settle()
        assert.same(
          { id = "dune", title = "Title of dune", year = 1965, tags = { "scifi", "desert" }, stock = 1 },
          books:fetch("dune")
        )
        assert.same({ id = "emma", title = "Title of emma", stock = 1 }, books:fetch("emma"))
        assert.equal(3, #books)
      end)

      it("inserts nothing when one id is there", function()
        books:insert(book "dune")
        settle()
        local inserted, message, code = books:insert { book "emma", book "dune" }
        assert.is_nil(inserted)
        assert.equal("exists", code)
        assert.truthy(message:find("dune", 1, true), message)
        assert.equal(1, #books)
        assert.equal("document 'dune' exists already", message)
        inserted, message, code = books:insert { book "emma", book "ulysses", book "emma" }
        assert.is_nil(inserted)
        assert.equal("exists", code)
        assert.equal("documents 1 and 3 of the batch have the same id 'emma'", message)
        assert.equal(1, #books)
      end)

      it("takes what fetch and query return", function()
        books:insert { book("dune", { year = 1965, tags = {} }), book "emma" }
        settle()
        local fetched = books:fetch({ "dune", "emma" }, { include_vector = true })
        local hits = books:query { vector = { 1, 2 }, include_vector = "table" }
        books:delete { "dune", "emma" }
        assert.equal(2, books:insert { fetched.dune, fetched.emma })
        assert.same(fetched, books:fetch({ "dune", "emma" }, { include_vector = true }))
        assert.equal(2, books:upsert(hits))
        assert.same(fetched, books:fetch({ "dune", "emma" }, { include_vector = true }))
      end)
    end)

    it("upsert inserts and replaces whole documents", function()
      books:insert(book("dune", { year = 1965, stock = 5 }))
      settle()
      assert.equal(2, books:upsert { book("dune", { title = "Dune" }), book "emma" })
      settle()
      assert.same({ id = "dune", title = "Dune", stock = 1 }, books:fetch("dune"))
      assert.equal(2, #books)
      assert.equal(2, books:upsert { book("dune", { stock = 2 }), book("dune", { stock = 3 }) })
      assert.equal(3, books:fetch("dune").stock)
      assert.equal(2, #books)
    end)

    it("upsert of one id twice in a large batch keeps the last, and counts both", function()
      local batch = {}
      for i = 1, 5000 do
        batch[i] = book(i % 4999, { stock = i })
      end
      assert.equal(5000, books:upsert(batch))
      assert.equal(4999, #books)
      assert.equal(5000, books:fetch("1").stock)
    end)

    describe("update", function()
      it("makes both changes if an id is given twice, in order, and counts both", function()
        books:insert(book "dune")
        settle()
        assert.equal(2, books:update { { id = "dune", year = 1965, stock = 2 }, { id = "dune", stock = 3 } })
        assert.same({ id = "dune", title = "Title of dune", year = 1965, stock = 3 }, books:fetch("dune"))
      end)

      it("changes the named fields only", function()
        books:insert(book("dune", { year = 1965, tags = { "scifi" } }))
        settle()
        assert.equal(1, books:update { id = "dune", year = 1966 })
        settle()
        assert.equal(1, books:update { { id = "dune", embedding = { 3, 4 } } })
        local dune = books:fetch("dune", { include_vector = "table" })
        assert.same(
          { id = "dune", title = "Title of dune", year = 1966, tags = { "scifi" }, stock = 1, embedding = { 3, 4 } },
          dune
        )
      end)

      it("clears a nullable field by moonvec.null", function()
        books:insert(book("dune", { year = 1965 }))
        settle()
        books:update { id = "dune", year = moonvec.null }
        assert.is_nil(books:fetch("dune").year)
        assert.has_error(function()
          books:update { id = "dune", title = moonvec.null }
        end)
      end)

      it("changes nothing when an id is missing", function()
        books:insert(book("dune", { year = 1965 }))
        settle()
        local updated, message, code = books:update { { id = "dune", year = 1 }, { id = "emma", year = 2 } }
        assert.is_nil(updated)
        assert.equal("not_found", code)
        assert.truthy(message:find("emma", 1, true), message)
        assert.equal(1965, books:fetch("dune").year)
      end)
    end)

    it("delete counts those that were there", function()
      books:insert { book "a", book "b", book "c" }
      settle()
      assert.equal(1, books:delete("a"))
      assert.equal(0, books:delete("a"))
      assert.equal(1, books:delete { "a", "b", "x" })
      assert.equal(0, books:delete {})
      assert.equal(1, #books)
      assert.is_nil(books:fetch("a"))
      assert.equal(1, books:insert(book("a", { year = 2000 })))
      settle()
      assert.equal(2000, books:fetch("a").year)
    end)

    it("delete_by_filter deletes the documents that match", function()
      books:insert { book("a", { year = 1 }), book("b", { year = 2 }), book "c" }
      settle()
      assert.equal(1, books:delete_by_filter("year >= ?", { 2 }))
      assert.equal(1, books:delete_by_filter(moonvec.filter.is_null("year")))
      assert.equal(0, books:delete_by_filter("false"))
      assert.same({ "a" }, support.ids(support.documents(books)))
    end)

    describe("fetch", function()
      before_each(function()
        books:insert { book("a", { year = 1 }), book("b", { year = 2 }) }
        settle()
      end)

      it("answers one document, or nil and why", function()
        assert.equal(1, books:fetch("a").year)
        local found, message, code = books:fetch("x")
        assert.is_nil(found)
        assert.equal("document 'x' not found", message)
        assert.equal("not_found", code)
      end)

      it("answers many by id", function()
        local found = books:fetch { "b", "x", "a", "b" }
        assert.equal(1, found.a.year)
        assert.equal(2, found.b.year)
        assert.is_nil(found.x)
        assert.same({}, books:fetch {})
      end)

      it("leaves out fields and adds vectors as asked", function()
        assert.same({ id = "a" }, books:fetch("a", { output_fields = {} }))
        assert.same({ id = "a", year = 1 }, books:fetch("a", { output_fields = { "year", "id" } }))
        local packed = moonvec.pack { 1, 2 }
        assert.same({ id = "a", embedding = packed }, books:fetch("a", { output_fields = { "embedding" } }))
        assert.equal(packed, books:fetch("a", { include_vector = true }).embedding)
        assert.same({ 1, 2 }, books:fetch("a", { include_vector = "table" }).embedding)
        assert.is_nil(books:fetch("a", { include_vector = false }).embedding)
      end)
    end)

    it("count counts all documents or those that match", function()
      books:insert { book("a", { year = 1 }), book("b", { year = 2 }), book "c" }
      settle()
      assert.equal(3, books:count())
      assert.equal(1, books:count("year = 1"))
      assert.equal(2, books:count("year IN ?", { { 1, 2, 3 } }))
      assert.equal(1, books:count(moonvec.filter.is_null("year")))
    end)

    describe("iterate", function()
      before_each(function()
        books:insert { book("a", { year = 1 }), book("b", { year = 2 }), book("c", { year = 3 }) }
        settle()
      end)

      it("walks all documents, oldest first", function()
        books:update { id = "a", year = 4 }
        local years = {}
        for document in books:iterate { output_fields = { "year" } } do
          years[#years + 1] = document.id .. document.year
        end
        assert.same({ "b2", "c3", "a4" }, years)
      end)

      it("walks the documents that match a filter", function()
        local found = {}
        for document in books:iterate { filter = "year != ?", args = { 2 } } do
          found[#found + 1] = document.id
        end
        assert.same({ "a", "c" }, found)
      end)

      it("sees one snapshot, also while others write", function()
        local seen = {}
        for document in books:iterate() do
          seen[#seen + 1] = document.id
          books:delete { "a", "b", "c" }
          books:insert(book("new" .. #seen))
        end
        assert.same({ "a", "b", "c" }, seen)
        assert.equal(3, #books)
      end)

      it("may be left early, and ended iterators stay ended", function()
        local first
        for document in books:iterate() do
          first = first or document.id
          if first then
            break
          end
        end
        assert.equal("a", first)
        local next_book = books:iterate { filter = "year = 1" }
        assert.equal("a", next_book().id)
        assert.is_nil(next_book())
        assert.is_nil(next_book())
      end)
    end)
  end)
end

describe("an id", function()
  local books
  before_each(function()
    books = new_books()
  end)
  after_each(support.clean)

  it("may be a whole number, which stands for its digits", function()
    books:insert { book "x", { id = 42, title = "n", embedding = { 1, 1 } } }
    assert.equal("42", books:fetch(42).id)
    assert.equal("42", books:fetch("42").id)
    assert.equal("n", books:fetch({ 42 })["42"].title)
    assert.equal(1, books:update { id = 42, title = "m" })
    assert.equal("x", books:query({ id = 42 })[1].id)
    assert.equal(1, books:delete(42))
  end)

  it("may be any bytes, up to 1,024", function()
    local ids = { "\0", "a\0b", "\255\254", ("x"):rep(1024), " ", "Ünïcode" }
    for i, id in ipairs(ids) do
      assert.equal(1, books:insert { id = id, title = "t", year = i, embedding = { 1, 1 } })
    end
    for i, id in ipairs(ids) do
      local found = books:fetch(id)
      assert.equal(id, found.id)
      assert.equal(i, found.year)
    end
    assert.equal(#ids, books:delete(ids))
  end)
end)
