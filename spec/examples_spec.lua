local program = require "spec.support.program"

describe("the quickstart example", function()
  it("finds the nearer document first", function()
    local output, status = program.run("examples/quickstart.lua")
    assert.are.equal(0, status, output)
    assert.are.equal("doc_2  score 0.926\ndoc_1  score 0.710\n", output)
  end)

  it("keeps its collection under a given path", function()
    local path = program.temporary_path()
    local first = program.run("examples/quickstart.lua", path)
    local again, status = program.run("examples/quickstart.lua", path)
    program.remove(path)
    assert.are.equal(0, status, again)
    assert.are.equal(first, again)
  end)
end)

describe("the semantic cache example", function()
  it("answers a question that means the same from the cache, and does so in the next process", function()
    local path = program.temporary_path()
    local first, status = program.run("examples/semantic_cache.lua", path)
    local again = program.run("examples/semantic_cache.lua", path)
    program.remove(path)
    assert.are.equal(0, status, first)
    assert.matches("\nwhat's the meaning of life\t42, as to 'What is the meaning of life%?'\tfrom the cache\n", first)
    assert.matches("\n1 hits, 3 misses, 3 answers kept, 0 expired, 0 evicted\n$", first)
    assert.matches("\n4 hits, 0 misses, 3 answers kept, 0 expired, 0 evicted\n$", again)
  end)
end)

describe("the game example", function()
  it("recalls memories of wolves, in frames that also remember and optimize", function()
    local output, status = program.run("examples/game.lua", "300")
    assert.are.equal(0, status, output)
    assert.matches("^%a+ remembers of wolves:\n  %a+ a wolf [%a ]+ %(0%.%d+%)\n", output)
    assert.matches("\n300 memories after 300 frames, the longest of which took [%d.]+ ms\n$", output)
  end)
end)

describe("the hybrid example", function()
  local output, status

  -- The hits printed below a title, as { id, category, score }.
  local function hits_of(title)
    local hits = {}
    local block = assert(output:match("\n" .. title .. "\n([%s%w_.-]*)"), output)
    for line in block:gmatch("[^\n]+") do
      local id, category, score = line:match("^  (%S+)%s+(%S+)%s+(%S+)$")
      if not id then
        break
      end
      hits[#hits + 1] = { id = id, category = category, score = tonumber(score) }
    end
    return hits
  end

  setup(function()
    output, status = program.run("examples/hybrid.lua")
  end)

  it("runs", function()
    assert.are.equal(0, status, output)
    assert.is_truthy(output:find("^300 documents\n"), output)
  end)

  it("finds the nearest of all without a filter", function()
    local hits = hits_of("nearest of all")
    assert.are.equal(5, #hits)
    assert.are.equal("doc_100", hits[1].id)
    assert.are.equal("doc_101", hits[2].id)
  end)

  it("finds as many of one category", function()
    local hits = hits_of("nearest films")
    assert.are.equal(5, #hits)
    assert.are.equal("doc_100", hits[1].id)
    for i, hit in ipairs(hits) do
      assert.are.equal("film", hit.category)
      assert.is_true(i == 1 or hit.score <= hits[i - 1].score)
    end
  end)

  it("finds those of several categories", function()
    local hits = hits_of("nearest books and songs")
    assert.are.equal("doc_101", hits[1].id)
    for _, hit in ipairs(hits) do
      assert.are_not.equal("film", hit.category)
    end
  end)
end)
