-- The models of collections and the program moonvec: where they are, and how they come along with documents.

local command_line = require "spec.support.command_line"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

local output, failure = command_line.output, command_line.failure
local unpack = table.unpack or unpack -- luacheck: ignore

--- Texts about animals and plants, from which a model learns which words belong together.
local function texts()
  local list = {}
  for i = 1, 60 do
    list[#list + 1] = "the dog and the wolf bark at the moon"
    list[#list + 1] = "the oak and the beech grow leaves in spring"
    list[#list + 1] = "number" .. i
  end
  return list
end

describe("the model of a collection that a program has made", function()
  local path, file

  before_each(function()
    path, file = support.path(), support.path()
    local model = assert(moonvec.embed.learn(texts(), { name = "words", dim = 16 }))
    assert(model:save(file))
    local c = assert(moonvec.create_and_open(path, {
      fields = { { name = "body", type = "string" } },
      vectors = { { name = "v", type = "vector_fp32", embed = { from = "body", model = "words" } } },
    }, { models = { words = model } }))
    assert(c:insert { { id = "wolf", body = "wolf" }, { id = "oak", body = "oak" } })
    assert(c:close())
  end)
  after_each(support.clean)

  it("is asked for by a message that says how to name it", function()
    for _, words in ipairs {
      { "query", path, "dog" }, { "put", path, '{"id":"x","body":"dog"}' }, { "shell", path, ".ask dog" },
    } do
      local message = failure(1, unpack(words))
      assert.truthy(message:find("the collection does not say where the model 'words' is: give --model words=PLACE, ",
        1, true), message)
    end
    assert.equal("2\n", output("count", path))
  end)

  it("is named by --model, as a path or with its kind", function()
    for _, place in ipairs { file, "learn:" .. file } do
      assert.equal("wolf", json.decode(output("query", path, "dog", "--model", "words=" .. place, "--topk", 1,
        "--json")).id)
    end
    output("put", path, '{"id":"tree","body":"beech"}', "--model", "words=" .. file)
    local _, exit_code, errors = command_line.shell(("echo '%s' | %s"):format('{"id":"dog","body":"dog"}',
      command_line.command("import", path, "-", "--model", "words=" .. file)))
    assert.equal(0, exit_code, errors)
    local found = output("shell", path, "--model", "words=" .. file, "--mode", "jsonl", ".limit 2", ".ask leaves")
    local ids = {}
    for line in found:gmatch "[^\n]+" do
      ids[json.decode(line).id] = true
    end
    assert.same({ oak = true, tree = true }, ids)
  end)

  it("is found once the collection says where it is", function()
    output("shell", path, "--write", ("c:meta('moonvec.model.words', 'learn:%s')"):format(file))
    assert.equal("oak", json.decode(output("query", path, "leaves", "--topk", 1, "--json")).id)
    local copy = support.path()
    output("backup", path, copy) -- which has no copy of a model that is elsewhere
    assert.equal("oak", json.decode(output("query", copy, "leaves", "--topk", 1, "--json")).id)
  end)

  it("is known to a collection that import --like makes", function()
    local copy = support.path()
    output("import", copy, text_files.new('{"id":"x","body":"dog"}', ".jsonl"), "--like", path, "--model",
      "words=" .. file)
    assert.equal("x", json.decode(output("query", copy, "wolf", "--json")).id)
  end)

  it("says what is wrong with --model", function()
    assert.truthy(failure(2, "query", path, "a", "--model", file):find("'--model' must be NAME=PLACE, got '", 1, true))
    assert.truthy(failure(2, "query", path, "a", "--model", "wrds=" .. file):find("did you mean 'words'?", 1, true))
    assert.truthy(failure(1, "query", path, "a", "--model", "words=" .. file .. "x"):find("model 'words': there is no "
      .. "file or folder '" .. file .. "x'", 1, true))
    local other = support.path()
    assert(assert(moonvec.embed.learn({ "a b", "a b", "a c" }, { dim = 16 })):save(other))
    assert.truthy(failure(1, "query", path, "a", "--model", "words=" .. other):find("fingerprint", 1, true))
  end)
end)

describe("search by meaning of a collection that is exported", function()
  after_each(support.clean)

  it("is kept by import --like", function()
    local path, copy, lines = support.path(), support.path(), {}
    for i, text in ipairs(texts()) do
      lines[i] = json.encode { id = "d" .. i, body = text, n = i }
    end
    local file = text_files.new(table.concat(lines, "\n"), ".jsonl")
    output("import", path, file, "--embed", "body")
    local _, exit_code, errors = command_line.run("export", path, file)
    assert.equal(0, exit_code)
    assert.truthy(errors:find(("without the model learnt: 'moonvec import NEW FILE --like %s' keeps"):format(path), 1,
      true), errors)
    output("import", copy, file, "--like", path)
    assert.equal(output("schema", path), output("schema", copy))
    assert.equal("", output("diff", path, copy))
    assert.equal(output("query", path, "wolf", "--json"), output("query", copy, "wolf", "--json"))
    output("put", copy, '{"id":"new","body":"wolf"}')
    assert.truthy(failure(2, "import", copy, file, "--like", path):find("--like counts when the collection is made", 1,
      true))
    assert.truthy(failure(2, "import", support.path(), file, "--like", path, "--embed", "body"):find(
      "give one of --like and --embed", 1, true))
  end)

  it("is left out by a failed import together with its model", function()
    local path, lines = support.path(), {}
    for i, text in ipairs(texts()) do
      lines[i] = json.encode { id = "same", body = text }
    end
    local file = text_files.new(table.concat(lines, "\n"), ".jsonl")
    local message = failure(1, "import", path, file, "--embed", "body")
    assert.truthy(message:find("an earlier row has the same id", 1, true), message)
    assert.truthy(message:find("(no collection was made)", 1, true), message)
    assert.is_nil(io.open(path))
  end)
end)
