--- The commands of the plugin. Nothing else is loaded before one of them is used, or before a file of an indexed folder
-- is written.

if vim.g.loaded_moonvec then
  return
end
vim.g.loaded_moonvec = true

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
