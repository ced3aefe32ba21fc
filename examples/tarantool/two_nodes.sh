#!/bin/sh
# Starts two Tarantool instances that replicate, each with its own collection; writes notes to the first and searches
# them in the second. Both run until this is interrupted.
#
#   examples/tarantool/two_nodes.sh [FOLDER]      FOLDER keeps the data (default: tarantool-data)
#
# In a checkout it finds the module that `./run hosts` or `cmake -DMOONVEC_LUAS=luajit` built.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
export LUA_PATH="${LUA_PATH:-$root/lua/?.lua;$root/lua/?/init.lua;;}"
export LUA_CPATH="${LUA_CPATH:-$root/build/luajit/?.so;;}"
tarantool -e '
  local ok, message = pcall(require, "moonvec.tarantool")
  print(ok and "moonvec is there" or message)
  os.exit(ok and 0 or 1)'

folder=${1:-tarantool-data}
mkdir -p "$folder"

nodes=
trap 'kill $nodes 2>/dev/null; wait' EXIT
trap 'exit 0' INT TERM
for number in 1 2; do
    tarantool "$here/node.lua" $number "$folder/$number" 2>"$folder/$number.log" &
    nodes="$nodes $!"
done
tarantool "$here/ask.lua"
echo "both run, with logs in $folder; tarantoolctl connect 127.0.0.1:${MOONVEC_PORT:-3301} opens a console; ^C ends them"
wait
