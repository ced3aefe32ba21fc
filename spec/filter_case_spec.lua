-- Tests that ignore case, with words of many scripts: the documents found are those whose words are in the same group
-- of a plain table, by a scan and by inverted lists.

local moonvec = require "moonvec"
local support = require "spec.support.init"

local f = moonvec.filter

-- The words of a group differ in nothing but case.
local GROUPS = {
  { "dune", "Dune", "DUNE" },
  { "\195\169t\195\169", "\195\137T\195\137", "\195\137t\195\169" }, -- été
  { "ete", "ETE" }, -- accents count
  { "Stra\195\159e", "STRA\225\186\158E" }, -- ß, ẞ
  { "Strasse", "STRASSE" }, -- no character becomes two
  {
    "\206\163\206\175\207\131\207\133\207\134\206\191\207\130", -- its last letter is a final sigma
    "\206\163\206\138\206\163\206\165\206\166\206\159\206\163",
  },
  { "\208\156\208\190\209\129\208\186\208\178\208\176", "\208\156\208\158\208\161\208\154\208\146\208\144" }, -- Москва
  { "i", "I" },
  { "\196\176" }, -- İ has no simple folding
  { "\196\177" }, -- nor has ı
  { "kelvin", "\226\132\170ELVIN" }, -- U+212A
  { "\200\186\200\190", "\226\177\165\226\177\166" }, -- the folded text is longer
  { "\240\144\144\128", "\240\144\144\168" }, -- four bytes
  { "\230\151\165\230\156\172" }, -- no case
  { "A\195Z", "a\195z" }, -- not UTF-8: the byte stays, letters beside it fold
  { "A\196Z" },
  { "100%_", "100%_" },
}
local COPIES = 60 -- of each word: segments of at least 1,024 rows get inverted lists

local function open(index)
  local c = support.collection {
    fields = { { name = "word", type = "string", nullable = true, index = index } },
  }
  local documents = { { id = "null" } }
  for group, words in ipairs(GROUPS) do
    for i, word in ipairs(words) do
      for copy = 1, COPIES do
        documents[#documents + 1] = { id = ("%d.%d.%d"):format(group, i, copy), word = word }
      end
    end
  end
  assert(c:insert(documents))
  assert(c:optimize())
  return c, #documents - 1
end

-- A LIKE pattern that matches the word only.
local function literally(word)
  return (word:gsub("[%%_\\]", "\\%0"))
end

for name, index in pairs { ["a scan"] = false, ["inverted lists"] = "invert" } do
  describe("ignoring case by " .. name, function()
    local c, words_count

    setup(function()
      c, words_count = open(index or nil)
    end)
    teardown(support.clean)

    local function finds(group, filter)
      local wanted = #GROUPS[group] * COPIES
      assert.equal(wanted, c:count(filter))
      assert.equal(wanted, c:count(f.all(filter, f.starts_with("id", group .. "."))))
      assert.equal(words_count - wanted, c:count(f.no(filter)))
    end

    it("finds the words that differ in case only", function()
      for group, words in ipairs(GROUPS) do
        for _, word in ipairs(words) do
          finds(group, f.eq("word", word, "nocase"))
          finds(group, f.one_of("word", { word, "no such word" }, "nocase"))
          finds(group, f.between("word", word, word, "nocase"))
          finds(group, f.ilike("word", literally(word), "\\"))
          finds(group, f.all(f.ilike("word", "%" .. literally(word) .. "%", "\\"), f.ge("word", word, "nocase"),
            f.le("word", word, "nocase")))
        end
      end
    end)

    it("finds prefixes", function()
      assert.equal(COPIES, c:count(f.starts_with("word", "Du")))
      assert.equal(3 * COPIES, c:count(f.starts_with("word", "dU", "nocase")))
      assert.equal(4 * COPIES, c:count(f.starts_with("word", "stra", "nocase")))
      assert.equal(2 * COPIES, c:count(f.starts_with("word", "100%")))
      assert.equal(0, c:count(f.starts_with("word", "1%")))
      assert.equal(words_count, c:count(f.starts_with("word", "")))
      assert.equal(words_count - COPIES, c:count(f.no(f.starts_with("word", "Du"))))
    end)

    it("counts a character as one, whatever its size folded", function()
      assert.equal(2 * COPIES, c:count(f.ilike("word", "_\200\190")))
      assert.equal(2 * COPIES, c:count(f.ilike("word", "\226\177\165_")))
      assert.equal(2 * COPIES, c:count(f.ilike("word", "_ELVI%")))
    end)
  end)
end
