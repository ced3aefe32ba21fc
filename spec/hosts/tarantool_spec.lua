-- Tarantool: two instances that replicate, killed under load, and one instance for deletes, rebuilding and errors.

local children = require "spec.support.children"
local host_program = require "spec.support.host_program"
local support = require "spec.support.init"
local tarantool_server = require "spec.support.tarantool_server"
local text_files = require "spec.support.text_files"

local NODE = "spec/support/tarantool_node.lua"
local PORT = host_program.port(2)

describe("moonvec.tarantool in two instances that replicate", function()
  local home, pids

  local function start(number, kind)
    pids[number] = tarantool_server.start(NODE, home .. "/log" .. number, "", number, PORT, home .. "/" .. number,
      kind)
  end

  local function wait_until_open(number)
    tarantool_server.wait_until(PORT + number - 1, "return tostring(rows.follower ~= nil)")
  end

  before_each(function()
    home, pids = support.path(), {}
    assert.is_true(children.succeeds("mkdir " .. home))
  end)

  after_each(function()
    host_program.clean()
    support.clean()
  end)

  local function last_number(number)
    return tarantool_server.ask(PORT + number - 1,
      "return math.max(box.space.rows.index.seq:max().seq, (box.space.rows_deleted.index.seq:max() or {0})[1])")
  end

  local function kill_under_load(kind)
    start(1, kind)
    start(2, kind)
    wait_until_open(1)
    wait_until_open(2)
    tarantool_server.ask(PORT, "rows.load(8)")
    for _, number in ipairs { 2, 1, 2, 2, 1, 2, 1 } do
      -- it has taken some rows since it was opened, and others are under way
      tarantool_server.wait_until(PORT + number - 1, "return tostring(rows.follower:stats().written > 200)")
      tarantool_server.stop(pids[number], "KILL")
      start(number, kind)
      wait_until_open(number)
      if number == 1 then
        tarantool_server.ask(PORT, "rows.load(8)")
      end
    end
    tarantool_server.ask(PORT, "rows.is_loading = false")
    support.wait_until(function()
      return last_number(1) == last_number(2)
    end)
    for number = 1, 2 do
      local port = PORT + number - 1
      assert.equal("true", tarantool_server.ask(port, "return tostring(rows.follower:wait(nil, 60))"))
      assert.matches("^equal %d%d%d+$", tarantool_server.ask(port, "return rows.compare(rows.collection)"))
      assert.equal("0 0 0", tarantool_server.ask(port,
        "local s = rows.follower:stats() return ('%d %d %d'):format(s.rebuilds, s.late, s.errors)"))
    end
  end

  for kind, name in pairs { deleted = "tombstones", deletes = "a log of deletes" } do
    it("has both collections equal to the space, with " .. name .. ", after both were killed under load", function()
      if tarantool_server.obstacle() then
        pending(tarantool_server.obstacle())
        return
      end
      kill_under_load(kind)
    end)
  end
end)

-- The names are those of spec/support/tarantool_cases.lua, which has what is tried.
local CASES = {
  tombstones = "deletes the documents of tombstones, also when a row is deleted twice or written again",
  log = "deletes what a log of deletes names",
  unseen_deletes = "counts deletes that leave no trace",
  same_numbering = "marks deletes as number_changes was told, also when it is not told that again",
  operations_on_tombstones = "lets insert, update and upsert find no row where one was deleted",
  space_that_exists = "follows a space that had rows without numbers, once they are written again",
  numbering_misuse = "raises on spaces and sequences that cannot number changes",
  integer_keys = "follows rows with integers as keys, and finds the rows of documents by them",
  purge_tombstones = "lets tombstones be purged, and rebuilds when it had not seen them",
  purge_log = "lets the log be purged, and rebuilds when it had not seen it",
  goes_on = "goes on where it stopped, without writing anything twice",
  position_ahead = "rebuilds when its position is ahead of the space",
  position_of_other_instance = "rebuilds when its position is one of another instance",
  truncated_before = "rebuilds when the space was truncated while it was stopped",
  truncated_meanwhile = "rebuilds when the space is truncated while it runs",
  damaged_collection = "makes a damaged collection again",
  unrecognizable_collection = "moves a collection aside that is too damaged to be recognized, and makes it again",
  rolled_back = "takes nothing of a transaction that is rolled back",
  waits_for_pending = "waits for a lower number that is not committed",
  late_row = "goes back for a row that is committed late, and counts it",
  short_pieces = "lets other fibers run after two milliseconds at most, by the time that rows take",
  pieces_of_500 = "takes 500 rows at most at a time",
  retries = "keeps the message about a wrong row, and tries again",
  skips = "leaves a wrong row out, if that is wanted",
  busy = "tries again while another fiber has a transaction open",
  filtered_rows = "has no documents for rows for which the program makes none",
  stopped = "can be stopped",
  misuse = "raises on wrong arguments",
}

local function words(text)
  local list = {}
  for word in text:gmatch "%S+" do
    list[#list + 1] = word
  end
  return list
end

describe("moonvec.tarantool", function()
  local home, pid

  setup(function()
    if not tarantool_server.obstacle() then
      home = support.path()
      assert.is_true(children.succeeds("mkdir " .. home))
      pid = tarantool_server.start(NODE, home .. "/log", "", 1, PORT, home .. "/1", "alone")
      tarantool_server.wait_until(PORT, "return 'true'")
    end
  end)

  teardown(function()
    host_program.clean()
    support.clean()
  end)

  local function run(case)
    return tarantool_server.ask(PORT, ("return require('spec.support.tarantool_cases')('%s')"):format(case))
  end

  for case, title in pairs(CASES) do
    it(title, function()
      if not pid then
        pending(tarantool_server.obstacle())
        return
      end
      assert.equal("ok", run(case))
    end)
  end

  it("has the names that types.lua describes", function()
    if not pid then
      pending(tarantool_server.obstacle())
      return
    end
    local functions, stats = run("names"):match "^(.-)\n(.*)$"
    local text = text_files.read "lua/moonvec/types.lua"
    local declared = {}
    for name in text:gmatch "\nfunction tarantool%.([%w_]+)%(" do
      declared[#declared + 1] = name
    end
    table.sort(declared)
    assert.same(declared, words(functions))
    local class = text:match "\n%-%-%-@class moonvec.tarantool_follower_stats\n(.-)\n\n"
    for _, name in ipairs(words(stats)) do
      assert.truthy(class:find("@field " .. name .. "%f[^%w_]"), name)
    end
  end)

  it("wants box.cfg to be called first", function()
    if not pid then
      pending(tarantool_server.obstacle())
      return
    end
    local code = [[print(pcall(require("moonvec.tarantool").open, "x.mv")) os.exit(0)]]
    local output = children.output(("cd %s && %s tarantool -e '%s' 2>&1; ls %s"):format(home,
      host_program.environment "luajit", code, home))
    assert.matches("^false\t.*tarantool%.open: call box%.cfg first", output)
    assert.is_nil(output:find "\nx%.mv")
  end)

  it("says elsewhere that it runs in Tarantool", function()
    local _, message = pcall(require, "moonvec.tarantool")
    assert.matches("moonvec.tarantool runs in Tarantool, this is Lua ", message)
  end)
end)
