--- The words of a command line: options, which begin with two dashes, and arguments. What is wrong raises, and names
-- the nearest valid name.

local core = require "moonvec.core"

local M = {}

local unpack = table.unpack or unpack -- luacheck: ignore

-- Options that every command has.
local COMMON = { { "help", nil, "print this help" } }

local function misuse(command, format, ...)
  core.raise(command.name .. ": " .. format:format(...))
end

--- All options of a command, those of every command last.
function M.options_of(command)
  local options = {}
  for _, list in ipairs { command.options or {}, COMMON } do
    for _, option in ipairs(list) do
      options[#options + 1] = option
    end
  end
  return options
end

local function find_option(command, name)
  local dashed = {}
  for i, option in ipairs(M.options_of(command)) do
    if option[1] == name then
      return option
    end
    dashed[i] = "--" .. option[1]
  end
  core.word(command.name, "option", "--" .. name, unpack(dashed))
end

--- Reads the option at words[i] into `options`. Returns the position of its last word.
local function read_option(command, words, i, options)
  local name, sign, value = words[i]:match("^%-%-([^=]*)(=?)(.*)$")
  local option = find_option(command, name)
  if not option[2] then
    if sign ~= "" then
      misuse(command, "'--%s' takes no value, got '%s'", name, core.quote(value))
    end
    options[name] = true
    return i
  end
  if sign == "" then
    i, value = i + 1, words[i + 1]
  end
  if not value then
    misuse(command, "'--%s' needs a value: --%s %s", name, name, option[2])
  elseif option.many then
    options[name] = options[name] or {}
    table.insert(options[name], value)
  else
    options[name] = value
  end
  return i
end

--- The names of the arguments that a usage such as "DIR [WORDS ...]" requires, and the most that it allows. "ID..." is
-- one or more.
local function arity(usage)
  local required, most = {}, 0
  for name in usage:gsub("%b[]", " "):gmatch("%S+") do
    required[#required + 1] = name:gsub("%.%.%.", "")
  end
  for _ in usage:gsub("%b[]", "X"):gmatch("%S+") do
    most = most + 1
  end
  return required, usage:find("...", 1, true) and math.huge or most
end

local function check_arity(command, args)
  local required, most = arity(command.usage)
  if #args < #required then
    misuse(command, "%s is missing", required[#args + 1])
  elseif #args > most then
    misuse(command, "'%s' is one argument too many", core.quote(args[most + 1]))
  end
end

--- Reads the words behind the name of a command: `--name VALUE`, `--name=VALUE`, flags `--name`; "--" ends the options.
-- A word with one dash is an argument if it is "-" or a number, or if the command has `dash_words`. Returns the
-- arguments, and the values of the options by name: true for a flag, an array for an option with `many`.
function M.parse(command, words)
  local args, options, i = {}, {}, 1
  while words[i] do
    local word = words[i]
    if word == "--" then
      for j = i + 1, #words do
        args[#args + 1] = words[j]
      end
      break
    elseif word == "-h" then
      options.help = true
    elseif word:find("^%-%-") then
      i = read_option(command, words, i, options)
    elseif not word:find("^%-.") or tonumber(word) or command.dash_words then
      args[#args + 1] = word
    else
      misuse(command, "there is no option '%s': options begin with '--', and '--' alone ends them", core.quote(word))
    end
    i = i + 1
  end
  if not options.help then
    check_arity(command, args)
  end
  return args, options
end

return M
