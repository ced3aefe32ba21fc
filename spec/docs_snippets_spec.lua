-- The code in the documentation runs. Pages of docs/ are programs: their blocks of Lua and of shell commands run in
-- order, in an empty folder, and print what the page says ("..." is any text within a line). The code in docs/hosts/
-- is run by the specs of these hosts (spec/hosts/); here it must be Lua.

local command = require "moonvec.command"
local command_line = require "spec.support.command_line"
local markdown = require "docs.make.markdown"
local page_program = require "spec.support.page_program"
local program = require "spec.support.program"
local text_files = require "spec.support.text_files"

-- Pages that only tell how to build, install and test have commands that a spec should not run.
local ONLY_READ = { ["docs/installing.md"] = true, ["docs/testing.md"] = true, ["docs/c-api.md"] = true }

local function is_run(path)
  return path:find "^docs/" and not path:find "^docs/hosts/" and not ONLY_READ[path]
end

-- Compiles a program, or members of a table, such as settings of another program.
local function compile(code, name)
  local load_text = loadstring or load -- luacheck: ignore 113
  local compiled, message = load_text(code, name)
  return compiled or load_text("return {\n" .. code .. "}", name), message
end

local function set_of(names)
  local set = {}
  for _, name in ipairs(names) do
    set[name] = true
  end
  return set
end

local RUN_COMMANDS, COMMANDS = {}, set_of(command.names())
for name in markdown.read("run"):gmatch "\n#: (%w+)" do
  RUN_COMMANDS[name] = true
end

-- The commands of `./run` and of `moonvec` that shell commands call must exist.
local function check_shell(code, where)
  for name in code:gmatch "%f[^%s]%./run (%l+)%f[%s]" do
    assert.is_true(RUN_COMMANDS[name], where .. ": there is no './run " .. name .. "'")
  end
  for name in code:gmatch "%f[%w]moonvec (%l+)%f[%s]" do
    assert.is_true(COMMANDS[name], where .. ": there is no 'moonvec " .. name .. "'")
  end
end

-- The pattern of an output.
local function pattern_of(text)
  return "^" .. text:gsub("%p", "%%%0"):gsub("%%%.%%%.%%%.", "[^\n]*") .. "$"
end

local COMPILE = "cc -std=c11 -Wall -Wextra -Werror -fsyntax-only -Iengine "

-- A C program compiles without a warning.
local function check_c(code, where)
  local source = program.temporary_path() .. ".c"
  text_files.write(source, code)
  local output, status = command_line.shell(COMPILE .. source .. " 2>&1")
  program.remove(source)
  assert.equal(0, status, where .. ": " .. output)
end

for _, path in ipairs(markdown.files()) do
  local blocks = markdown.blocks(markdown.read(path))

  describe("the code in " .. path, function()
    for _, block in ipairs(blocks) do
      local where = ("%s:%d"):format(path, block.line)
      if block.language == "lua" then
        it("is Lua, at line " .. block.line, function()
          assert(compile(block.code, "=" .. where))
        end)
      elseif block.language == "c" and block.code:find "int main" then
        it("is C, at line " .. block.line, function()
          check_c(block.code, where)
        end)
      elseif block.language == "sh" then
        it("calls commands that exist, at line " .. block.line, function()
          check_shell("\n" .. block.code, where)
        end)
      end
    end

    if is_run(path) then
      it("runs, and prints what the page says", function()
        local steps, output, status = page_program.run(blocks)
        assert.equal(0, status, path .. ": " .. output)
        for _, step in ipairs(steps) do
          if step.prints and not step.printed:match(pattern_of(step.prints)) then
            assert.equal(step.prints, step.printed, ("%s:%d"):format(path, step.line))
          end
        end
      end)
    end
  end)
end
