-- `moonvec recall`: the rows and the advice of c:measure, printed.

local command_line = require "spec.support.command_line"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local support = require "spec.support"

local unpack = table.unpack or unpack -- luacheck: ignore 143 113

describe("moonvec recall", function()
  local path

  setup(function()
    local c
    c, path = support.collection({
      fields = { { name = "n", type = "int32" } },
      vectors = { { name = "v", type = "vector_fp32", dim = 4, metric = "l2", index = { type = "hnsw", m = 4 } } },
    }, { maintenance = "manual" })
    local random, documents = support.random(3), {}
    for n = 1, 1400 do
      documents[n] = { id = n, n = n, v = support.vector(random, 4) }
    end
    assert(c:insert(documents))
    assert(c:optimize { threads = 1 })
    assert(c:close())
  end)
  teardown(support.clean)

  it("prints what measure returns", function()
    local c = assert(moonvec.open(path, { read_only = true }))
    local rows = assert(c:measure {
      samples = 30, topk = 4, efs = { 5 }, recalls = { 0.5 }, filter = "n > 200", seed = 9,
    })
    c:close()
    local options = {
      "--samples", "30", "--topk", "4", "--efs", "5", "--recalls", "0.5", "--filter", "n > 200", "--seed", "9",
    }
    local found = json.decode(command_line.output("recall", path, "--json", unpack(options)))
    assert.equal(3, #found.rows)
    for i, row in ipairs(rows) do
      assert.equal(row.setting, found.rows[i].setting)
      assert.is_true(math.abs(row.recall - found.rows[i].recall) < 1e-12)
      assert.equal(row.distances, found.rows[i].distances)
    end
    assert.is_string(found.advice)

    local text = command_line.output("recall", path, unpack(options))
    local lines = {}
    for line in text:gmatch "[^\n]+" do
      lines[#lines + 1] = line
    end
    assert.matches("^setting +recall +%+%- +p50 us +p99 us +distances$", lines[1])
    for i, row in ipairs(rows) do
      local setting, recall = lines[i + 2]:match "^(%S.-)  +([%d.]+)"
      assert.equal(row.setting, setting)
      assert.is_true(row.recall >= tonumber(recall) and row.recall < tonumber(recall) + 0.0001)
    end
    assert.equal(6, #lines)
    assert.matches("exact", lines[6])
  end)

  it("searches for the vectors of a file", function()
    local random, vectors, fvecs, lines = support.random(8), {}, {}, {}
    for i = 1, 20 do
      vectors[i] = support.vector(random, 4)
      fvecs[i] = "\4\0\0\0" .. moonvec.pack(vectors[i])
      lines[i] = json.encode(i % 2 == 0 and { v = vectors[i] } or { vector = moonvec.unpack(moonvec.pack(vectors[i])) })
    end
    local c = assert(moonvec.open(path, { read_only = true }))
    local rows = assert(c:measure { queries = vectors, topk = 3, efs = { 4 } })
    c:close()
    local function file(name, text)
      local at = support.path() .. name
      local opened = assert(io.open(at, "wb"))
      opened:write(text)
      opened:close()
      return at
    end
    for name, text in pairs { [".fvecs"] = table.concat(fvecs), [".jsonl"] = table.concat(lines, "\n") } do
      local at = file(name, text)
      local found = json.decode(command_line.output("recall", path, "--queries", at, "--topk", 3, "--efs", 4, "--json"))
      for i, row in ipairs(rows) do
        assert.equal(row.setting, found.rows[i].setting)
        assert.is_true(math.abs(row.recall - found.rows[i].recall) < 1e-12)
      end
      os.remove(at)
    end
    for text, message in pairs {
      ['{"w": [1, 2, 3, 4]}'] = ": line 1: there is no vector in 'v'", ['{"v": [1,'] = ": line 1: ",
      ['{"v": [1, 2]}'] = "vector has 2 numbers, field 'v' wants 4", [""] = ": there is no vector",
    } do
      local at = file(".jsonl", text)
      local said = select(3, command_line.run("recall", path, "--queries", at))
      assert.truthy(said:find(message, 1, true), said)
      os.remove(at)
    end
    assert.matches("/nowhere.fvecs", command_line.failure(1, "recall", path, "--queries", "/nowhere.fvecs"))
  end)

  it("says what is wrong", function()
    local function failure(exit_code, ...)
      return command_line.failure(exit_code, "recall", path, ...)
    end
    assert.matches("^moonvec: measure: unknown vector field 'w' %(valid: 'v'%)\n", failure(2, "--field", "w"))
    assert.matches("^moonvec: recall: '%-%-topk' must be a whole number, got 'x'\n", failure(2, "--topk", "x"))
    assert.matches("^moonvec: recall: '%-%-recalls' must be a list of numbers, got 'high'\n",
      failure(2, "--recalls", "high"))
    assert.matches("'recalls%[1%]' must be a number from 0 to 1, got 95", failure(2, "--recalls", "95"))
    assert.matches("filter:1: unknown field 'm'", failure(2, "--filter", "m > 1"))
    assert.matches("unknown option '%-%-sample' %(did you mean '%-%-samples'%?%)", failure(2, "--sample", "5"))
  end)
end)
