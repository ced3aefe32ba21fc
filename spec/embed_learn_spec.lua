-- moonvec.embed.learn: a model that is learnt from texts, saved and loaded.

local moonvec = require "moonvec"
local support = require "spec.support.init"

-- Sentences about three things. Words of one thing are seen together; "car" and "auto" never in one text.
local THINGS = {
  { "car", "auto", "engine", "wheel", "road", "driver", "petrol", "brake", "garage" },
  { "cake", "tart", "flour", "sugar", "oven", "baker", "cream", "butter", "recipe" },
  { "boat", "ship", "sail", "harbour", "captain", "anchor", "wave", "ocean", "deck" },
}

local function texts_of(count)
  local random, texts = support.random(7), {}
  for i = 1, count do
    local thing, words = THINGS[i % 3 + 1], {}
    words[1] = thing[random(2)]
    for k = 2, 5 do
      words[k] = thing[2 + random(#thing - 2)]
    end
    texts[i] = table.concat(words, " ")
  end
  return texts
end

local function dot(a, b)
  local sum = 0
  a, b = moonvec.unpack(a), moonvec.unpack(b)
  for i = 1, #a do
    sum = sum + a[i] * b[i]
  end
  return sum
end

local function near(model, a, b)
  local vectors = model.embed { a, b }
  return dot(vectors[1], vectors[2])
end

local model = moonvec.embed.learn(texts_of(300))

describe("a model that was learnt", function()
  after_each(support.clean)

  it("brings words near that keep the same company", function()
    assert.is_true(near(model, "car", "auto") > 0.4)
    assert.is_true(near(model, "car", "auto") > near(model, "car", "tart") + 0.3)
    assert.is_true(near(model, "the captain of a ship", "anchor of the boat") > 0.5)
  end)

  it("brings words near that are spelt alike, unknown ones too", function()
    assert.is_true(near(model, "drivers", "driver") > near(model, "drivers", "butter") + 0.1)
    assert.is_true(near(model, "zyzzyvas", "zyzzyva") > 0.3)
    assert.is_true(math.abs(near(model, "zyzzyva", "quokka")) < 0.4)
  end)

  it("has a vector of length 1 for every text", function()
    local list = { "car", "", " ", "?!", "zyzzyva", ("car "):rep(1000), "\0", "\255\254", "日本語", ("x"):rep(100000) }
    for i, vector in ipairs(model.embed(list)) do
      assert.is_true(math.abs(dot(vector, vector) - 1) < 1e-5, i)
    end
    assert.same({}, model.embed {})
  end)

  it("counts each word of a text once, in any order", function()
    assert.is_true(near(model, "car wheel car car", "wheel car") > 0.99999)
    assert.is_true(near(model, "zyzzyva quokka zyzzyva", "quokka zyzzyva") > 0.99999)
  end)

  it("is the same for the same texts, however they come", function()
    local again = moonvec.embed.learn(texts_of(300))
    assert.equal(model.fingerprint, again.fingerprint)
    assert.same(model.embed { "car tart" }, again.embed { "car tart" })
    local i, texts = 0, texts_of(300)
    local streamed = moonvec.embed.learn(function()
      i = i + 1
      return texts[i]
    end)
    assert.equal(model.fingerprint, streamed.fingerprint)
    local vectors = {}
    for _, options in ipairs { {}, { seed = 2 }, { dim = 65 }, { min_count = 90 } } do
      vectors[moonvec.embed.learn(texts, options).fingerprint] = true
    end
    local count = 0
    for _ in pairs(vectors) do
      count = count + 1
    end
    assert.equal(4, count)
  end)

  -- Its numbers are those of every Lua and machine, but for the last bits.
  it("is the same everywhere", function()
    local small = moonvec.embed.learn({ "red apple", "red cherry", "green apple" }, { dim = 8, seed = 3 })
    local numbers = {}
    for i, number in ipairs(moonvec.unpack(small.embed { "red" }[1])) do
      numbers[i] = ("%.2f"):format(number):gsub("^-0.00$", "0.00")
    end
    assert.equal("0.35 -0.82 -0.25 -0.17 0.17 0.13 -0.17 -0.17", table.concat(numbers, " "))
  end)

  it("tells what it knows", function()
    assert.same({ 256, 27, 300, "learn" }, { model.dim, model.terms, model.texts, model.name })
    assert.truthy(model.fingerprint:find "^learn%-%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x%x$")
    local few = moonvec.embed.learn(texts_of(300), { max_terms = 5, name = "few" })
    assert.same({ 256, 5, "few" }, { few.dim, few.terms, few.name })
    assert.equal(0, moonvec.embed.learn({}).terms)
    assert.equal(0, moonvec.embed.learn({ "once", "and", "again" }).terms)
    assert.equal(3, moonvec.embed.learn({ "once", "and", "again" }, { min_count = 1 }).terms)
    local stemmed = moonvec.embed.learn({ "the cars", "a car" }, { language = "english", stop_words = true })
    assert.equal(1, stemmed.terms)
    assert.is_true(near(stemmed, "car", "the cars") > 0.99999)
    assert.equal(3, moonvec.embed.learn({ "parseHTML", "parse html" }, { tokenizer = "code", min_count = 1 }).terms)
  end)

  it("is a model of a collection", function()
    local options = { models = { words = model } }
    local c = assert(moonvec.create_and_open(":memory:", {
      fields = { { name = "body", type = "string" } },
      vectors = { { name = "embedding", type = "vector_fp32", embed = { from = "body", model = "words" } } },
    }, options))
    local documents = {}
    for i, text in ipairs(texts_of(300)) do
      documents[i] = { id = i, body = text }
    end
    documents[301] = { id = "empty", body = "" }
    assert(c:insert(documents))
    for _, hit in ipairs(c:query { text = "baking a tart in the oven" }) do
      assert.equal(1, tonumber(hit.id) % 3)
    end
  end)
end)

describe("a learnt model in a file", function()
  after_each(support.clean)

  local function saved()
    local path = support.path()
    assert(model:save(path))
    return path
  end

  local function read(path)
    local file = assert(io.open(path, "rb"))
    local bytes = file:read "*a"
    file:close()
    return bytes
  end

  local function write(path, bytes)
    local file = assert(io.open(path, "wb"))
    file:write(bytes)
    file:close()
  end

  it("is the same when it is loaded", function()
    local path = saved()
    local loaded = assert(moonvec.embed.load(path))
    assert.same({ model.dim, model.terms, model.texts, model.fingerprint },
      { loaded.dim, loaded.terms, loaded.texts, loaded.fingerprint })
    local list = { "car wheel", "zyzzyva", "" }
    assert.same(model.embed(list), loaded.embed(list))
    assert(loaded:save(path .. ".copy")) -- replaces nothing that is open
    assert(loaded:save(path))
    assert.equal(read(path), read(path .. ".copy"))
    assert.same(model.embed(list), loaded.embed(list))
    os.remove(path .. ".copy")
  end)

  it("has its name of the file", function()
    local path = saved()
    assert(os.rename(path, path .. ".english.model"))
    assert.equal(path:match "[^/]*$" .. ".english", moonvec.embed.load(path .. ".english.model").name)
    os.remove(path .. ".english.model")
  end)

  it("is refused when it is damaged, wherever", function()
    local path = support.path()
    local small = moonvec.embed.learn({ "red apple", "red cherry", "green apple" }, { dim = 8 })
    assert(small:save(path))
    local bytes = read(path)
    for at = 1, #bytes do
      local flipped = string.char((bytes:byte(at) + 1) % 256)
      write(path, bytes:sub(1, at - 1) .. flipped .. bytes:sub(at + 1))
      local loaded, message, code = moonvec.embed.load(path)
      assert.is_nil(loaded)
      assert.is_true(code == "corrupt" or code == "version" and at >= 9 and at <= 12, at)
      assert.truthy(message:find(path, 1, true))
    end
    for size = 0, #bytes - 1 do
      write(path, bytes:sub(1, size))
      assert.equal("corrupt", (select(3, moonvec.embed.load(path))))
    end
    write(path, bytes .. "x")
    assert.equal("corrupt", (select(3, moonvec.embed.load(path))))
    write(path, bytes)
    assert(moonvec.embed.load(path))
  end)

  it("is not found, is no file, or cannot be written", function()
    local path = support.path()
    assert.equal("not_found", (select(3, moonvec.embed.load(path))))
    assert.is_nil(moonvec.embed.load "/")
    local done, message, code = model:save(path .. "/there/model")
    assert.is_nil(done)
    assert.equal("not_found", code, message)
  end)
end)

describe("moonvec.embed.learn", function()
  it("names what is wrong", function()
    local learn = moonvec.embed.learn
    for wanted, call in pairs {
      ["embed.learn: expected an array of texts or a function that returns them, got a string"] = { "text" },
      ["embed.learn: text 2 must be a string, got a number"] = { { "a", 2 } },
      ["embed.learn: expected a table of options, got a number"] = { {}, 5 },
      ["embed.learn: unknown option 'dims' (did you mean 'dim'?)"] = { {}, { dims = 8 } },
      ["embed.learn: 'dim' must be a whole number from 8 to 4096, got 7"] = { {}, { dim = 7 } },
      ["embed.learn: 'min_count' must be a whole number from 1 to 1000000, got 0"] = { {}, { min_count = 0 } },
      ["embed.learn: 'max_terms' must be a whole number from 1 to 10000000, got 1.5"] = { {}, { max_terms = 1.5 } },
      ["embed.learn: unknown tokenizer 'unicod' (did you mean 'unicode'?)"] = { {}, { tokenizer = "unicod" } },
      ["embed.learn: 'stop_words' must be true or false, got a string"] = { {}, { stop_words = "yes" } },
      ["embed.learn: 'language' must be a string, got a boolean"] = { {}, { language = true } },
    } do
      assert.equal(wanted, support.message_of(learn, call[1], call[2]))
    end
    local message = support.message_of(learn, {}, { language = "klingon" })
    assert.truthy(message:find("klingon", 1, true), message)
    message = support.message_of(model.embed, { "a", {} })
    assert.equal("embed: text 2 must be a string, got a table", message)
    assert.equal("save: 'path' must be a string, got a nil", support.message_of(model.save, model))
    assert.equal("embed.load: 'path' must be a string, got a nil", support.message_of(moonvec.embed.load))
  end)
end)
