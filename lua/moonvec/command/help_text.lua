--- The help texts of the commands, made of their tables.

local arguments = require "moonvec.command.arguments"

local M = {}

local WIDTH = 100
local NAME_WIDTH = 11 -- of the longest name of a command

--- Breaks a text into lines of at most `width` bytes, between words.
local function wrap(text, width)
  local lines, line = {}, ""
  for word in text:gmatch("%S+") do
    if #line > 0 and #line + 1 + #word > width then
      lines[#lines + 1], line = line, word
    else
      line = line == "" and word or line .. " " .. word
    end
  end
  lines[#lines + 1] = line
  return lines
end

--- Lines of two columns, of which the first has `width` bytes, or as many as it needs.
local function columns(rows, width)
  local lines = {}
  for _, row in ipairs(rows) do
    width = math.max(width or 0, #row[1])
  end
  for _, row in ipairs(rows) do
    for i, text in ipairs(wrap(row[2], WIDTH - width - 4)) do
      lines[#lines + 1] = ("  %-" .. width .. "s  %s"):format(i == 1 and row[1] or "", text)
    end
  end
  return table.concat(lines, "\n")
end

--- "moonvec query DIR [WORDS ...] [OPTIONS]"
function M.usage(command)
  return ("moonvec %s %s"):format(command.name, command.usage):gsub("%s+$", "")
    .. (command.options and #command.options > 0 and " [OPTIONS]" or "")
end

--- "--topk N"
function M.option_name(option)
  return "--" .. option[1] .. (option[2] and " " .. option[2] or "")
end

--- The help of one command.
function M.of_command(command)
  local rows = {}
  for _, option in ipairs(arguments.options_of(command)) do
    rows[#rows + 1] = { M.option_name(option), option[3] }
  end
  local parts = { "usage: " .. M.usage(command), "", command.summary:gsub("^%l", string.upper) .. "." }
  for _, paragraph in ipairs(command.details or {}) do
    parts[#parts + 1] = ""
    -- A paragraph that is indented is an example, which stays as it is.
    parts[#parts + 1] = paragraph:find("^  ") and paragraph or table.concat(wrap(paragraph, WIDTH), "\n")
  end
  parts[#parts + 1] = "\noptions:"
  parts[#parts + 1] = columns(rows)
  return table.concat(parts, "\n")
end

--- The overview. `groups`: arrays of commands, each with a `title`.
function M.overview(groups)
  local parts = {
    "usage: moonvec COMMAND DIR [ARGUMENTS] [OPTIONS]",
    "       moonvec DIR",
    "",
    "A vector database in a directory: search by words, by meaning, and by filters. `moonvec DIR` is an",
    "interactive shell. DIR is the directory of a collection, or a folder that was indexed.",
  }
  for _, group in ipairs(groups) do
    local rows = {}
    for i, command in ipairs(group) do
      rows[i] = { command.name, command.summary }
    end
    parts[#parts + 1] = "\n" .. group.title .. ":"
    parts[#parts + 1] = columns(rows, NAME_WIDTH)
  end
  parts[#parts + 1] = "\n`moonvec help COMMAND` describes a command and its options."
  return table.concat(parts, "\n")
end

return M
