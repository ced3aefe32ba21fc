-- The plugin for Neovim, in a Neovim without a screen: it is built by its build step, indexes a folder in slices, and
-- puts what it finds into the quickfix list.

local command_line = require "spec.support.command_line"
local json = require "moonvec.json"
local moonvec = require "moonvec"
local program = require "spec.support.program"
local support = require "spec.support.init"
local text_files = require "spec.support.text_files"

local quote = program.quote

local FILES = {
  ["src/queue.lua"] = "local M = {}\n\n--- Adds a job to the queue.\nfunction M.push_job(queue, job)\n"
    .. "  queue[#queue + 1] = job\nend\n\nreturn M\n",
  ["src/parser.c"] = "#include \"parser.h\"\n\n/* Reads a number from the text. */\n"
    .. "int parse_number(const char *text)\n{\n    return text[0] - '0';\n}\n",
  ["README.md"] = "# Harbour\n\nShips wait for the pilot.\n",
  [".gitignore"] = "out/\n",
  ["out/made.lua"] = "-- push_job, but made by a program\n",
}

-- What scripts in Neovim have: messages are kept, results are returned as JSON in a file.
local PRELUDE = [[
  messages, result = {}, {}
  vim.notify = function(text, level) table.insert(messages, { text = text, level = level }) end
  moonvec_nvim = require "moonvec_nvim"
  slices = require "moonvec_nvim.slices"
  function wait() assert(vim.wait(60000, function() return not moonvec_nvim.is_busy() end, 1), "still busy") end
  function found()
    return vim.tbl_map(function(entry)
      return { path = vim.fn.fnamemodify(vim.fn.bufname(entry.bufnr), ":p"), line = entry.lnum, text = entry.text }
    end, vim.fn.getqflist())
  end
]]

local has_nvim = command_line.shell "command -v nvim" ~= ""

local function nvim_it(name, run)
  it(name, has_nvim and run or function()
    pending "needs Neovim: install the Debian package neovim"
  end)
end

local function write(path, text)
  os.execute("mkdir -p " .. quote(path:match "^(.*)/"))
  text_files.write(path, text)
  os.execute("touch -d '1 hour ago' " .. quote(path))
end

local function folder_of(files)
  local folder = support.path()
  for path, text in pairs(files) do
    write(folder .. "/" .. path, text)
  end
  return folder
end

local PLUGIN = command_line.shell("pwd"):gsub("\n", "") .. "/editors/nvim"

-- Neovim finds the library by the plugin alone.
local NVIM = "env -u LUA_PATH -u LUA_CPATH nvim --headless -n -i NONE"

--- The shell command that runs a script in Neovim, in a folder. The script may fill `result`. `init`: the text of
-- init.lua; then Neovim begins as it does for a person.
local function nvim_command(folder, script, answer, init)
  local path = support.path ".lua"
  text_files.write(path, PRELUDE .. ([[
    local ok, message = xpcall(function() %s end, debug.traceback)
    local file = io.open(%q, "w")
    file:write(vim.json.encode { ok = ok, message = message, messages = messages, result = result })
    file:close()
    vim.cmd "qa!"
  ]]):format(script, answer))
  local begin = "-u NONE --cmd 'runtime plugin/moonvec.lua'"
  if init then
    local init_path = support.path ".lua"
    text_files.write(init_path, init)
    begin = "-u " .. init_path
  end
  return ("cd %s && XDG_STATE_HOME=%s %s --cmd 'set rtp^=%s' %s -c 'luafile %s'"):format(quote(folder), quote(folder),
    NVIM, PLUGIN, begin, path)
end

local function read_answer(path)
  local answer = json.decode(text_files.read(path))
  assert(answer.ok, answer.message)
  return answer.result, answer.messages
end

--- Runs a script in Neovim. Returns its `result`, the messages that were shown, and what was written to stderr.
local function nvim(folder, script, init)
  local answer = support.path ".json"
  local output, exit_code, errors = command_line.shell(nvim_command(folder, script, answer, init))
  assert(exit_code == 0, output .. errors)
  local result, messages = read_answer(answer)
  return result, messages, errors
end

local INDEX = "vim.cmd 'MoonvecIndex'; wait();"
local SEARCH = "vim.cmd 'MoonvecSearch %s'; result = found();"

local WARN, ERROR = 3, 4 -- vim.log.levels

local SEAFARERS = {}
for i = 1, 40 do
  SEAFARERS[("%d.txt"):format(i)] = i % 2 == 0 and "The captain steers the ship into the harbour.\n"
    or "The baker puts the bread into the oven.\n"
end

