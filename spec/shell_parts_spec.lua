-- Parts of the shell: what is Lua, what Tab completes, how wide texts are, and what .ask searches.

local completion = require "moonvec.shell.completion"
local display_text = require "moonvec.terminal.display_text"
local lua_line = require "moonvec.shell.lua_line"
local moonvec = require "moonvec"
local search_commands = require "moonvec.shell.search_commands"
local support = require "spec.support"
local text_table = require "moonvec.terminal.text_table"

describe("a line", function()
  it("is Lua by its beginning", function()
    for _, line in ipairs {
      "= 1", "#c", "c:count()", "c", "_", "_[1]", "print(1)", "print'x'", "moonvec.pack{1}", "f{}", "local x = 1",
      "for i = 1, 2 do end", "if x then end", "return 1", "do", "x.y = 1", 'f"a"', "function f() end",
      "while(true) do end",
    } do
      assert.is_true(lua_line.is_lua(line), line)
    end
  end)

  it("is a filter otherwise", function()
    for _, line in ipairs {
      "year > 1", "year>1", "year=1", "not(year = 1)", "NOT (year = 1)", "Not(a=1)", "array_length(tags) = 2",
      "(year > 1)", "true", "false", "tags CONTAIN_ANY ('c:d')", "title = 'f(x)'", "x", "year IS NULL", "if = 3",
      "do > 2", "'x' = title", "id IN ('a')", "for  !=  2",
    } do
      assert.is_false(lua_line.is_lua(line), line)
    end
  end)

  it("is run in the environment of the session", function()
    local env = setmetatable({ x = 20 }, { __index = _G })
    assert.equal(21, lua_line.compile("= x + 1", env)())
    lua_line.compile("x = tostring(7)", env)()
    assert.equal("7", env.x)
    assert.is_nil(rawget(_G, "x"))
    assert.is_true(select(3, lua_line.compile("for i = 1, 2 do", env)))
    assert.is_true(select(3, lua_line.compile("= f(", env)))
    assert.is_false(select(3, lua_line.compile("= 1 1", env)))
  end)
end)

