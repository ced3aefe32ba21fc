--- The manual page, in the language of man(7), made of the tables of the commands.

local arguments = require "moonvec.command.arguments"
local core = require "moonvec.core"
local help_text = require "moonvec.command.help_text"

--- A text in which no character has a meaning for roff.
local function plain(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("`([^`]*)`", "\\fB%1\\fR")
  return (text:gsub("^([.'])", "\\&%1"))
end

local function put_command(out, command)
  out[#out + 1] = ".SS " .. plain(help_text.usage(command))
  out[#out + 1] = plain(command.summary:gsub("^%l", string.upper)) .. "."
  for _, paragraph in ipairs(command.details or {}) do
    if paragraph:find "^  " then
      out[#out + 1] = ".PP\n.nf\n" .. plain(paragraph) .. "\n.fi"
    else
      out[#out + 1] = ".PP\n" .. plain(paragraph)
    end
  end
  for _, option in ipairs(arguments.options_of(command)) do
    out[#out + 1] = (".TP\n.B %s\n%s"):format(plain(help_text.option_name(option)), plain(option[3]))
  end
end

--- The page. `groups`: arrays of commands.
return function(groups)
  local out = {
    (".TH MOONVEC 1 \"\" \"%s\" \"User Commands\""):format(core.version),
    ".SH NAME\nmoonvec \\- a vector database in a directory",
    ".SH SYNOPSIS\n.B moonvec\nCOMMAND DIR [ARGUMENTS] [OPTIONS]\n.br\n.B moonvec\nDIR",
    ".SH DESCRIPTION\nSearches a collection of documents by words, by meaning, and by filters. DIR is the directory of "
      .. "a collection,\nor a folder that was indexed: its collection is in the folder\n.I .moonvec\nin it.\n.PP\n"
      .. ".B moonvec DIR\nis an interactive shell.",
    ".SH COMMANDS",
  }
  for _, group in ipairs(groups) do
    for _, command in ipairs(group) do
      put_command(out, command)
    end
  end
  out[#out + 1] = ".SH EXIT STATUS\n.TP\n.B 0\nall is well\n.TP\n.B 1\nsomething failed, or was not found\n.TP\n.B 2\n"
    .. "moonvec was called wrongly\n.TP\n.B 130\nit was interrupted; nothing is half written"
  out[#out + 1] = ".SH ENVIRONMENT\n.TP\n.B NO_COLOR\nif set, nothing is marked in color\n.TP\n.B MOONVEC_KEY\n"
    .. "the key for a model that is reached over HTTP"
  return table.concat(out, "\n") .. "\n"
end
