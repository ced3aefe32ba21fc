--- `:checkhealth moonvec`: is the library built, and for this Neovim; can it search texts; the index of the current
-- directory. Neovim finds this file by its name.

local indexed_folder = require "moonvec_nvim.indexed_folder"
local moonvec_nvim = require "moonvec_nvim"

local M = {}

local health = vim.health or require "health"
local start, ok = health.start or health.report_start, health.ok or health.report_ok
local info, warn, fail = health.info or health.report_info, health.warn or health.report_warn,
  health.error or health.report_error

--- The library can be built without what takes texts apart.
local function check_text_search()
  local is_possible, message = pcall(require("moonvec").schema, {
    fields = { { name = "text", type = "string", index = "text" } },
  })
  if is_possible then
    ok "words and parts of identifiers are found"
  else
    warn(("only what stands between white space is found: %s"):format(message),
      { "install libutf8proc-dev and libstemmer-dev, then build again" })
  end
end

local function check_index(folder)
  local c, message = require("moonvec").open(folder .. "/.moonvec", { read_only = true })
  if not c then
    fail(message, { ("remove '%s/.moonvec', then index the folder again"):format(folder) })
    return
  end
  if not require "moonvec.command.index_notes".read(c) then
    warn(("'%s/.moonvec' is a collection that the plugin has not made"):format(folder))
    c:close()
    return
  end
  local vector, stats = c.schema.vectors[1], c:stats()
  ok(("'%s' is indexed: %d passages of %d files"):format(folder, #c, c:count "passage = 1" or 0))
  if vector and vector.embed then
    info(("it is searched by words and by meaning, with the model '%s'"):format(vector.embed.model))
  else
    info "it is searched by words; it has no model"
  end
  info(("%d of its passages are not indexed yet, so searches read them one by one"):format(stats.pending_rows))
  c:close()
end

function M.check()
  start "moonvec"
  local core, message = moonvec_nvim.load()
  if not core then
    fail(message)
    return
  end
  ok(("the library is loaded: %s, for %s"):format(core.version, jit and jit.version or _VERSION))
  check_text_search()
  local folder = indexed_folder(vim.fn.getcwd())
  if not folder then
    warn("the current directory is in no indexed folder", { "':MoonvecIndex' makes it one" })
  else
    check_index(folder)
  end
  if moonvec_nvim.is_busy() then
    info "an index is being made or updated"
  end
end

return M
