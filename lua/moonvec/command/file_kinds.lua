--- Kinds of text files, by their names: how `moonvec index` splits them, and what it searches in them.

local M = {}

local CODE = {}
for name in ([[
  ada adb ads asm awk bash bas c cc cl clj cljs cmake cpp cs css cu cxx d dart el elm erl ex exs f f90 fs go gradle
  groovy h hh hpp hs hxx ini java jl js json jsx kt kts lisp lua m mk ml mli mm nim php pl pm proto ps1 py r rb rs
  s scala scm sh sql swift tcl toml ts tsx v vb vhd vim vue xml yaml yml zig zsh
]]):gmatch "%S+" do
  CODE[name] = true
end

local CODE_NAMES = { Makefile = true, makefile = true, GNUmakefile = true, Dockerfile = true, ["CMakeLists.txt"] = true,
  Kconfig = true, Rakefile = true, configure = true }

local MARKUP = { html = true, htm = true, xhtml = true }

-- Files that are no texts. Whether one is read is decided by its bytes; this is for what a folder has most of.
local BINARY = {}
for name in ([[
  7z a avi bin bmp bz2 class dat db deb dll docx dylib exe flac gif gz ico iso jar jpeg jpg lib mkv mo mov mp3 mp4 o odt
  ogg otf pdf png pptx pyc rar rpm so sqlite tar tgz tif tiff ttf wasm wav webm webp woff woff2 xlsx xz zip zst
]]):gmatch "%S+" do
  BINARY[name] = true
end

--- "code", "markup" (HTML), "binary" or "prose".
function M.of(path)
  local name = path:match "[^/]*$"
  local extension = (name:match "%.([^.]+)$" or ""):lower()
  return (CODE_NAMES[name] or CODE[extension]) and "code" or MARKUP[extension] and "markup"
    or BINARY[extension] and "binary" or "prose"
end

local HEADINGS = { md = true, markdown = true, mkd = true, mdown = true, rst = true, rest = true, qmd = true }

-- Other texts are Markdown or reStructuredText if this number of their lines are headings.
local HEADINGS_MIN = 2

--- Whether a text without such an extension is surely Markdown, which begins with a heading, or reStructuredText, whose
-- headings are underlined from end to end. In other texts a line that begins with "#" is a comment or a command.
local function has_headings(text)
  text = "\n\n" .. text:gsub("\r\n", "\n") .. "\n"
  if text:find "^%s*# %S" then
    return select(2, text:gsub("\n##+ %S", "")) >= HEADINGS_MIN
  end
  local underlined = 0
  for title, line in text:gmatch "\n\n(%S[^\n]*)\n([=~^%-]+)%f[\n]" do
    underlined = underlined + (#line == #title and line == line:sub(1, 1):rep(#line) and 1 or 0)
  end
  return underlined >= HEADINGS_MIN and not text:find "\n *#+ "
end

--- How moonvec.split splits the file: code at blank lines, Markdown and reStructuredText at headings, other texts
-- at paragraphs.
function M.split_by(path, text)
  local kind = M.of(path)
  local extension = (path:match "%.([^./]+)$" or ""):lower()
  return kind == "code" and "code" or (HEADINGS[extension] or kind == "prose" and has_headings(text)) and "heading"
    or "paragraph"
end

local function blank(text)
  return (text:gsub("[^\n]", " "))
end

-- What is shown instead of some characters, with as many bytes.
local ENTITIES = {
  ["&lt;"] = "<   ", ["&gt;"] = ">   ", ["&amp;"] = "&    ", ["&quot;"] = '"     ', ["&nbsp;"] = "      ",
  ["&#39;"] = "'    ",
}

--- HTML without its marks, each byte of which becomes a space: so positions and lines stay those of the file.
function M.strip_markup(text)
  for _, element in ipairs { "script", "style", "head", "nav", "footer" } do
    local open = "<" .. element:gsub("%a", function(letter)
      return ("[%s%s]"):format(letter, letter:upper())
    end)
    local close = "</" .. open:sub(2)
    local out, at = {}, 1
    while true do
      local first, behind = text:find(open .. "[%s>]", at)
      local _, last = text:find(close .. "[^>]*>", behind or #text + 1)
      if not last then
        break
      end
      out[#out + 1] = text:sub(at, first - 1)
      out[#out + 1] = blank(text:sub(first, last))
      at = last + 1
    end
    out[#out + 1] = text:sub(at)
    text = table.concat(out)
  end
  return (text:gsub("<[%a/!?][^<>]*>", blank):gsub("&[#%w]+;", ENTITIES))
end

return M
