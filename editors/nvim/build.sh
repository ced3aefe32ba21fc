#!/bin/sh
# Builds moonvec for Neovim's Lua and puts core.so beside the Lua files of this checkout, where `require` finds it once the
# checkout is on the 'runtimepath', and makes the tags of the help. It needs cmake, a C compiler and the headers of LuaJIT,
# LMDB, SIMDe and xxHash; cmake names the package that is missing.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/luajit-module

cmake -S "$root" -B "$build" -DMOONVEC_LUAS=luajit -DMOONVEC_C_LIBRARY=OFF
cmake --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN)"
# Renamed into its place: a running Neovim may have the old file mapped.
cp "$build/luajit/moonvec/core.so" "$root/lua/moonvec/core.so.new"
mv "$root/lua/moonvec/core.so.new" "$root/lua/moonvec/core.so"

# Not all plugin managers do this. Without nvim on the PATH, ':helptags ALL' does it later.
if command -v nvim >/dev/null; then
    (cd "$root/editors/nvim" && nvim --headless -n -u NONE -i NONE -c 'helptags doc' -c 'qa!')
fi
