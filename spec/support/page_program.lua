-- Runs the code of a page of the documentation as one program: its blocks of Lua and of shell commands, in order, in a
-- new folder. A block of "text" is what the block before it prints.

local program = require "spec.support.program"
local text_files = require "spec.support.text_files"

local M = {}

local MARK = "\1%d\1\n" -- is printed in front of each block's output

local RUN_AS = { lua = true, sh = true }

--- What `blocks` of a page are to be run: { language =, code =, line =, prints = }. The setup of a block is one, too.
local function steps_of(blocks)
  local steps, last = {}, nil
  for _, block in ipairs(blocks) do
    if block.language == "text" and last then
      last.prints = block.code
    end
    if block.setup then
      steps[#steps + 1] = { language = "lua", code = block.setup, line = block.line }
    end
    last = RUN_AS[block.language] and not block.not_run and block or nil
    steps[#steps + 1] = last
  end
  return steps
end

-- In shell commands, `moonvec` is that of this checkout. Its library is that of LUA_CPATH. What they write to stderr
-- is shown if they fail.
local SHELL_HEAD = ('moonvec() { %s -l moonvec.core "$MOONVEC_ROOT/bin/moonvec" "$@"; }\nset -e\n'):format(
  program.interpreter())

-- The Lua code of a step.
local function code_of(step, number, folder)
  local mark = ("io.write(%q) io.flush()\n"):format(MARK:format(number))
  if step.language == "lua" then
    return mark .. step.code
  end
  local path = ("%s/block%d.sh"):format(folder, number)
  text_files.write(path, SHELL_HEAD .. step.code)
  local command = ("sh %s 2>%s.messages || { cat %s.messages; exit 1; }"):format(path, path, path)
  return mark .. ("do local ok = os.execute(%q) assert(ok == true or ok == 0, %q) end\n"):format(
    command, ("the commands at line %d failed"):format(step.line))
end

local function output_of(command)
  local pipe = assert(io.popen("{ " .. command .. "; } 2>&1; echo $?"))
  local output, status = pipe:read("*a"):match "^(.-)(%d+)\n$"
  pipe:close()
  return output, tonumber(status)
end

--- Runs the blocks of a page (docs.make.markdown) in a new folder. Returns the steps, each with what it `printed`, the
-- whole output, and the exit status.
function M.run(blocks)
  local folder = program.temporary_path()
  assert(os.execute("mkdir -p " .. program.quote(folder .. "/work")))
  local steps, parts = steps_of(blocks), {}
  for i, step in ipairs(steps) do
    parts[i] = code_of(step, i, folder)
  end
  text_files.write(folder .. "/page.lua", table.concat(parts, "\n"))
  local output, status = output_of(("MOONVEC_ROOT=$PWD; export MOONVEC_ROOT; cd %s && %s"):format(
    program.quote(folder .. "/work"), program.command(folder .. "/page.lua")))
  program.remove(folder)
  for number, printed in (output .. "\1"):gmatch "\1(%d+)\1\n([^\1]*)%f[\1]" do
    steps[tonumber(number)].printed = printed
  end
  return steps, output, status
end

return M
