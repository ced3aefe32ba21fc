-- The reference of the C API as a Markdown page, made of engine/moonvec.h: its sections, and in each the declarations
-- that stand together, with the comment in front of them.

local markdown = require "docs.make.markdown"

local M = {}

local NAMES_MAX = 5 -- of a heading

-- The names that a piece of C declares, in order.
local function names_of(code)
  local names = {}
  for line in (code .. "\n"):gmatch "([^\n]*)\n" do
    names[#names + 1] = line:match "^MV_API.-([%w_]+)%(" or line:match "^[%w_ *]+(mv_[%w_]+)%(" or
      line:match "^} (mv_[%w_]+);" or line:match "^typedef [^(]-(mv_[%w_]+);" or line:match "^#define (MV_[%w_]+)" or
      line:match "^typedef enum (mv_[%w_]+) {.*}"
  end
  return names
end

local function escape(text)
  return (text:gsub("[%*<>_]", "\\%0"))
end

-- The text of a comment. What is in backquotes is code.
local function text_of(comment)
  local text = comment:gsub("^/%*%s*", ""):gsub("%s*%*/%s*$", ""):gsub("\n %* ?", "\n")
  return ((text .. "``"):gsub("([^`]*)(`[^`]*`)", function(plain, code)
    return escape(plain) .. (code ~= "``" and code or "")
  end))
end

-- Declarations that stand together: what is between blank lines. A comment alone is a paragraph.
local function put_chunk(out, chunk)
  local comment, code = chunk:match "^(/%*.-%*/)\n?(.*)$"
  if not comment then
    code = chunk
  end
  local names = names_of(code)
  if #names > 0 then
    local shown = table.concat(names, ", ", 1, math.min(#names, NAMES_MAX)) .. (#names > NAMES_MAX and ", ..." or "")
    out[#out + 1] = ("### %s {#%s}\n"):format(escape(shown), names[1])
    for i = 2, #names do
      out[#out + 1] = ('<span id="%s"></span>'):format(names[i])
    end
  end
  out[#out + 1] = comment and "\n" .. text_of(comment) .. "\n" or ""
  if code:find "%S" then
    out[#out + 1] = "```c\n" .. code:gsub("MV_API ", "") .. "\n```\n"
  end
end

-- The text without lines that only concern the compiler.
local function declarations(text)
  return (text:gsub("\n#ifdef __cplusplus\n.-\n#endif", ""):gsub("\n#endif[^\n]*", ""))
end

--- The page as Markdown.
function M.page(path)
  local text = declarations(markdown.read(path))
  local out = { "# C API\n", text_of(text:match "^/%*.-%*/"), "\n" }
  for title, body in text:gsub("/%* %-%-%-%-+ ", "\1"):gmatch "\1([^\n]-) %*/\n([^\1]*)" do
    out[#out + 1] = ("## %s\n"):format(title:gsub("^%l", string.upper))
    for chunk in (body .. "\n\n"):gmatch "(.-)\n\n+" do
      if chunk:find "%S" then
        put_chunk(out, (chunk:gsub("^\n+", "")))
      end
    end
  end
  return table.concat(out, "\n")
end

return M
