#!/bin/sh
# Builds moonvec for LÖVE's Lua and packs the game with it into build/love/village.love, which `love` runs. It needs cmake, a
# C compiler and the headers of LuaJIT, LMDB, SIMDe and xxHash; cmake names the package that is missing.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
build=$root/build/luajit-module
game=$root/build/love/village

cmake -S "$root" -B "$build" -DMOONVEC_LUAS=luajit -DMOONVEC_C_LIBRARY=OFF
cmake --build "$build" --parallel "$(getconf _NPROCESSORS_ONLN)"
rm -rf "$game" "$game.love"
mkdir -p "$game/library"
cp "$root"/examples/love/*.lua "$game"
cp -r "$root/lua/moonvec" "$game/moonvec"
rm -f "$game/moonvec/core.so"
cp "$build/luajit/moonvec/core.so" "$game/library/core.so"
cd "$game"
cmake -E tar cf ../village.love --format=zip -- *
