-- ingest into a collection whose vectors a model makes: a text that fails is an error of its row.

local moonvec = require "moonvec"
local support = require "spec.support.init"

describe("ingest with a model", function()
  after_each(support.clean)

  local asked, is_down
  local model = {
    name = "letters", dim = 2, fingerprint = "1",
    embed = function(texts)
      if is_down then
        return nil, "the model is down", "io"
      end
      local vectors, failures = {}, {}
      asked = asked + 1
      for i, text in ipairs(texts) do
        vectors[i] = text ~= "bad" and { #text, 1 }
        failures[i] = text == "bad" and "no letters" or nil
      end
      return vectors, failures
    end,
  }

  local function collection()
    asked, is_down = 0, false
    return assert(moonvec.open(":memory:", {
      schema = {
        fields = { { name = "body", type = "string" } },
        vectors = {
          { name = "v", type = "vector_fp32", dim = 2, metric = "l2", embed = { from = "body", model = "letters" } },
        },
      },
      models = { letters = model },
    }))
  end

  local function rows(texts)
    local i = 0
    return function()
      i = i + 1
      return texts[i] and { id = i, body = texts[i] }
    end
  end

  it("asks once for a batch, and leaves out the rows whose text fails", function()
    local c = collection()
    local result = assert(c:ingest(rows { "a", "bad", "bcd" }, { on_error = "skip" }))
    assert.equal(1, asked)
    assert.equal(2, result.written)
    assert.equal(1, result.skipped)
    assert.equal(2, result.errors[1].row)
    assert.matches("no letters", result.errors[1].message)
    assert.same({ 3, 1 }, c:fetch("3", { include_vector = "table" }).v)
    c:close()
  end)

  it("asks for at most 1,000 texts at once", function()
    local c, texts = collection(), {}
    for i = 1, 1001 do
      texts[i] = "a"
    end
    assert.equal(1001, assert(c:ingest(rows(texts))).written)
    assert.equal(2, asked)
    c:close()
  end)

  it("stops at such a row, and when the model fails", function()
    local c = collection()
    local _, message, code = c:ingest(rows { "a", "b", "c", "bad", "d" }, { batch = 2 })
    assert.matches("^document 4: .*no letters", message)
    assert.equal("io", code)
    assert.equal(2, #c)
    is_down = true
    _, message, code = c:ingest(rows { "x" }, { on_error = "skip", mode = "upsert" })
    assert.matches("the model is down", message)
    assert.equal("io", code)
    assert.equal(2, #c)
    c:close()
  end)
end)
