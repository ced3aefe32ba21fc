--- Checks of arguments that several files in Lua share. What is wrong raises, and names the option.

local core = require "moonvec.core"
local neovim = require "moonvec.neovim"

local M = {}

function M.misuse(format, ...)
  core.raise(format:format(...))
end

--- The number `given` for an option, or `otherwise` if it is nil. `low` and `high`: its bounds, both included.
function M.number(call, name, given, otherwise, low, high)
  if given == nil and otherwise then
    return otherwise
  elseif type(given) ~= "number" then
    M.misuse("%s: '%s' must be a number, got a %s", call, name, type(given))
  elseif given ~= given or low and given < low or high and given > high then
    local range = low and high and (" from %.14g to %.14g"):format(low, high) or low and (" of at least " .. low) or ""
    M.misuse("%s: '%s' must be a number%s, got %.14g", call, name, range, given)
  end
  return given
end

--- The same for a whole number.
function M.whole(call, name, given, otherwise, low, high)
  if given == nil and otherwise then
    return otherwise
  elseif type(given) ~= "number" then
    M.misuse("%s: '%s' must be a whole number, got a %s", call, name, type(given))
  elseif given % 1 ~= 0 or given < low or given > high then
    M.misuse("%s: '%s' must be a whole number from %.0f to %.0f, got %.14g", call, name, low, high, given)
  end
  return given
end

--- A number above 0.
function M.positive(call, name, given, otherwise)
  local number = M.number(call, name, given, otherwise)
  if number <= 0 or number == math.huge then
    M.misuse("%s: '%s' must be a positive number, got %.14g", call, name, number)
  end
  return number
end

--- The boolean `given` for an option, or `otherwise` if it is nil.
function M.flag(call, name, given, otherwise)
  if given ~= nil and type(given) ~= "boolean" then
    M.misuse("%s: '%s' must be true or false, got a %s", call, name, type(given))
  elseif given == nil then
    return otherwise
  end
  return given
end

--- The same for a function.
function M.callable(call, name, given, otherwise)
  if given ~= nil and type(given) ~= "function" then
    M.misuse("%s: '%s' must be a function, got a %s", call, name, type(given))
  end
  return given or otherwise
end

--- The same for a string.
function M.text(call, name, given, otherwise)
  if given ~= nil and type(given) ~= "string" then
    M.misuse("%s: '%s' must be a string, got a %s", call, name, type(given))
  end
  return given or otherwise
end

--- The module `module` of another project, or what Neovim has for it. If it is not installed, raises and says what
-- `user` needs: `name`, which is in the package `package` of Debian and in the rock `rock`.
function M.library(user, module, name, package, rock)
  local found, library = pcall(require, module)
  library = found and library or neovim.library(module)
  if not library then
    M.misuse("%s needs %s: install %s (Debian, Ubuntu) or 'luarocks install %s'", user, name, package, rock)
  end
  return library
end

--- The name of a field.
function M.field(call, name, given)
  if type(given) ~= "string" then
    M.misuse("%s: '%s' must be the name of a field, got a %s", call, name, type(given))
  end
  return given
end

--- An array of weights, or nil.
function M.weights(call, given)
  if given == nil then
    return nil
  elseif type(given) ~= "table" then
    M.misuse("%s: 'weights' must be an array of numbers, got a %s", call, type(given))
  end
  for i, weight in ipairs(given) do
    M.number(call, ("weights[%d]"):format(i), weight, nil, 0)
  end
  return given
end

--- Raises unless there is one weight for each of `count` lists of hits, if any are given.
function M.weights_of(call, weights, count)
  if weights and #weights ~= count then
    M.misuse("%s: 'weights' has %d numbers, there are %d lists of hits", call, #weights, count)
  end
end

--- A message about what a person typed, without the names of the calls of moonvec that it was given to: "query: ", and
-- "multi_query: queries[1]: ".
function M.without_call(message)
  return (message:gsub("^query: ", ""):gsub("^multi_query: ", ""):gsub("^queries%[%d+%]: ", ""))
end

return M
