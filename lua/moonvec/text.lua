--- Full-text queries built as data: `t.all { "disk", t.phrase { "hard drive", slop = 2 }, t.no "tape" }`.
--
-- A query is an array of nodes, as in the engine (mv_match in moonvec.h): the node of a group, then its members, each
-- with all that is in it. Queries are not changed once they are built, so that several can have the same nodes.

local check = require "moonvec.check"
local core = require "moonvec.core"

local M = {}

local misuse = check.misuse
local metatable = core.match_metatable

-- As in moonvec.h; what is exceeded only by a whole query is checked there.
local EDITS_MAX, SLOP_MAX, BOOST_MIN, BOOST_MAX = 2, 65536, 1e-6, 1e6

function metatable.__tostring(match)
  return "moonvec.text: " .. match.text
end

local function build(text, nodes)
  return setmetatable({ text = text, nodes = nodes }, metatable)
end

local function is_match(value)
  return type(value) == "table" and getmetatable(value) == metatable
end

local function check_text(call, text)
  if type(text) ~= "string" then
    misuse("text.%s: expected a string, got a %s", call, type(text))
  end
  return text
end

local function quote(text)
  return '"' .. core.quote(text) .. '"'
end

--- The query `given`, where a string stands for a word. `what` names it in messages.
local function check_query(call, what, given)
  if type(given) == "string" then
    return M.word(given)
  elseif not is_match(given) then
    misuse("text.%s: %s is a %s, expected a word or a query built by moonvec.text", call, what, type(given))
  end
  local kind = given.nodes[1].kind
  if call ~= "all" and (kind == "no" or kind == "maybe") then
    misuse("text.%s: %s is a text.%s, which can stand in text.all only", call, what, kind)
  end
  return given
end

--- The only element of `given`, and its other entries: `{ "word", edits = 2 }`, or just the element.
local function split(call, given)
  if type(given) ~= "table" or is_match(given) then
    return given, nil
  elseif #given > 1 then
    misuse("text.%s: expected one element, got %d", call, #given)
  end
  local options = {}
  for name, value in pairs(given) do
    if name ~= 1 then
      options[name] = value
    end
  end
  return given[1], options
end

--- A word. What the tokenizer makes several words of is found where these follow each other.
function M.word(text)
  check_text("word", text)
  return build(quote(text), { { kind = "word", text = text } })
end

--- Words that begin so.
function M.prefix(text)
  check_text("prefix", text)
  return build(quote(text) .. "*", { { kind = "prefix", text = text } })
end

--- Words like this one: `fuzzy { "word", edits = 2 }`.
function M.fuzzy(given)
  local text, options = split("fuzzy", given)
  local edits = check.whole("text.fuzzy", "edits", core.options("text.fuzzy", options, "edits"), 1, 1, EDITS_MAX)
  check_text("fuzzy", text)
  return build(("%s~%d"):format(quote(text), edits), { { kind = "fuzzy", text = text, edits = edits } })
end

--- Words in this order: `phrase { "hard disk", slop = 2 }`.
function M.phrase(given)
  local text, options = split("phrase", given)
  local slop = check.whole("text.phrase", "slop", core.options("text.phrase", options, "slop"), 0, 0, SLOP_MAX)
  check_text("phrase", text)
  return build(("phrase(%s ~%d)"):format(quote(text), slop), { { kind = "phrase", text = text, slop = slop } })
end

--- What a person typed, as one member.
function M.typed(text)
  check_text("typed", text)
  return build(("typed(%s)"):format(quote(text)), { { kind = "typed", text = text } })
end

--- A group of these queries.
local function group(kind, members)
  local nodes, texts = { { kind = kind, members = #members } }, {}
  for i, member in ipairs(members) do
    texts[i] = member.text
    for _, node in ipairs(member.nodes) do
      nodes[#nodes + 1] = node
    end
  end
  return build(("%s(%s)"):format(kind, table.concat(texts, " ")), nodes)
end

local function check_array(call, given)
  if type(given) ~= "table" or is_match(given) then
    local got = is_match(given) and "query" or type(given)
    misuse("text.%s: expected an array of words and queries, got a %s", call, got)
  end
  local count = 0
  for key, value in pairs(given) do
    count = count + 1
    if type(key) == "string" then
      core.options("text." .. call, { [key] = value }) -- raises: there are no options
    end
  end
  if count ~= #given then
    misuse("text.%s: the members must have the keys 1, 2, 3, ... and no others", call)
  elseif count == 0 then
    misuse("text.%s: expected at least one member, got none", call)
  end
end

--- all: every member matches. any: at least one does. maybe, a member of `all`: its members only add to the score.
for _, call in ipairs { "all", "any", "maybe" } do
  M[call] = function(given)
    check_array(call, given)
    local members = {}
    for i = 1, #given do
      members[i] = check_query(call, "member " .. i, given[i])
    end
    return group(call, members)
  end
end

--- A member of `all`: matches where `query` does not.
function M.no(query)
  return group("no", { check_query("no", "the argument", query) })
end

--- The query with what it adds to a score multiplied: `boost { query, by = 2.5 }`.
function M.boost(given)
  local element, options = split("boost", given)
  local by = check.number("text.boost", "by", core.options("text.boost", options, "by"), nil, BOOST_MIN, BOOST_MAX)
  local query = check_query("boost", "the query", element)
  local nodes, first = {}, {}
  for i, node in ipairs(query.nodes) do
    nodes[i] = node
  end
  for name, value in pairs(query.nodes[1]) do
    first[name] = value
  end
  first.boost = (first.boost or 1) * by
  nodes[1] = first
  return build(("%s^%.14g"):format(query.text, by), nodes)
end

return setmetatable(M, {
  __index = function(module, key)
    return core.raise_if_synonym("moonvec.text", module, key)
  end,
})
