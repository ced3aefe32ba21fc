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

--- The shell command that runs a script in Neovim, in a folder. The script may fill `result`.
local function nvim_command(folder, script, answer)
  local path = support.path ".lua"
  text_files.write(path, PRELUDE .. ([[
    local ok, message = xpcall(function() %s end, debug.traceback)
    local file = io.open(%q, "w")
    file:write(vim.json.encode { ok = ok, message = message, messages = messages, result = result })
    file:close()
    vim.cmd "qa!"
  ]]):format(script, answer))
  return ("cd %s && XDG_STATE_HOME=%s nvim --headless -n -u NONE -i NONE --cmd 'set rtp^=%s' --cmd %s -c 'luafile %s'")
    :format(quote(folder), quote(folder), command_line.shell("pwd"):gsub("\n", "") .. "/editors/nvim",
      "'runtime plugin/moonvec.lua'", path)
end

local function read_answer(path)
  local answer = json.decode(text_files.read(path))
  assert(answer.ok, answer.message)
  return answer.result, answer.messages
end

--- Runs a script in Neovim. Returns its `result`, and the messages that were shown.
local function nvim(folder, script)
  local answer = support.path ".json"
  local output, exit_code, errors = command_line.shell(nvim_command(folder, script, answer))
  assert(exit_code == 0, output .. errors)
  return read_answer(answer)
end

local INDEX = "vim.cmd 'MoonvecIndex'; wait();"
local SEARCH = "vim.cmd 'MoonvecSearch %s'; result = found();"

local ERROR = 4 -- vim.log.levels.ERROR

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
    assert.same({ { path = folder .. "/src/queue.lua", line = 1, text = "local M = {}" } }, hits)
    assert.matches("moonvec: %d+ passages of 3 files indexed", messages[1].text)
    hits = nvim(folder, SEARCH:format "\"parse number\"")
    assert.same({ { path = folder .. "/src/parser.c", line = 1, text = '#include "parser.h"' } }, hits)
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
    local files = {}
    for i = 1, 40 do
      files[("%d.txt"):format(i)] = i % 2 == 0 and "The captain steers the ship into the harbour.\n"
        or "The baker puts the bread into the oven.\n"
    end
    local folder = folder_of(files)
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
    ]])
    assert.same({ prompt = "moonvec: ", text = "# Harbour" }, result)
  end)

  nvim_it("waits while another process writes", function()
    local folder, answer, sign = folder_of(FILES), support.path ".json", support.path()
    nvim(folder, INDEX)
    local c = support.collection(nil, { path = folder .. "/.moonvec" })
    local command = nvim_command(folder, ([[
      local defer = vim.defer_fn
      vim.defer_fn = function(...)
        result.deferred = (result.deferred or 0) + 1
        io.open(%q, "w"):close()
        defer(...)
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
    assert.matches("passages of %d+ files indexed", messages[1].text)
    assert.equal("300\n", command_line.output("count", folder, "passage = 1"))
  end)

  nvim_it("says what is wrong", function()
    local folder = folder_of(FILES)
    local function error_of(script)
      local _, messages = nvim(folder, script)
      assert.same({ 1, ERROR }, { #messages, messages[1].level })
      return messages[1].text
    end
    assert.equal(("moonvec: '%s' is in no indexed folder: ':MoonvecIndex' makes it one"):format(folder),
      error_of(SEARCH:format "words"))
    assert.matches("^moonvec: '.*/none' is no folder$", error_of "vim.cmd 'MoonvecIndex none'; wait()")
    assert.matches("^moonvec: .*'/none/model'", error_of [[
      moonvec_nvim.setup { index = { model = "static:/none/model" } }
      vim.cmd "MoonvecIndex"
      wait()
    ]])
    nvim(folder, INDEX)
    local place = folder .. "/.moonvec"
    local result = nvim(folder, [[
      for i, options in ipairs { { search = {} }, { index = { modle = "none" } }, { query = { into = "x" } } } do
        result[i] = select(2, pcall(moonvec_nvim.setup, options))
      end
    ]])
    assert.matches("unknown table 'search'", result[1])
    assert.matches("unknown index option 'modle' %(did you mean 'model'%?%)", result[2])
    assert.matches("unknown query option 'into'", result[3])
    assert.matches("unknown field 'pth'", error_of [[
      moonvec_nvim.setup { query = { filter = "pth = 'a'" } }
      vim.cmd "MoonvecSearch job"
    ]])
    program.remove(place)
    assert(moonvec.create_and_open(place, { fields = { { name = "n", type = "int32" } } })):close()
    assert.matches("that 'moonvec index' has not made", error_of(INDEX))
  end)
end)
