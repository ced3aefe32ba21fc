--- `moonvec completions`: what a shell needs to complete commands and options, made of the tables of the commands.

local arguments = require "moonvec.command.arguments"
local core = require "moonvec.core"
local system = require "moonvec.system"

local writers = {}

local function each_command(visit)
  for _, group in ipairs(require("moonvec.command").groups()) do
    for _, command in ipairs(group) do
      visit(command)
    end
  end
end

local function option_words(command)
  local words = {}
  for i, option in ipairs(arguments.options_of(command)) do
    words[i] = "--" .. option[1]
  end
  return table.concat(words, " ")
end

function writers.bash()
  local names, cases = {}, {}
  each_command(function(command)
    names[#names + 1] = command.name
    cases[#cases + 1] = ("        %s) words='%s' ;;"):format(command.name, option_words(command))
  end)
  return ([==[
# bash completion of moonvec: source it, or put it into the folder of your system's completions.
_moonvec() {
    local word=${COMP_WORDS[COMP_CWORD]} words=
    if [[ $COMP_CWORD -eq 1 ]]; then
        COMPREPLY=($(compgen -W '%s' -- "$word"))
        COMPREPLY+=($(compgen -d -- "$word"))
        return
    fi
    case ${COMP_WORDS[1]} in
%s
    esac
    if [[ ${COMP_WORDS[1]} == help ]]; then
        COMPREPLY=($(compgen -W '%s' -- "$word"))
    elif [[ $word == -* ]]; then
        COMPREPLY=($(compgen -W "$words" -- "$word"))
    else
        COMPREPLY=($(compgen -f -- "$word"))
    fi
}
complete -o filenames -F _moonvec moonvec
]==]):format(table.concat(names, " "), table.concat(cases, "\n"), table.concat(names, " "))
end

function writers.zsh()
  local names, cases = {}, {}
  each_command(function(command)
    names[#names + 1] = system.quote(command.name .. ":" .. command.summary:gsub(":", "\\:"))
    local specs = {}
    for i, option in ipairs(arguments.options_of(command)) do
      local help = option[3]:gsub("[%[%]:]", "\\%0")
      local value = option[2] and (":%s:%s"):format(option[2]:gsub("[%[%]:]", "\\%0"), "_files") or ""
      specs[i] = system.quote(("%s--%s[%s]%s"):format(option.many and "*" or "", option[1], help, value))
    end
    cases[#cases + 1] = ("        (%s) _arguments -s %s '*:file:_files' ;;"):format(command.name,
      table.concat(specs, " "))
  end)
  return ([==[
#compdef moonvec
# zsh completion of moonvec: put it into a folder of $fpath as _moonvec.
_moonvec() {
    local -a commands
    commands=(%s)
    if (( CURRENT == 2 )); then
        _describe command commands
        _files -/
        return
    fi
    local name=$words[2]
    shift words
    (( CURRENT-- ))
    case $name in
%s
    esac
}
_moonvec "$@"
]==]):format(table.concat(names, " "), table.concat(cases, "\n"))
end

function writers.fish()
  local lines = { "# fish completion of moonvec: put it into ~/.config/fish/completions/moonvec.fish." }
  each_command(function(command)
    lines[#lines + 1] = ("complete -c moonvec -n __fish_use_subcommand -a %s -d %s"):format(command.name,
      system.quote(command.summary))
    for _, option in ipairs(arguments.options_of(command)) do
      lines[#lines + 1] = ("complete -c moonvec -n '__fish_seen_subcommand_from %s' -l %s%s -d %s"):format(command.name,
        option[1], option[2] and " -r" or "", system.quote(option[3]))
    end
  end)
  return table.concat(lines, "\n") .. "\n"
end

return {
  name = "completions",
  summary = "print completions for bash, zsh or fish",
  usage = "bash|zsh|fish",
  details = { "  moonvec completions bash >~/.local/share/bash-completion/completions/moonvec" },
  run = function(call)
    local shell = core.word("completions", "shell", call.args[1], "bash", "zsh", "fish")
    call:write(writers[shell]())
  end,
}
