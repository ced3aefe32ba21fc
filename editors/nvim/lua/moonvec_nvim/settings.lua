--- The options that are set for `moonvec index` and `moonvec query`, by their names on a command line.

local M = { index = { model = "none" }, query = { topk = 20 } }

-- Those that make sense in an editor.
local OPTIONS = {
  index = { "model", "by", "size", "include", "exclude", "hidden", "no-ignore" },
  query = { "topk", "filter", "text", "meaning", "recall", "exact", "all" },
}

--- Raises if a name is none of those given; `core` says which is meant.
local function check_word(core, what, name, ...)
  local ok, message = pcall(core.word, "setup", what, name, ...)
  if not ok then
    error(message:match "setup: (.*)$" or message, 0)
  end
end

--- Sets options. `core`: moonvec.core; if it is nil, unknown options are not noticed. A wrong one changes nothing.
function M.set(options, core)
  for name, given in pairs(options) do
    if core then
      check_word(core, "table", name, "index", "query")
    elseif not OPTIONS[name] then
      error(("unknown table '%s': possible are index, query"):format(tostring(name)), 0)
    end
    if type(given) ~= "table" then
      error(("'%s' must be a table of options, got a %s"):format(name, type(given)), 0)
    end
    for option in pairs(core and given or {}) do
      check_word(core, name .. " option", option, unpack(OPTIONS[name]))
    end
  end
  for name, given in pairs(options) do
    M[name] = vim.tbl_extend("force", M[name], given)
  end
end

return M
