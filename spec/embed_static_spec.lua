-- Static models in the format of Model2Vec: their numbers, what they refuse, damaged files.

local files = require "spec.support.embed_files"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local plain = require "spec.support.embed_plain"
local support = require "spec.support"

local TOKENS = { "[UNK]", "a", "b", "c", "##d", "zero" }
local DIM = 5

local function word_piece(parts)
  local model = { type = "WordPiece", unk_token = "[UNK]", vocab = files.vocabulary(TOKENS) }
  for name, value in pairs(parts or {}) do model[name] = value end
  return files.tokenizer(model,
    { normalizer = { type = "BertNormalizer" }, pre_tokenizer = { type = "BertPreTokenizer" } })
end

local function folder(parts)
  return files.folder {
    tensors = parts.tensors or { { "embeddings", "F32", files.rows(#TOKENS, DIM) } },
    tokenizer = parts.tokenizer or word_piece(),
    config = parts.config,
  }
end

local TEXTS = { "a", "ab", "a b c", "ad ad b", "A, c!", ("a b "):rep(100) .. "cd" }

local function near(wanted, packed)
  local got = moonvec.unpack(packed)
  assert.equal(#wanted, #got)
  for i, number in ipairs(wanted) do
    local is_near = math.abs(number - got[i]) <= 1e-5 * math.max(1, math.abs(number))
    assert.is_true(is_near, ("%g, not %g"):format(got[i], number))
  end
end

-- The vectors of all texts are the means of these rows.
local function check(model, rows, normalizes, weights, mapping)
  local vectors, failures = model.embed(TEXTS)
  for i, text in ipairs(TEXTS) do
    local ids = model.tokens(text)
    if #ids > 0 then
      near(plain.mean(rows, ids, normalizes, weights, mapping), vectors[i])
    else
      assert.is_false(vectors[i])
      assert.equal("the text has no token that the model knows", failures[i])
    end
  end
end

describe("a static model", function()
  after_each(support.clean)

  it("is a model", function()
    local path = folder {}
    local model = assert(moonvec.embed.static(path .. "/"))
    assert.equal(path:match("[^/]*$"), model.name)
    assert.equal(DIM, model.dim)
    assert.truthy(model.fingerprint:match("^%x+$"))
    assert.equal("mine", moonvec.embed.static(path, { name = "mine" }).name)
    assert.same({}, model.embed {})
  end)

  it("has the mean of its tokens' vectors, whatever the type of the numbers", function()
    for _, kind in ipairs { "F64", "F32", "F16", "BF16", "I8" } do
      local rows = files.rows(#TOKENS, DIM, 7)
      for _, normalizes in ipairs { true, false } do
        local path = folder { tensors = { { "embeddings", kind, rows } }, config = { normalize = normalizes } }
        check(assert(moonvec.embed.static(path)), rows, normalizes)
        check(assert(moonvec.embed.static(path, { normalize = not normalizes })), rows, not normalizes)
      end
    end
  end)

  it("has numbers of any size", function()
    local rows = { { 1, 1 }, { 2 ^ -14, -2 ^ -24 * 1024 }, { 65504, -0.5 }, { 2 ^ 15, 0 }, { 0, 0 }, { 3, 4 } }
    local model = assert(moonvec.embed.static(folder { tensors = { { "embeddings", "F16", rows } } }))
    check(model, rows, false)
    near({ 65504, -0.5 }, model.embed({ "b" })[1])
    near({ 2 ^ -14, -2 ^ -14 }, model.embed({ "a" })[1])
  end)

  it("weighs tokens, and finds their rows, as its tensors say", function()
    local rows, weights, mapping = files.rows(3, DIM, 9), { 1, 0.5, 2, 0.25, 3, 1 }, { 0, 2, 2, 1, 0, 1 }
    for _, kinds in ipairs { { "F32", "I32" }, { "F64", "I64" }, { "F16", "I32" } } do
      local path = folder { config = { normalize = true }, tensors = {
        { "weights", kinds[1], weights }, { "embeddings", "F32", rows }, { "mapping", kinds[2], mapping },
      } }
      check(assert(moonvec.embed.static(path)), rows, true, weights, mapping)
    end
    rows = files.rows(#TOKENS, DIM, 10)
    local path = folder { tensors = { { "embeddings", "I8", rows }, { "weights", "BF16", weights } } }
    check(assert(moonvec.embed.static(path)), rows, false, weights)
  end)

  it("keeps the unknown token of a Unigram tokenizer, as Model2Vec does", function()
    local rows = files.rows(2, DIM, 3)
    local path = files.folder { tensors = { { "embeddings", "F32", rows } },
      tokenizer = files.tokenizer { type = "Unigram", unk_id = 0, vocab = { { "<unk>", 0 }, { "a", -1 } } } }
    local model = assert(moonvec.embed.static(path))
    near(plain.mean(rows, { 1, 0 }), model.embed({ "ax" })[1])
  end)

  it("reads the layouts of sentence-transformers", function()
    local rows = files.rows(#TOKENS, DIM, 11)
    local path = folder { tensors = { { "embedding.weight", "F32", rows } }, config = { normalize = true } }
    os.rename(path .. "/config.json", path .. "/config_sentence_transformers.json")
    check(assert(moonvec.embed.static(path)), rows, true)
    local move = "cd '%s' && mkdir 0_StaticEmbedding && mv *.safetensors tokenizer.json 0_StaticEmbedding"
    assert(os.execute(move:format(path)))
    check(assert(moonvec.embed.static(path)), rows, true)
  end)

  it("has a fingerprint of all that makes its vectors", function()
    local rows = files.rows(#TOKENS, DIM)
    local seen = {}
    local function is_new(parts, options)
      local fingerprint = assert(moonvec.embed.static(folder(parts), options)).fingerprint
      assert.equal(fingerprint, assert(moonvec.embed.static(folder(parts), options)).fingerprint)
      assert.is_nil(seen[fingerprint])
      seen[fingerprint] = true
    end
    is_new {}
    is_new { config = { normalize = true } }
    is_new({}, { max_tokens = 100 })
    is_new { tokenizer = word_piece { max_input_chars_per_word = 99 } }
    rows[#TOKENS][DIM] = rows[#TOKENS][DIM] + 1
    is_new { tensors = { { "embeddings", "F32", rows } } }
    is_new { tensors = { { "embeddings", "F64", rows } } }
  end)

  it("fails for texts without a known token, and for these alone", function()
    local model = assert(moonvec.embed.static(folder {}))
    local vectors, failures = model.embed { "a", "", "xyz", "b" }
    assert.is_string(vectors[1])
    assert.is_false(vectors[2])
    assert.is_false(vectors[3])
    assert.is_string(vectors[4])
    assert.same({ [2] = "the text has no token that the model knows",
      [3] = "the text has no token that the model knows" }, failures)
    assert.is_nil(select(2, model.embed { "a" }))
  end)

  it("embeds many texts as it embeds each", function()
    local model, texts = assert(moonvec.embed.static(folder {})), {}
    local random = support.random(3)
    for i = 1, 300 do
      local words = {}
      for k = 1, random(30) do words[k] = ({ "a", "b", "cd", "x", "." })[random(5)] end
      texts[i] = table.concat(words, " ")
    end
    local vectors = model.embed(texts)
    assert.equal(300, #vectors)
    for i, text in ipairs(texts) do
      assert.equal(model.embed({ text })[1], vectors[i])
    end
  end)

  it("embeds documents and questions of a collection", function()
    local model = assert(moonvec.embed.static(folder { config = { normalize = true } }, { name = "static" }))
    local c, path = support.collection({
      fields = { { name = "body", type = "string" } },
      vectors = { { name = "v", type = "vector_fp32", dim = DIM, embed = { from = "body", model = "static" } } },
    }, { models = { static = model } })
    assert(c:insert { { id = 1, body = "a a b" }, { id = 2, body = "c" } })
    assert.equal("2", assert(c:query { text = "C!", field = "v", topk = 1 })[1].id)
    local done, message, code = c:insert { { id = 3, body = "a" }, { id = 4, body = "xyz" } }
    assert.is_nil(done)
    assert.equal("document 2 ('4'): model 'static': the text has no token that the model knows", message)
    assert.equal("io", code)
    assert.equal(2, c:count())
    c:close()
    local other = assert(moonvec.embed.static(folder {}, { name = "static" }))
    assert.equal("schema_mismatch", select(3, moonvec.open(path, { models = { static = other } })))
  end)

  it("raises for what a program does wrong", function()
    local path = folder {}
    local static = moonvec.embed.static
    assert.equal("embed.static: the path must be a string, got a nil", support.message_of(static))
    assert.equal("embed.static: unknown option 'max_token' (did you mean 'max_tokens'?)",
      support.message_of(static, path, { max_token = 3 }))
    assert.equal("embed.static: 'max_tokens' must be a whole number from 0 to 2147483648, got -1",
      support.message_of(static, path, { max_tokens = -1 }))
    assert.equal("embed.static: 'normalize' must be true or false, got a string",
      support.message_of(static, path, { normalize = "yes" }))
    assert.equal("embed.static: unknown weights 'zipf' (did you mean 'sif'?)",
      support.message_of(static, path, { weights = "zipf" }))
    assert.truthy(support.message_of(static, path, { weights = "sif" }):find("'weights' is for word vectors", 1, true))
    local model = assert(static(path))
    assert.equal("embed: texts must be an array of strings, got a string", support.message_of(model.embed, "a"))
    assert.equal("embed: text 2 must be a string, got a number", support.message_of(model.embed, { "a", 2 }))
  end)
end)

describe("a static model that is not supported", function()
  after_each(support.clean)

  -- The message and code of opening a model with this tokenizer.
  local function refused(tokenizer, tensors)
    local model, message, code = moonvec.embed.static(folder { tokenizer = tokenizer, tensors = tensors })
    assert.is_nil(model)
    assert.is_nil(message:find("%.$"))
    return code .. ": " .. message:gsub("^'.-': ", "")
  end

  it("is refused by the name of the part", function()
    local function with(parts)
      local tokenizer = word_piece()
      for name, value in pairs(parts) do tokenizer[name] = value end
      return tokenizer
    end
    for wanted, tokenizer in pairs {
      ["the normalizer ByteLevel is not supported"] = with { normalizer = { type = "ByteLevel" } },
      ["the normalizer Replace with the pattern [a-z] is not supported"] = with {
        normalizer = { type = "Sequence", normalizers = { { type = "Replace", pattern = { Regex = "[a-z]" },
          content = "" } } } },
      ["the pre-tokenizer Split is not supported"] = with { pre_tokenizer = { type = "Split" } },
      ["the pre-tokenizer Punctuation with behavior Removed is not supported"] = with {
        pre_tokenizer = { type = "Punctuation", behavior = "Removed" } },
      ["the model Transducer is not supported"] = with { model = { type = "Transducer" } },
      ["a BPE model with dropout is not supported"] = with { model = { type = "BPE", dropout = 0.1 } },
      ["a Unigram model without unk_id is not supported"] = with { model = { type = "Unigram", vocab = {} } },
      ["truncation from the left is not supported"] = with { truncation = { direction = "Left", max_length = 3 } },
      ["padding to a fixed length is not supported"] = with { padding = { strategy = { Fixed = 3 } } },
    } do
      assert.equal("version: " .. wanted, refused(tokenizer))
    end
  end)

  it("is refused if tokens and rows do not fit", function()
    local rows = files.rows(#TOKENS - 1, DIM)
    assert.equal("corrupt: the token zero has the id 5, there are rows for 5 tokens",
      (refused(nil, { { "embeddings", "F32", rows } }):gsub("token %S+ has the id %d", "token zero has the id 5")))
    rows = files.rows(#TOKENS + 2, DIM)
    assert.equal("corrupt: there are 6 tokens, but the tensor 'embeddings' has 8 rows",
      refused(nil, { { "embeddings", "F32", rows } }))
    rows = files.rows(2, DIM)
    assert.equal("corrupt: the tensor 'mapping' gives token 3 the row 2, 'embeddings' has 2 rows",
      refused(nil, { { "embeddings", "F32", rows }, { "mapping", "I32", { 0, 1, 0, 2, 1, 1 } } }))
    assert.equal("corrupt: the tensor 'mapping' gives token 0 the row -1, 'embeddings' has 2 rows",
      refused(nil, { { "embeddings", "F32", rows }, { "mapping", "I64", { -1, 1, 0, 1, 1, 1 } } }))
    assert.equal("corrupt: the tensor 'weights' has 5 × 1 numbers, the vocabulary has 6 tokens",
      refused(nil, { { "embeddings", "F32", files.rows(6, DIM) }, { "weights", "F32", { 1, 1, 1, 1, 1 } } }))
    assert.equal("corrupt: the tensor 'embeddings' is not of F64, F32, F16, BF16 or I8",
      refused(nil, { { "embeddings", "I32", files.rows(6, DIM) } }))
    local two = word_piece { vocab = { ["[UNK]"] = 0, a = 1, b = 1 } }
    assert.truthy(refused(two):find("^corrupt: the tokens %w and %w have the same id 1$"))
    assert.equal("corrupt: the unknown token nothing is not in the vocabulary",
      refused(word_piece { unk_token = "nothing" }))
  end)

  it("is refused if a file is missing", function()
    local model, message, code = moonvec.embed.static("/nonexistent/model")
    assert.is_nil(model)
    assert.equal("there is no file or folder '/nonexistent/model'", message)
    assert.equal("not_found", code)
    for _, name in ipairs { "model.safetensors", "tokenizer.json", "config.json" } do
      local path = folder {}
      os.remove(path .. "/" .. name)
      model, message, code = moonvec.embed.static(path)
      assert.is_nil(model)
      assert.equal(("the folder '%s' has no %s"):format(path, name), message)
      assert.equal("not_found", code)
    end
  end)
end)

describe("a damaged static model", function()
  after_each(support.clean)

  local function opened(bytes, tokenizer)
    return moonvec.embed.static(files.folder { tensors = bytes, tokenizer = tokenizer or word_piece() })
  end

  it("is refused wherever its matrix ends", function()
    local bytes = files.safetensors { { "embeddings", "F32", files.rows(#TOKENS, 2) } }
    local path = folder {}
    for size = 0, #bytes - 1 do
      files.write(path .. "/model.safetensors", bytes:sub(1, size))
      local model, _, code = moonvec.embed.static(path)
      assert.is_nil(model)
      assert.equal("corrupt", code)
    end
    assert.truthy(opened(bytes))
  end)

  it("is refused with sizes that lie", function()
    local function header(text, size)
      return files.whole(size or #text, 8) .. text .. ("\0"):rep(100)
    end
    local tensor = '{"embeddings":{"dtype":"%s","shape":%s,"data_offsets":%s}}'
    for _, bytes in ipairs {
      header("{}"), header("[]"), header("null"), header("{", 2 ^ 40), header("{}", 2 ^ 63), header("nonsense"),
      header(tensor:format("F32", "[6,2]", "[0,47]")), header(tensor:format("F32", "[6,2]", "[1000,1048]")),
      header(tensor:format("F32", "[6,2]", "[-8,40]")), header(tensor:format("F32", "[6,1e300]", "[0,48]")),
      header(tensor:format("F32", "[4294967296,4294967296]", "[0,0]")), header(tensor:format("F99", "[6,2]", "[0,48]")),
      header(tensor:format("F32", "[9007199254740991,1]", "[0,36028797018963964]")),
      header(tensor:format("F32", "[6,2,1]", "[0,48]")), header(tensor:format("F32", "[]", "[0,4]")),
      header(tensor:format("F32", "[6.5,2]", "[0,52]")), header(tensor:format("F32", '["6",2]', "[0,48]")),
      header(tensor:format("F32", "{}", "{}")), header('{"embeddings":7}'), header('{"embeddings":{}}'),
      header(tensor:format("I8", "[6,0]", "[0,0]")), header(tensor:format("F32", "[0,2]", "[0,0]")),
    } do
      local model, message, code = opened(bytes)
      assert.is_nil(model)
      assert.is_string(message)
      assert.is_true(code == "corrupt" or code == "limit", code .. ": " .. message)
    end
  end)

  it("is refused when a text is embedded, if its numbers are not finite", function()
    local bytes = files.safetensors { { "embeddings", "F32", files.rows(#TOKENS, 2) } }
    local number = #bytes - (#TOKENS - 2) * 8 -- behind the second row, that of "a"
    for _, bad in ipairs { "\0\0\192\127", "\0\0\128\127", "\0\0\128\255" } do
      local model = assert(opened(bytes:sub(1, number - 4) .. bad .. bytes:sub(number + 1)))
      assert.is_string(model.embed({ "b" })[1])
      local vectors, message, code = model.embed { "b", "b a" }
      assert.is_nil(vectors)
      assert.equal("the model's numbers of token 1 are not all finite", message)
      assert.equal("corrupt", code)
    end
    local halves = files.safetensors { { "embeddings", "F16", files.rows(#TOKENS, 1) } }
    local model = assert(opened(halves:sub(1, -11) .. "\0\124" .. halves:sub(-8)))
    assert.is_nil((model.embed { "a" }))
  end)

  it("is refused, or opened, whatever a value of its tokenizer is replaced by", function()
    local others = { json.null(), true, -1, 1.5, 1e300, "", "x", json.array {}, json.object {}, { { 1 } } }
    local makers = {
      word_piece,
      function()
        return files.tokenizer({ type = "Unigram", unk_id = 0, byte_fallback = false, vocab = { { "u", 0 }, { "a", -1 },
          { "b", -1 }, { "c", 0 }, { "d", 0 }, { "e", 0 } } }, { normalizer = { type = "Sequence", normalizers = {
          { type = "Precompiled", precompiled_charsmap = "BAAAAAAAAAB4AA==" }, { type = "Strip", strip_left = true,
            strip_right = true }, { type = "Replace", pattern = { String = "x" }, content = "y" },
          { type = "Prepend", prepend = "p" } } }, pre_tokenizer = { type = "Metaspace", replacement = "_",
          prepend_scheme = "first", split = true } })
      end,
      function()
        local vocabulary = files.vocabulary { "u", "a", "b", "ab", "c", "d" }
        local model = { type = "BPE", unk_token = "u", fuse_unk = true, vocab = vocabulary, merges = { "a b" } }
        return files.tokenizer(model, { pre_tokenizer = { type = "ByteLevel", add_prefix_space = true,
          use_regex = true }, added_tokens = { { id = 0, content = "u", special = true, single_word = true } },
          truncation = { direction = "Right", max_length = 9 } })
      end,
    }
    local path = folder { tensors = { { "embeddings", "I8", files.rows(6, 2) } } }
    local tried = 0
    -- Replaces every value at any depth by each of the others, one at a time.
    local function try(tokenizer, at)
      for name, value in pairs(at) do
        for _, other in ipairs(others) do
          at[name] = other
          files.write(path .. "/tokenizer.json", json.encode(tokenizer))
          local model, message, code = moonvec.embed.static(path)
          tried = tried + 1
          if model then
            model.embed { "a b c", "xyz é 1" }
          else
            assert.is_string(message)
            assert.is_true(code == "corrupt" or code == "version" or code == "limit", code)
          end
        end
        at[name] = value
        if type(value) == "table" then try(tokenizer, value) end
      end
    end
    for i, make in ipairs(makers) do
      if _VERSION == "Lua 5.4" or i == 3 then -- it takes a second
        local tokenizer = make()
        try(tokenizer, tokenizer)
      end
    end
    assert.is_true(tried > 100)
  end)
end)
