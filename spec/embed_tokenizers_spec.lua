-- The tokenizers of static models: the same tokens as plain Lua finds, or as Hugging Face's tokenizers give.

local files = require "spec.support.embed_files"
local moonvec = require "moonvec"
local plain = require "spec.support.embed_plain"
local support = require "spec.support"

local MARK = "\226\150\129" -- U+2581

-- A model whose matrix does not matter.
local function open(tokenizer, count, options)
  local rows = {}
  for i = 1, count do rows[i] = { 1 } end
  local folder = files.folder { tensors = { { "embeddings", "I8", rows } }, tokenizer = tokenizer }
  options = options or {}
  options.max_tokens = options.max_tokens or 0
  return assert(moonvec.embed.static(folder, options))
end

-- The tokens of a text, separated by spaces.
local function texts_of(model, tokens, text)
  local found = {}
  for i, id in ipairs(assert(model.tokens(text))) do found[i] = tokens[id + 1] end
  return table.concat(found, " ")
end

-- Random texts of some parts.
local function random_texts(seed, parts, count)
  local random, texts = support.random(seed), { "" }
  for i = 1, count do
    local text = {}
    for k = 1, random(31) - 1 do text[k] = parts[random(#parts)] end
    texts[i + 1] = table.concat(text)
  end
  return texts
end

local PARTS = { "a", "b", "c", "ab", "bc", "Abc", " ", " ", "  ", "\t", "\n", "\1", "'", "-", "x", "1" }

local function same_ids(model, texts, wanted)
  for _, text in ipairs(texts) do
    assert.same(wanted(text), model.tokens(text), ("of %q"):format(text))
  end
end

local WORD_PIECES = { "[PAD]", "[UNK]", "a", "b", "##a", "##b", "##c", "ab", "abc", "c", "##bc", "-", "'", "bca", "1" }

describe("a WordPiece tokenizer", function()
  after_each(support.clean)

  local function bert(parts)
    return files.tokenizer({ type = "WordPiece", unk_token = "[UNK]", vocab = files.vocabulary(WORD_PIECES),
      max_input_chars_per_word = 9 },
      { normalizer = { type = "BertNormalizer", clean_text = true, lowercase = true,
        handle_chinese_chars = true }, pre_tokenizer = { type = "BertPreTokenizer" },
        added_tokens = parts and parts.added_tokens })
  end

  it("takes the longest token again and again", function()
    local model, vocabulary = open(bert(), #WORD_PIECES), files.vocabulary(WORD_PIECES)
    same_ids(model, random_texts(1, PARTS, 500), function(text)
      local ids = {}
      for _, piece in ipairs(plain.bert_pieces(text)) do
        for _, id in ipairs(plain.word_piece(vocabulary, piece, 9)) do
          if id ~= 1 then ids[#ids + 1] = id end
        end
      end
      return ids
    end)
  end)

  it("finds added tokens before anything else", function()
    local tokens = {}
    for i, token in ipairs(WORD_PIECES) do tokens[i] = token end
    for _, token in ipairs { "A b", "<x>", "ca" } do tokens[#tokens + 1] = token end
    local function added(at, parts)
      parts.id, parts.content = at - 1, tokens[at]
      return parts
    end
    local model = open(bert { added_tokens = {
      added(16, { normalized = true }), added(17, { special = true, normalized = false, rstrip = true, lstrip = true }),
      added(18, { single_word = true, normalized = true }), added(1, { special = true, normalized = false }),
    } }, #tokens)
    assert.equal("ab A b c", texts_of(model, tokens, "ab A B c"))
    assert.equal("a <x> b", texts_of(model, tokens, "a  <x> \n b"))
    assert.equal("a", texts_of(model, tokens, "a <X>"))
    assert.equal("ca - c ##a ##b", texts_of(model, tokens, "CA-cab"))
    assert.equal("a [PAD] b", texts_of(model, tokens, "a[PAD]b"))
    assert.equal("", texts_of(model, tokens, "[UNK]"))
  end)
end)

describe("BERT's normalizer", function()
  after_each(support.clean)

  local TOKENS = { "[UNK]", "cafe", "café", "Cafe", "strasse", "straße", "i", "中", "国", "x", "ab", "…", "—", "a" }

  local function bert(parts)
    parts.type = "BertNormalizer"
    return open(files.tokenizer({ type = "WordLevel", unk_token = "[UNK]", vocab = files.vocabulary(TOKENS) },
      { normalizer = parts, pre_tokenizer = { type = "BertPreTokenizer" } }), #TOKENS)
  end

  it("removes accents and control characters, and sets Chinese characters apart", function()
    local model = bert {}
    for text, wanted in pairs {
      ["CAFÉ Cafe\204\129"] = "cafe cafe", ["Straße"] = "straße", ["İ ı I"] = "i i", ["x中国x"] = "x 中 国 x",
      ["a\0b a\127b a\194\133b a\226\128\139b a\239\191\189b"] = "ab ab ab ab ab",
      ["x\194\160x\227\128\128x"] = "x x x",
      ["x…x—x"] = "x … x — x", ["\255x\255"] = "x", ["a\11b a\12b"] = "ab ab", ["ab\226\128\168x"] = "ab x",
    } do
      assert.equal(wanted, texts_of(model, TOKENS, text), text)
    end
  end)

  it("does what its settings say", function()
    assert.equal("café", texts_of(bert { strip_accents = false }, TOKENS, "CAFÉ"))
    assert.equal("Cafe", texts_of(bert { lowercase = false, strip_accents = true }, TOKENS, "Café"))
    assert.equal("café", texts_of(bert { lowercase = false }, TOKENS, "café Café"))
    assert.equal("", texts_of(bert { handle_chinese_chars = false }, TOKENS, "中国"))
    assert.equal("", texts_of(bert { clean_text = false }, TOKENS, "a\0b"))
  end)
end)

describe("a normalizer of another type", function()
  after_each(support.clean)

  local function pieces(normalizer, tokens, text)
    local model = open(files.tokenizer({ type = "WordLevel", unk_token = tokens[1], vocab = files.vocabulary(tokens) },
      { normalizer = normalizer }), #tokens)
    return texts_of(model, tokens, text)
  end

  it("gives the text that it is made for", function()
    local replace = { type = "Replace", pattern = { String = "ab" }, content = "x" }
    for _, case in ipairs {
      { { type = "Lowercase" }, "ÀΣİ", "àσi\204\135" },
      { { type = "NFD" }, "é가", "e\204\129\225\132\128\225\133\161" },
      { { type = "NFC" }, "e\204\129ﬁ", "éﬁ" },
      { { type = "NFKD" }, "ﬁ½", "fi1\226\129\1322" },
      { { type = "NFKC" }, "ﬁＡe\204\129", "fiAé" },
      { { type = "StripAccents" }, "e\204\129é", "eé" },
      { { type = "Strip", strip_left = true, strip_right = false }, " \n\194\160a ", "a " },
      { { type = "Strip", strip_left = false, strip_right = true }, " a \t", " a" },
      { replace, "abaabb", "xaxb" },
      { { type = "Replace", pattern = { Regex = "\\s+" }, content = "_" }, " a\t\n b", "_a_b" },
      { { type = "Replace", pattern = { Regex = " {2,}" }, content = " " }, "a  b c   d\t\td", "a b c d\t\td" },
      { { type = "Prepend", prepend = MARK }, "a", MARK .. "a" },
      { { type = "Nmt" }, "a\1b\226\128\139c\127", "ab c" },
      { { type = "Sequence", normalizers = { replace, { type = "Lowercase" } } }, "abAB", "xab" },
    } do
      assert.equal(case[3], pieces(case[1], { "?", case[3] }, case[2]), case[1].type)
    end
  end)

  it("reads the map of SentencePiece", function()
    -- A trie in Darts' form with one word, "a", which leads to the string at 0. A place is that of the node before it,
    -- xor its offset, xor the byte.
    local units = {}
    for i = 0, 255 do units[i] = 0 end
    units[0] = 128 * 1024 -- the root: offset 128
    units[225] = 97 + 256 + 2 * 1024 -- 128 xor 97: label "a", a value follows, offset 2
    units[227] = 0x80000000 -- 225 xor 2: the value 0
    local bytes = {}
    for i = 0, 255 do bytes[#bytes + 1] = files.whole(units[i], 4) end
    local map = files.whole(1024, 4) .. table.concat(bytes) .. "xyz\0"
    local normalizer = { type = "Precompiled", precompiled_charsmap = files.base64(map) }
    assert.equal("xyzb", pieces(normalizer, { "?", "xyzb" }, "ab"))
  end)
end)

describe("a pre-tokenizer", function()
  after_each(support.clean)

  local TOKENS = { "?", "a", "b", "ab", "-", "--", "a1", "1", "22", "2", "ab_1", "_", "a-b", MARK .. "a", MARK, "=" }

  it("splits as it is made for", function()
    local sequence = { type = "Sequence", pretokenizers = { { type = "WhitespaceSplit" }, { type = "Punctuation" } } }
    for _, case in ipairs {
      { { type = "WhitespaceSplit" }, " a-b\t\n b ", "a-b b" },
      { { type = "Whitespace" }, "ab_1--a =", "ab_1 -- a =" },
      { { type = "Punctuation" }, "a--b", "a - - b" },
      { { type = "Punctuation", behavior = "Contiguous" }, "a--b", "a -- b" },
      { { type = "Digits", individual_digits = true }, "a1b22", "a 1 b 2 2" },
      { { type = "Digits", individual_digits = false }, "a1b22", "a 1 b 22" },
      { sequence, "a -b a1", "a - b a1" },
      { { type = "Metaspace", replacement = MARK, prepend_scheme = "always" }, "a  a",
        MARK .. "a " .. MARK .. " " .. MARK .. "a" },
      { { type = "Metaspace", replacement = MARK, prepend_scheme = "never" }, "a a", "a " .. MARK .. "a" },
    } do
      local model = open(files.tokenizer({ type = "WordLevel", unk_token = "?", vocab = files.vocabulary(TOKENS) },
        { pre_tokenizer = case[1] }), #TOKENS)
      assert.equal(case[3], texts_of(model, TOKENS, case[2]), case[1].type)
    end
  end)
end)

describe("a Unigram tokenizer", function()
  after_each(support.clean)

  it("finds the tokens with the best sum", function()
    local tokens = { "<unk>", MARK, "a", "b", "ab", MARK .. "a", MARK .. "ab", "bc", "cab", MARK .. "b", "abc" }
    local vocab, scores, lowest = {}, {}, 0
    local random = support.uniform(5)
    for i, token in ipairs(tokens) do
      local score = i == 1 and 0 or -5 + random() * 3
      vocab[i], scores[token] = { token, score }, score
      lowest = math.min(lowest, score)
    end
    local model = open(files.tokenizer({ type = "Unigram", unk_id = 0, vocab = vocab },
      { pre_tokenizer = { type = "Metaspace", replacement = MARK, prepend_scheme = "always" } }), #tokens)
    local ids = files.vocabulary(tokens)
    local texts = random_texts(2, { "a", "b", "c", "ab", "cab", " ", "é", "x" }, 400)
    same_ids(model, texts, function(text)
      local wanted = {}
      for _, piece in ipairs(plain.metaspace_pieces(text)) do
        for _, token in ipairs(plain.unigram(scores, piece, lowest - 10)) do
          wanted[#wanted + 1] = token and ids[token] or 0
        end
      end
      return wanted
    end)
  end)

  it("has a token for each byte of what is unknown, if it has all", function()
    local vocab = { { "<unk>", 0 }, { "a", -1 }, { "<0xC3>", -9 }, { "<0xA9>", -9 } }
    local model = open(files.tokenizer { type = "Unigram", unk_id = 0, vocab = vocab, byte_fallback = true }, 4)
    assert.same({ 1, 2, 3, 1 }, model.tokens("aéa"))
    assert.same({ 1, 0 }, model.tokens("aè"))
    assert.same({ 2, 3, 2, 3 }, model.tokens("éé"))
  end)
end)

describe("a BPE tokenizer", function()
  after_each(support.clean)

  -- Random merges over an alphabet. Returns the model's JSON, tokens and ranks.
  local function random_merges(seed, alphabet, count, parts)
    local random, tokens, known, merges, ranks = support.random(seed), {}, {}, {}, {}
    for _, token in ipairs(alphabet) do
      tokens[#tokens + 1], known[token] = token, true
    end
    while #merges < count do
      local a, b = tokens[random(#tokens)], tokens[random(#tokens)]
      if a ~= "<unk>" and b ~= "<unk>" and #a + #b < 12 and not known[a .. b] then
        merges[#merges + 1] = #merges % 2 == 0 and { a, b } or a .. " " .. b
        ranks[a] = ranks[a] or {}
        ranks[a][b] = #merges
        known[a .. b] = true
        tokens[#tokens + 1] = a .. b
      end
    end
    local model = { type = "BPE", vocab = files.vocabulary(tokens), merges = merges }
    for name, value in pairs(parts) do model[name] = value end
    return model, tokens, ranks
  end

  it("merges the pair of the lowest rank first", function()
    local model, tokens, ranks = random_merges(3, { "<unk>", "a", "b", "c", "-" }, 30, { unk_token = "<unk>" })
    local embedder = open(files.tokenizer(model, { pre_tokenizer = { type = "WhitespaceSplit" } }), #tokens)
    same_ids(embedder, random_texts(4, { "a", "b", "c", "ab", "-", " ", "z" }, 400), function(text)
      local ids = {}
      for piece in text:gmatch("%S+") do
        local symbols = plain.characters(piece:gsub("z", "?"))
        for _, token in ipairs(plain.bpe(ranks, symbols)) do
          if model.vocab[token] then ids[#ids + 1] = model.vocab[token] end
        end
      end
      return ids
    end)
  end)

  it("works on bytes that are written as characters", function()
    -- U+0120 is a space, U+010A a line feed, "Ã©" the bytes of é.
    local alphabet = { "a", "b", "s", "t", "'", "1", "!", "\196\160", "\196\138", "\195\131", "\194\169" }
    local model, tokens, ranks = random_merges(6, alphabet, 25, {})
    local spellings = { [" "] = "\196\160", ["\n"] = "\196\138", ["\195"] = "\195\131", ["\169"] = "\194\169" }
    local embedder = open(files.tokenizer(model, { pre_tokenizer = { type = "ByteLevel", add_prefix_space = false } }),
      #tokens)
    for text, pieces in pairs {
      ["ab a's1 !!"] = { "ab", " a", "'s", "1", " !!" }, ["a  b\n\n a"] = { "a", " ", " b", "\n\n", " a" },
      ["é1 'tb' \n"] = { "é", "1", " '", "tb", "'", " \n" }, ["a\n"] = { "a", "\n" }, ["  "] = { "  " },
    } do
      local wanted = {}
      for _, piece in ipairs(pieces) do
        local symbols = {}
        for i = 1, #piece do symbols[i] = spellings[piece:sub(i, i)] or piece:sub(i, i) end
        for _, token in ipairs(plain.bpe(ranks, symbols)) do wanted[#wanted + 1] = token end
      end
      assert.equal(table.concat(wanted, " "), texts_of(embedder, tokens, text))
    end
  end)

  it("has prefixes, suffixes, whole pieces and bytes if the model says so", function()
    local tokens = { "<unk>", "a", "##b", "##b</w>", "a</w>", "ab</w>", "aba" }
    local affixes = { type = "BPE", unk_token = "<unk>", continuing_subword_prefix = "##", end_of_word_suffix = "</w>",
      vocab = files.vocabulary(tokens), merges = { "a ##b</w>" } }
    local model = open(files.tokenizer(affixes), #tokens)
    assert.equal("ab</w>", texts_of(model, tokens, "ab"))
    assert.equal("a</w>", texts_of(model, tokens, "a"))
    assert.equal("a ##b ##b</w>", texts_of(model, tokens, "abb"))

    local vocab = { ["<unk>"] = 0, a = 1, b = 2, ab = 3, ["<0xC3>"] = 4, ["<0xA9>"] = 5, aba = 6 }
    local bytes = { type = "BPE", unk_token = "<unk>", byte_fallback = true, ignore_merges = true, vocab = vocab,
      merges = { "a b" } }
    model = open(files.tokenizer(bytes), 7)
    assert.same({ 6 }, model.tokens("aba"))
    assert.same({ 3, 3 }, model.tokens("abab"))
    assert.same({ 1, 4, 5 }, model.tokens("aéx"))
  end)

  it("merges a long text in time", function()
    local model, tokens, ranks = random_merges(9, { "a", "b", "c" }, 40, {})
    local embedder = open(files.tokenizer(model), #tokens)
    local text = ("abcacb"):rep(200)
    local wanted = plain.bpe(ranks, plain.characters(text))
    assert.equal(table.concat(wanted, " "), texts_of(embedder, tokens, text))
    assert.is_true(#embedder.tokens(("abcab"):rep(200000)) > 0) -- takes minutes if it is done by comparing all pairs
  end)
end)

describe("the length of a text", function()
  after_each(support.clean)

  local TOKENS = { "[UNK]", "a", "bb", "ccc", "dddd" } -- the median has 3 characters

  local function word_level(parts)
    return files.tokenizer({ type = "WordLevel", unk_token = "[UNK]", vocab = files.vocabulary(TOKENS) },
      { pre_tokenizer = { type = "WhitespaceSplit" }, truncation = parts })
  end

  it("is cut by characters, then by tokens", function()
    local model = open(word_level(), #TOKENS, { max_tokens = 2 })
    assert.equal("a a", texts_of(model, TOKENS, "a a a"))
    assert.equal("ccc bb", texts_of(model, TOKENS, "ccc bbb")) -- of 6 characters
    assert.equal("a a", texts_of(model, TOKENS, "x a a"))
    assert.equal("", texts_of(model, TOKENS, "éééééé a"))
    assert.equal("a", texts_of(model, TOKENS, "éééé a"))
  end)

  it("is truncated as the tokenizer says, with unknown tokens", function()
    local truncation = { direction = "Right", max_length = 3, strategy = "LongestFirst", stride = 0 }
    local model = open(word_level(truncation), #TOKENS)
    assert.equal("a a", texts_of(model, TOKENS, "x a a a"))
  end)

  it("may be all of it", function()
    assert.equal(5000, #open(word_level(), #TOKENS).tokens(("a "):rep(5000)))
    assert.equal(512, #open(word_level(), #TOKENS, { max_tokens = 512 }).tokens(("a "):rep(600)))
  end)
end)
