--- `moonvec help`: the overview, the help of one command, or the manual page.

local help_text = require "moonvec.command.help_text"

return {
  name = "help",
  summary = "describe a command, or list all",
  usage = "[COMMAND]",
  options = { { "man", nil, "print the manual page, for `man -l`" } },
  run = function(call)
    local command = require "moonvec.command"
    if call.options.man then
      call:write(require("moonvec.command.man_page")(command.groups()))
    elseif call.args[1] then
      call:print(help_text.of_command(command.find(call.args[1])))
    else
      call:print(help_text.overview(command.groups()))
    end
  end,
}
