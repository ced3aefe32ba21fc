--- The commands of the plugin. Nothing else is loaded before one of them is used, or before a file of an indexed folder
-- is written.

if vim.g.loaded_moonvec then
  return
end
vim.g.loaded_moonvec = true

-- The library is in the folder lua/ of the checkout that this plugin is a part of. An installed one is used as it is.
local checkout = vim.fn.fnamemodify(debug.getinfo(1, "S").source:sub(2), ":p:h:h:h:h")
if vim.fn.filereadable(checkout .. "/lua/moonvec/init.lua") == 1 then
  vim.opt.runtimepath:append(checkout)
end

vim.api.nvim_create_user_command("MoonvecIndex", function(call)
  require("moonvec_nvim").index(call.args, call.bang)
end, { nargs = "?", bang = true, complete = "dir", desc = "make a folder searchable; !: from the beginning" })

vim.api.nvim_create_user_command("MoonvecSearch", function(call)
  require("moonvec_nvim").search(call.args)
end, { nargs = "*", desc = "search the indexed folder; without words they are asked for" })

local group = vim.api.nvim_create_augroup("moonvec", {})

vim.api.nvim_create_autocmd("BufWritePost", { group = group, callback = function(event)
  if require "moonvec_nvim.indexed_folder"(event.match) then
    require("moonvec_nvim").written(event.match)
  end
end })

vim.api.nvim_create_autocmd("VimLeavePre", { group = group, callback = function()
  if package.loaded["moonvec_nvim"] then
    require("moonvec_nvim").close()
  end
end })
