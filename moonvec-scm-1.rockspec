rockspec_format = "3.0"
package = "moonvec"
version = "scm-1"
source = {
  url = "git+https://github.com/moonvec/moonvec.git",
}
description = {
  summary = "A vector database that lives inside your Lua program",
  detailed = [[
    Documents with vectors and scalar fields in a directory: transactions, filters, similarity search.
    Any number of processes read while one writes. No server. A C engine with SIMD kernels; schema,
    ingestion and re-ranking in Lua.]],
  homepage = "https://github.com/moonvec/moonvec",
  issues_url = "https://github.com/moonvec/moonvec/issues",
  license = "MIT",
  labels = { "database", "vector", "search", "embedding" },
}
supported_platforms = { "unix" }
dependencies = {
  "lua >= 5.1, < 5.6",
  "lua-cjson >= 2.1", -- these two only for moonvec.source, moonvec.embed and the command
  "luafilesystem >= 1.8",
}
-- Only so that LuaRocks takes LMDB_DIR=/opt/lmdb and the like. CMake looks for their files: when one is missing, it says
-- which package to install, and LuaRocks could not.
external_dependencies = { LMDB = {}, SIMDE = {}, XXHASH = {}, UTF8PROC = {}, STEMMER = {} }
build = {
  type = "cmake", -- each kernel file needs compiler flags of its own
  variables = {
    CMAKE_BUILD_TYPE = "Release",
    LUA_INCDIR = "$(LUA_INCDIR)",
    INSTALL_LMOD = "$(LUADIR)",
    INSTALL_CMOD = "$(LIBDIR)",
    LMDB_INCDIR = "$(LMDB_INCDIR)",
    LMDB_LIBDIR = "$(LMDB_LIBDIR)",
    SIMDE_INCDIR = "$(SIMDE_INCDIR)",
    XXHASH_INCDIR = "$(XXHASH_INCDIR)",
    UTF8PROC_INCDIR = "$(UTF8PROC_INCDIR)",
    UTF8PROC_LIBDIR = "$(UTF8PROC_LIBDIR)",
    STEMMER_INCDIR = "$(STEMMER_INCDIR)",
    STEMMER_LIBDIR = "$(STEMMER_LIBDIR)",
    MOONVEC_C_LIBRARY = "OFF",
  },
  install = { bin = { moonvec = "bin/moonvec" } },
}
