--- `moonvec backup`: a compact copy of a collection, with the models that are in its directory.

local command_call = require "moonvec.command.command_call"
local model_places = require "moonvec.command.model_places"

-- A part of a file that is copied at once.
local BLOCK_BYTES = 2 ^ 20

--- The files of models that are in the directory of the collection. One that cannot be read is left out, and the person
-- is told: the documents are worth a backup without it.
local function readable_files(call, collection, directory)
  local names = {}
  for _, name in ipairs(model_places.files(collection)) do
    local file, message = io.open(directory .. "/" .. name, "rb")
    if file then
      file:close()
      names[#names + 1] = name
    else
      call:note("moonvec: the backup lacks a model: %s", message)
    end
  end
  return names
end

--- Copies a file: to another name first, so that there is never half of it.
local function copy_file(call, from, to)
  local input = call:check(io.open(from, "rb"))
  local output = call:check(io.open(to .. ".new", "wb"))
  local block = input:read(BLOCK_BYTES)
  while block do
    call:check(output:write(block))
    block = input:read(BLOCK_BYTES)
  end
  input:close()
  call:check(output:close())
  call:check(os.rename(to .. ".new", to))
end

return {
  name = "backup",
  summary = "write a compact copy, while others read and write",
  usage = "DIR TO",
  options = {
    { "replace", nil, "replace the collection at TO, if there is one" },
    { "copy", nil, "copy all files, share none with the original" },
  },
  details = { "A model that is in the directory of the collection (that of `moonvec index`) is copied, too." },
  run = function(call)
    local collection, to = call:open(call.args[1], { models = false }), call.args[2]:gsub("(.)/+$", "%1")
    local directory, aside = command_call.locate(call.args[1]), {}
    local files = readable_files(call, collection, directory)
    -- A collection with other files is not replaced.
    for _, file in ipairs(call.options.replace and model_places.files(collection) or {}) do
      if os.rename(to .. "/" .. file, to .. "." .. file) then
        aside[#aside + 1] = file
      end
    end
    local done, message = collection:backup(to, { replace = call.options.replace, copy = call.options.copy })
    for _, file in ipairs(aside) do
      if done then
        os.remove(to .. "." .. file)
      else
        os.rename(to .. "." .. file, to .. "/" .. file)
      end
    end
    call:check(done, message)
    for _, file in ipairs(files) do
      copy_file(call, directory .. "/" .. file, to .. "/" .. file)
    end
  end,
}
