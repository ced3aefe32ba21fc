-- Shell commands and whole files, for the scripts of a release. Every failure raises: a release is made wholly or not.

local M = {}

--- Quotes `text` as one word of a shell command.
function M.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

--- Puts quoted words into a template of a command: fill("cp %s %s", from, to).
function M.fill(template, ...)
  local words = { ... }
  for i, word in ipairs(words) do
    words[i] = M.quote(word)
  end
  return template:format((table.unpack or unpack)(words)) -- luacheck: ignore 113 143
end

--- Runs a command made by `fill`, which must succeed. Returns what it printed, without the last line end.
function M.run(template, ...)
  local command = M.fill(template, ...)
  local pipe = assert(io.popen("{ " .. command .. "\n} 2>&1; echo \"status $?\""))
  local text, status = pipe:read("*a"):match("^(.-)\n?status (%d+)\n$")
  pipe:close()
  if status ~= "0" then
    error(("this command failed with exit code %s:\n  %s\n%s"):format(status, command, text), 0)
  end
  return text
end

function M.read(path)
  local file, why = io.open(path, "rb")
  if not file then
    error("cannot read " .. why, 0)
  end
  local text = file:read("*a")
  file:close()
  return text
end

function M.write(path, text)
  local file, why = io.open(path, "wb")
  if not file then
    error("cannot write " .. why, 0)
  end
  file:write(text)
  assert(file:close())
end

return M
