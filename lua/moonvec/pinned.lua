--- Several searches of one commit, for the calls that are made of searches: multi_query and group_by_query.

local core = require "moonvec.core"

local M = {}

--- Can the text stand in parentheses, with its arguments among others? If not, the engine refuses it when it is alone.
local function is_whole(text, args)
  local bare = text:gsub("'[^']*'", "")
  local _, arguments = bare:gsub("%?", "")
  return arguments == #args and not bare:find "'" and ("(" .. bare .. ")"):find "^%b()$" ~= nil
end

--- The text and the arguments of a filter; nil if the engine would refuse it.
local function parts_of(source)
  local text, args = source.filter, source.args or {}
  if getmetatable(text) == core.filter_metatable and source.args == nil then
    text, args = text.text, text.args
  end
  if type(text) == "string" and type(args) == "table" and is_whole(text, args) then
    return text, args
  end
end

--- One filter that is true where all of the sources { filter, args } are. A source that the engine would refuse is
-- returned alone, so that it does.
local function join(sources)
  local given, texts, all = {}, {}, {}
  for _, source in ipairs(sources) do
    if source.filter ~= nil or source.args ~= nil then
      given[#given + 1] = source
    end
  end
  if #given == 0 then
    return nil
  elseif #given == 1 then
    return given[1].filter, given[1].args
  end
  for i, source in ipairs(given) do
    local text, args = parts_of(source)
    if not text then
      return source.filter, source.args
    end
    texts[i] = "(" .. text .. ")"
    for _, value in ipairs(args) do
      all[#all + 1] = value
    end
  end
  return setmetatable({ text = table.concat(texts, " AND "), args = all }, core.filter_metatable)
end

--- The message of an error, in the name of the caller.
local function renamed(message, name)
  if type(message) ~= "string" then
    return message
  end
  local text, count = message:gsub("^(.-:%d+: )query: ", "%1" .. name .. ": ")
  return count > 0 and text or (message:gsub("^query: ", name .. ": "))
end

--- Searches by `call`, which returns hits or a result. An error is raised in the name of `name`. That of a filter is
-- raised as if the filter stood alone, so that its position is right.
local function search(call, collection, pinned, name, options, sources)
  options.filter, options.args = join(sources)
  local ok, found, message, code = pcall(call, collection, options, pinned)
  if ok then
    return found, message, code
  end
  for _, source in ipairs(tostring(found):find "filter:%d+: " and sources or {}) do
    local alone = { filter = source.filter, args = source.args, topk = 1, output_fields = {} }
    local is_sound, why = pcall(core.query_pinned, collection, alone, pinned)
    if not is_sound then
      found = why
      break
    end
  end
  error(renamed(found, name), 0)
end

--- Returns work(search, result_of), which may call both any number of times, as search(name, options, sources) -> hits,
-- or nil, message, code. All see the same commit, and a hit must match all filters of `sources`. result_of returns a
-- result for core.fuse_pinned in place of hits; it lives until `work` returns. `work` must not yield.
function M.run(collection, work)
  local pinned, message, code = core.pin(collection)
  if not pinned then
    return nil, message, code
  end
  local results, ok, answer = {}
  ok, answer, message, code = pcall(work, function(name, options, sources)
    return search(core.query_pinned, collection, pinned, name, options, sources)
  end, function(name, options, sources)
    local result, why, failure = search(core.search_pinned, collection, pinned, name, options, sources)
    results[#results + 1] = result
    return result, why, failure
  end)
  for _, result in ipairs(results) do
    core.query_recycle(collection, result)
  end
  core.query_recycle(collection, pinned)
  if not ok then
    error(answer, 0)
  end
  return answer, message, code
end

return M