describe("the plugin for Neovim", function()
  setup(function()
    if has_nvim then
      local output, exit_code, errors = command_line.shell "editors/nvim/build.sh"
      assert(exit_code == 0, output .. errors)
    end
  end)

  after_each(support.clean)

  nvim_it("indexes a folder of code, and finds identifiers by their parts", function()
    local folder = folder_of(FILES)
    local hits, messages = nvim(folder, INDEX .. SEARCH:format "job push")
    assert.same({ { path = folder .. "/src/queue.lua", line = 4, text = "function M.push_job(queue, job)" } }, hits)
    assert.equal(("moonvec: indexing '%s'"):format(folder), messages[1].text)
    assert.matches("moonvec: %d+ passages of 3 files indexed", messages[2].text)
    hits = nvim(folder, SEARCH:format "\"parse number\"")
    assert.same({ { path = folder .. "/src/parser.c", line = 4, text = "int parse_number(const char *text)" } }, hits)
    -- It is an index as `moonvec index` makes it.
    assert.matches("src/queue.lua:1", command_line.output("query", folder, "push_job"))
    assert.equal("sound\n", command_line.output("check", folder))
  end)

  nvim_it("updates the index when a file is written, and by another :MoonvecIndex", function()
    local folder = folder_of(FILES)
    local result = nvim(folder, INDEX .. [[
      vim.cmd "edit src/queue.lua | %s/push_job/enqueue/ | silent write"
      wait()
      vim.cmd "edit src/new.lua"
      vim.api.nvim_buf_set_lines(0, 0, -1, true, { "-- fresh_herring" })
      vim.cmd "silent write"
      vim.cmd "edit out/made.lua"
      vim.api.nvim_buf_set_lines(0, 0, -1, true, { "-- fresh_herring" })
      vim.cmd "silent write"
      wait()
      for _, words in ipairs { "enqueue", "push_job", "fresh_herring" } do
        vim.fn.setqflist({}, "r")
        vim.cmd("MoonvecSearch " .. words)
        result[words] = #found()
      end
      os.remove "README.md"
      vim.cmd "MoonvecIndex"
      wait()
      vim.fn.setqflist({}, "r")
      vim.cmd "MoonvecSearch pilot"
      result.pilot = #found()
    ]])
    assert.same({ enqueue = 1, push_job = 0, fresh_herring = 1, pilot = 0 }, result)
    assert.equal("3\n", command_line.output("count", folder, "passage = 1"))
  end)

  nvim_it("does little in each slice: one file, or a few passages", function()
    local text, files = {}, {}
    for i = 1, 500 do
      text[i] = ("int function_%d(int a)\n{\n    return call_%d(a);\n}\n"):format(i, i):rep(4)
    end
    for i = 1, 30 do
      files[("small%d.c"):format(i)] = ("int small_%d;\n"):format(i)
    end
    files["large.c"] = table.concat(text, "\n")
    local result = nvim(folder_of(files), [[
      slices.SLICE_MS = 0 -- a slice is one step
      result = { rows = 0, files = 0, opened = 0, written = 0 }
      local open, resume = io.open, coroutine.resume
      local count = 0
      io.open = function(path, mode)
        result.opened = result.opened + (path:find "%.c$" and 1 or 0)
        return open(path, mode)
      end
      local handles = require "moonvec_nvim.handles"
      local place = vim.fn.getcwd() .. "/.moonvec"
      coroutine.resume = function(...)
        local opened = result.opened
        local ok, value = resume(...)
        result.files = math.max(result.files, result.opened - opened)
        local handle = handles.find(place)
        local now = handle and #handle.collection or 0
        result.rows, count = math.max(result.rows, now - count), now
        return ok, value
      end
      vim.cmd "MoonvecIndex"
      wait()
      result.total, result.slices = count, slices.counts.slices
    ]])
    assert.is_true(result.total > 100, result.total)
    assert.is_true(result.rows <= 16 and result.rows > 0, result.rows)
    assert.same({ 1, 62 }, { result.files, result.opened }) -- once to choose the text index, once to index them
    assert.is_true(result.slices > 62 + result.total, result.slices)
  end)

  nvim_it("learns a model in a thread, and then searches by meaning, too", function()
    local folder = folder_of(SEAFARERS)
    local result = nvim(folder, [[
      moonvec_nvim.setup { index = { model = "learn" }, query = { topk = 5 } }
    ]] .. INDEX .. SEARCH:format "captain")
    assert.is_true(#result >= 5)
    assert.matches("captain", result[1].text)
    local c = support.collection(nil, { path = folder .. "/.moonvec", read_only = true })
    assert.same({ "learnt", 256 }, { c.schema.vectors[1].embed.model, c.schema.vectors[1].dim })
    assert.matches("The captain", command_line.output("query", folder, "--meaning", "captain"))
  end)

  nvim_it("asks for the words of a bare :MoonvecSearch", function()
    local folder = folder_of(FILES)
    local result = nvim(folder, INDEX .. [[
      vim.ui.input = function(options, on_typed) result.prompt = options.prompt; on_typed "pilot" end
      vim.cmd "MoonvecSearch"
      result.text = found()[1].text
      vim.fn.setqflist({}, "r")
      moonvec_nvim.search()
      result.again = found()[1].text
    ]])
    local text = "Ships wait for the pilot."
    assert.same({ prompt = "moonvec: ", text = text, again = text }, result)
  end)

  nvim_it("waits while another process writes", function()
    local folder, answer, sign = folder_of(FILES), support.path ".json", support.path()
    nvim(folder, INDEX)
    local c = support.collection(nil, { path = folder .. "/.moonvec" })
    local command = nvim_command(folder, ([[
      local sleep = slices.sleep
      slices.sleep = function(ms)
        result.deferred = (result.deferred or 0) + 1
        io.open(%q, "w"):close()
        sleep(ms)
      end
      vim.cmd "edit src/queue.lua | %%s/push_job/enqueue/ | silent write"
      vim.wait(60000, function() return result.deferred and not moonvec_nvim.is_busy() and #messages == 0
        and require("moonvec_nvim.handles").find(vim.fn.getcwd() .. "/.moonvec").collection
          :count("text MATCH ?", { "enqueue" }) == 1 end, 5)
      vim.cmd "MoonvecSearch enqueue"
      result.hits = #found()
    ]]):format(sign), answer)
    local pipe
    assert(c:transaction(function(tx)
      assert(tx:delete "README.md#1")
      pipe = io.popen(command)
      support.wait_until(function() return io.open(sign) ~= nil end)
    end))
    pipe:close()
    local result = read_answer(answer)
    assert.is_true(result.deferred >= 1)
    assert.equal(1, result.hits)
  end)

  nvim_it("ends at once while it indexes, and goes on the next time", function()
    local files = {}
    for i = 1, 300 do
      files[("%d.lua"):format(i)] = ("local name_%d = 1\n\n"):format(i):rep(200)
    end
    local folder = folder_of(files)
    local result = nvim(folder, [[
      vim.cmd "MoonvecIndex"
      vim.wait(60000, function()
        local handle = require("moonvec_nvim.handles").find(vim.fn.getcwd() .. "/.moonvec")
        return handle and #handle.collection > 100
      end, 1)
      result.is_busy = moonvec_nvim.is_busy()
    ]])
    assert.is_true(result.is_busy)
    assert.equal("sound\n", command_line.output("check", folder))
    local _, messages = nvim(folder, INDEX)
    assert.matches("passages of %d+ files indexed", messages[2].text)
    assert.equal("300\n", command_line.output("count", folder, "passage = 1"))
  end)

  nvim_it("says what is wrong", function()
    local folder = folder_of(FILES)
    local function error_of(script)
      local _, messages = nvim(folder, script)
      local errors = {}
      for _, message in ipairs(messages) do
        errors[#errors + 1] = message.level == ERROR and message.text or nil
      end
      assert.equal(1, #errors, script)
      return errors[1]
    end
    assert.equal(("moonvec: '%s' is in no indexed folder: ':MoonvecIndex' makes it one"):format(folder),
      error_of(SEARCH:format "words"))
    assert.matches("^moonvec: '.*/none' is no folder$", error_of [[
      moonvec_nvim.setup { index = { model = "learn" } }
      vim.cmd "MoonvecIndex none"
      wait()
    ]])
    assert.matches("^moonvec: .*'/none/model'", error_of [[
      moonvec_nvim.setup { index = { model = "static:/none/model" } }
      vim.cmd "MoonvecIndex"
      wait()
    ]])
    nvim(folder, INDEX)
    local place = folder .. "/.moonvec"
    local result = nvim(folder, [[
      for i, options in ipairs { { search = {} }, { index = { modle = "none" } }, { query = { into = "x" } },
        { index = "learn" } } do
        result[i] = select(2, pcall(function() moonvec_nvim.setup(options) end))
      end
    ]])
    assert.matches("^.*%.lua:%d+: moonvec_nvim.setup: unknown table 'search'", result[1])
    assert.matches("'index' must be a table of options, got a string", result[4])
    assert.matches("unknown index option 'modle' %(did you mean 'model'%?%)", result[2])
    assert.matches("unknown query option 'into'", result[3])
    for set, says in pairs {
      ["filter = [=[pth = 'a']=]"] = "moonvec: filter:1: unknown field 'pth'",
      ["text = true, meaning = true"] = "moonvec: give one of text and meaning; without them both are searched",
      ["topk = 'many'"] = "moonvec: 'topk' must be a whole number, got 'many'",
      ["topk = 0"] = "moonvec: 'topk' must be a whole number from 1 to 1000000, got 0",
    } do
      local message = error_of(("moonvec_nvim.setup { query = { %s } } vim.cmd 'MoonvecSearch job'"):format(set))
      assert.equal(says, message:sub(1, #says))
    end
    assert.equal("moonvec: text '-job' only excludes", error_of(SEARCH:format "-job"):sub(1, 34))
    assert.matches("^moonvec: model: there is no file or folder '.*/bogus'; possible are learn ", error_of [[
      moonvec_nvim.setup { index = { model = "bogus" } }
      vim.cmd "MoonvecIndex!"
      wait()
    ]])
    program.remove(place)
    assert(moonvec.create_and_open(place, { fields = { { name = "n", type = "int32" } } })):close()
    assert.matches("that 'moonvec index' has not made", error_of(INDEX))
    program.remove(place)
    write(place .. "/notes.txt", "mine")
    assert.equal(("moonvec: '%s' exists already, and is no collection: remove it, then index again"):format(place),
      error_of(INDEX))
    write(place .. "/catalog.mdb", "garbage")
    local hint = (" (an index can be made again: remove '%s', then index the folder)"):format(place)
    for _, script in ipairs { INDEX, "vim.cmd 'MoonvecIndex!'; wait()", SEARCH:format "job" } do
      assert.equal(hint, error_of(script):sub(-#hint))
    end
  end)

  nvim_it("can be set up in init.lua, with or without options", function()
    local folder = folder_of(SEAFARERS)
    local result, _, errors = nvim(folder, INDEX .. SEARCH:format "captain", [[
      require("moonvec_nvim").setup()
      require("moonvec_nvim").setup { index = { model = "learn", exclude = { "*.md", "*.c" } } }
    ]])
    assert.equal("", errors)
    assert.is_true(#result > 0)
    assert.equal("learnt", support.collection(nil, { path = folder .. "/.moonvec", read_only = true })
      .schema.vectors[1].embed.model)
  end)

  nvim_it("says in each call that the library is not built, and quits without errors", function()
    local folder, copy = folder_of(FILES), support.path()
    assert(select(2, command_line.shell(("mkdir -p %s/editors && cp -r editors/nvim %s/editors && cp -r lua %s && "
      .. "rm -f %s/lua/moonvec/core.so"):format(copy, copy, copy, copy))) == 0)
    local _, exit_code, shown = command_line.shell(("cd %s && %s -u NORC --cmd 'set rtp^=%s/editors/nvim' %s -c qa!")
      :format(folder, NVIM, copy, "-c 'MoonvecSearch x' -c MoonvecIndex -c 'lua require\"moonvec_nvim\".setup{}'"))
    assert.equal(0, exit_code)
    local says = ("moonvec: its library is not built. Run the build step of the plugin: %s/editors/nvim/build.sh")
      :format(copy)
    assert.equal(says .. says, (shown:gsub("[\r\n]", ""):gsub("^Error detected[^:]*:", "")))
  end)

  nvim_it("completes the index of a file that is written when Neovim quits", function()
    local folder = folder_of(FILES)
    nvim(folder, INDEX)
    nvim(folder, [[
      vim.cmd "edit src/queue.lua | %s/push_job/enqueue/ | silent write"
      result.is_busy = moonvec_nvim.is_busy()
    ]])
    assert.matches("src/queue.lua", command_line.output("query", folder, "enqueue"))
  end)

  nvim_it("makes an index that was left before anything was written", function()
    local folder = folder_of(FILES)
    nvim(folder, INDEX)
    local c = support.collection(nil, { path = folder .. "/.moonvec" })
    assert(c:delete_by_filter "passage > 0")
    assert(c:meta("moonvec.index", "null"))
    c:close()
    local _, messages = nvim(folder, INDEX)
    assert.matches("passages of 3 files indexed", messages[2].text)
    assert.same({}, support.collection(nil, { path = folder .. "/.moonvec", read_only = true }).schema.vectors)
  end)

  nvim_it("says nothing of another process that writes when it quits", function()
    local folder, answer, sign = folder_of(FILES), support.path ".json", support.path()
    nvim(folder, INDEX)
    local c = support.collection(nil, { path = folder .. "/.moonvec" })
    local command = nvim_command(folder, ([[
      os.remove "README.md"
      vim.cmd "MoonvecIndex"
      wait()
      io.open(%q, "w"):close()
      vim.wait(60000, function() return io.open(%q) ~= nil end, 5)
      moonvec_nvim.close()
    ]]):format(sign, sign .. "2"), answer)
    local pipe = io.popen(command)
    support.wait_until(function() return io.open(sign) ~= nil end)
    assert(c:transaction(function(tx)
      assert(tx:delete "src/queue.lua#1")
      text_files.write(sign .. "2", "")
      pipe:close()
    end))
    local _, messages = read_answer(answer)
    assert.same({ 2, "moonvec: 1 passage removed" }, { #messages, messages[2].text })
  end)

  nvim_it("says that a folder is being indexed, and that an index is up to date", function()
    local folder = folder_of(FILES)
    local _, messages = nvim(folder, [[
      vim.cmd "MoonvecIndex"
      vim.cmd "MoonvecSearch pilot"
      wait()
      moonvec_nvim.setup { index = { model = "learn" } }
      vim.cmd "MoonvecIndex"
      wait()
    ]])
    assert.same({ ERROR, ("moonvec: '%s' is being indexed: search again later"):format(folder) },
      { messages[2].level, messages[2].text })
    assert.equal(("moonvec: '%s' is up to date: 3 files; its index has no model: ':MoonvecIndex!' makes it again")
      :format(folder), messages[5].text)
  end)

  nvim_it("empties the quickfix list when nothing is found, and says which hits are by meaning only", function()
    local folder = folder_of(SEAFARERS)
    local result, messages = nvim(folder, [[
      moonvec_nvim.setup { index = { model = "learn" } }
    ]] .. INDEX .. [[
      for _, words in ipairs { "captan", "captain", "?!." } do
        vim.cmd("MoonvecSearch " .. words)
        result[#result + 1] = #found()
      end
    ]])
    assert.is_true(result[1] > 0 and result[2] > 0 and result[3] == 0)
    assert.same({ WARN, "moonvec: no document is found by these words; the hits are by meaning only" },
      { messages[3].level, messages[3].text })
    assert.equal("moonvec: nothing was found for '?!.'", messages[4].text)
    assert.equal(4, #messages)
  end)

  nvim_it("points to the line with the most of what was found", function()
    local ships = "# Ships\r\n\r\nA ship in the harbour.\r\nThe pilot is \226\128\166 on the ship, a ship.\r\n"
    local folder = folder_of {
      ["a.md"] = ships, ["copy/a.md"] = ships, ["b.md"] = "\n\n# Bread\n\nIt is baked.\n\nThe pilot eats it.\n",
    }
    local result = nvim(folder, INDEX .. [[
      for _, words in ipairs { "pilot", "harbour", "ship", "bread" } do
        vim.cmd("MoonvecSearch " .. words)
        result[words] = vim.tbl_map(function(entry)
          return ("%s:%d:%d:%s"):format(vim.fn.fnamemodify(vim.fn.bufname(entry.bufnr), ":t"), entry.lnum, entry.col,
            entry.text)
        end, vim.fn.getqflist())
        table.sort(result[words])
      end
    ]])
    local pilot = "a.md:4:5:The pilot is \226\128\166 on the ship, a ship."
    assert.same({ pilot, pilot, "b.md:7:5:The pilot eats it." }, result.pilot)
    assert.same("a.md:4:25:The pilot is \226\128\166 on the ship, a ship.", result.ship[1])
    assert.same({ "a.md:3:15:A ship in the harbour.", "a.md:3:15:A ship in the harbour." }, result.harbour)
    assert.same({ "b.md:3:3:# Bread" }, result.bread)
  end)

  nvim_it("checks its health, and has a help", function()
    local folder = folder_of(FILES)
    nvim(folder, INDEX)
    local result = nvim(folder, [[
      vim.cmd "checkhealth moonvec"
      result.health = table.concat(vim.api.nvim_buf_get_lines(0, 0, -1, true), "\n")
      vim.cmd "help moonvec-setup"
      result.help = vim.fn.expand "%:t"
    ]], "")
    for _, text in ipairs { "the library is loaded: moonvec %d", "words and parts of identifiers are found",
      "is indexed: %d+ passages of 3 files", "it has no model", "%d of its passages are not indexed yet" } do
      assert.matches(text, result.health)
    end
    assert.equal("moonvec.txt", result.help)
  end)
end)