describe("texts on a terminal", function()
  it("take columns", function()
    local cases = {
      { "abc", 3 }, { "", 0 }, { "\195\169", 1 }, { "e\204\129", 1 }, { "\228\184\137\228\189\147", 4 },
      { "\237\149\156", 2 }, { "\240\159\152\128", 2 }, { "\239\188\161", 2 }, { "\226\128\166", 1 },
      { "\226\128\139", 0 }, { "\206\177\206\178", 2 }, { "\217\133\217\142", 1 },
    }
    for _, case in ipairs(cases) do
      assert.equal(case[2], display_text.width(case[1]), case[1])
    end
  end)

  it("have nothing that a terminal obeys", function()
    local cases = {
      { "plain", "plain" }, { "a\27[1mb", "a\\x1b[1mb" }, { "\0\127", "\\x00\\x7f" }, { "\194\133", "\\xc2\\x85" },
      { "\226\128\174", "\\u{202e}" }, { "\226\129\166x", "\\u{2066}x" }, { "\216\156", "\\u{61c}" },
      { "\226\128\168", "\\u{2028}" }, { "\255\228\184", "\\xff\\xe4\\xb8" }, { "\237\160\128", "\\xed\\xa0\\x80" },
      { "a\nb", "a b" }, { "\226\130\172 \216\167", "\226\130\172 \216\167" },
    }
    for _, case in ipairs(cases) do
      assert.equal(case[2], display_text.visible(case[1]))
    end
    assert.equal("a\\x07\n\nb", display_text.visible_lines("a\7\n\nb"))
  end)

  it("are cut to a width, between characters", function()
    assert.equal("abcd", display_text.cut("abcd", 4))
    assert.equal("abc\226\128\166", display_text.cut("abcde", 4))
    assert.equal("\226\128\166", display_text.cut("abcde", 1))
    local wide = ("\228\184\137"):rep(5)
    for columns = 1, 9 do
      local cut = display_text.cut(wide, columns)
      local width = display_text.width(cut)
      assert.is_true(width <= columns and width >= columns - 1)
      assert.equal(cut, ("\228\184\137"):rep(math.floor((columns - 1) / 2)) .. "\226\128\166")
    end
    assert.equal("  \228\184\137", display_text.pad("\228\184\137", 4, true))
    assert.equal("\228\184\137  |", display_text.pad("\228\184\137", 4) .. "|")
  end)

  it("fit a table of any width", function()
    local random = support.random(9)
    for _ = 1, 200 do
      local columns, rows = {}, {}
      for i = 1, random(6) do
        columns[i] = { name = ("n"):rep(random(12)), is_right = random(2) == 1 }
      end
      for i = 1, random(4) do
        rows[i] = {}
        for j = 1, #columns do
          rows[i][j] = (random(2) == 1 and "x" or "\228\184\137"):rep(random(30))
        end
      end
      local width = 12 + random(60)
      local lines, left_out = text_table.lines(columns, rows, width)
      assert.equal(#rows + 2, #lines)
      assert.is_true(left_out >= 0 and left_out < #columns)
      for _, line in ipairs(lines) do
        assert.is_true(display_text.width(line) <= width, line)
      end
      local whole, none = text_table.lines(columns, rows)
      assert.equal(0, none)
      for i, row in ipairs(rows) do
        for _, text in ipairs(row) do
          assert.truthy(whole[i + 2]:find(text, 1, true))
        end
      end
    end
  end)
end)

describe("Tab", function()
  local session

  setup(function()
    local c = support.collection({
      fields = {
        { name = "title", type = "string", index = "text" }, { name = "tags", type = "array_string", nullable = true },
        { name = "year", type = "int32" },
      },
      vectors = { { name = "v", type = "vector_fp32", dim = 1 } },
    }, { path = ":memory:" })
    assert(c:insert {
      { id = "a-1", title = "it's here", tags = { "new wave", "newt" }, year = 1, v = { 1 } },
      { id = "a-2", title = "it is\27 there", year = 2, v = { 2 } },
      { id = "b", title = "items", tags = { "old" }, year = 2, v = { 2 } },
    })
    session = { c = c, env = setmetatable({ c = c, moonvec = moonvec }, { __index = _G }) }
  end)
  teardown(support.clean)

  -- Each word begins behind the mark "|", which is where readline has it.
  local function completed(marked)
    local from = marked:find("|", 1, true)
    return completion.complete(session, marked:gsub("|", "", 1), from)
  end

  local cases = {
    { "|.ti", ".timer" }, { "|.fi", ".field", ".fields" }, { ".mode |j", "json", "jsonl" },
    { ".explain |o", "off", "on" }, { ".get |a", "a-1", "a-2" }, { ".get |a-2", "a-2" },
    { ".like |", "a-1", "a-2", "b" }, { ".fields |t", "tags", "title" }, { ".fields |year,ti", "year,title" },
    { ".where |ye", "year" }, { ".timer |x" }, { ".nothing |x" }, { ".text |x" },
    { "|ye", "year" }, { "year > 1 |A", "AND" }, { "tags |CONT", "CONTAIN_ALL", "CONTAIN_ANY" }, { "year > |1" },
    { "title = '|it", "it''s here", "items" }, { "title = 'it''|s", "s here" }, { "title = 'x''y' AND |ti", "title" },
    { "title = 'x' OR tags CONTAIN_ANY ('|new", "new wave", "newt" },
    { "tags CONTAIN_ANY ('new |w", "wave" }, { "tags CONTAIN_ANY ('x', '|o", "old" }, { "id = '|b", "b" },
    { "year = '|1" }, { "title = 'x' AND |ta", "tags" }, { "nofield = '|x" },
    { "|c:cou", "c:count(" }, { "= |c:meas", "c:measure(" }, { "|moonvec.rerank.mm", "moonvec.rerank.mmr(" },
    { "print(|strin", "string" }, { "|moonvec.nothing.x" }, { "|moonv", "moonvec." },
  }
  for _, case in ipairs(cases) do
    it("completes " .. case[1], function()
      assert.same({ (table.unpack or unpack)(case, 2) }, (completed(case[1]))) -- luacheck: ignore 143 113
    end)
  end

  it("closes the quote behind a value, and puts a space behind a word", function()
    assert.equal("'", select(2, completed "tags CONTAIN_ANY ('|newt"))
    assert.equal(" ", select(2, completed "|.timer"))
    assert.equal(" ", select(2, completed "|yea"))
    assert.equal("", select(2, completed "|c:cou"))
  end)
end)

describe(".ask", function()
  local ask
  for _, command in ipairs(search_commands.commands) do
    ask = command[1] == "ask" and command[4] or ask
  end

  --- What `.ask` searches in a collection with these fields.
  local function searches(fields, vectors, settings, model_failures)
    local searched
    local function note(_, options)
      searched = options
      return {}
    end
    settings.limit, settings.mode = 5, "table"
    local done, message = ask({
      settings = settings, call = { model_failures = model_failures or {} }, set_result = function() end,
      print = function() end, width = function() end,
      c = { schema = { fields = fields, vectors = vectors }, query = note, multi_query = note },
    }, "robots")
    return done and searched, message
  end

  local body = { name = "body", type = "string", index = { type = "text" } }
  local title = { name = "title", type = "string", index = { type = "text" } }
  local meaning = { name = "meaning", embed = { from = "body", model = "m", fingerprint = "f" } }
  local other = { name = "other", embed = { from = "title", model = "n", fingerprint = "g" } }

  it("searches by meaning, and in all fields with a text index", function()
    assert.same({ field = "meaning", text = "robots", topk = 5 }, searches({}, { meaning }, {}))
    assert.same({ topk = 5, filter = "year > 1", queries = {
      { text = "robots", field = "title" }, { text = "robots", field = "body" },
      { text = "robots", field = "meaning" }, { text = "robots", field = "other" },
    } }, searches({ title, body }, { meaning, other }, { where = "year > 1" }))
    assert.same({ { text = "robots", field = "body" }, { text = "robots", field = "other" } },
      searches({ title, body }, { meaning, other }, { vector_field = "other", text_field = "body" }).queries)
  end)

  it("leaves a model out that could not be loaded", function()
    local found = searches({ body }, { meaning, other }, {}, { m = "no file" })
    assert.same({ { text = "robots", field = "body" }, { text = "robots", field = "other" } }, found.queries)
    assert.same({ nil, "no file" }, { searches({ body }, { meaning }, {}, { m = "no file" }) })
  end)
end)
