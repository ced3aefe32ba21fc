--- moonvec: a vector database inside your program.
--
-- This file is the public module. lua/README.md lists the other files; types.lua is the reference of the API.

local core = require "moonvec.load_core" -- first: the others require moonvec.core

local collection = require "moonvec.collection"
local embed = require "moonvec.embed"
local filter = require "moonvec.filter"
local fuse = require "moonvec.fuse"
local models = require "moonvec.models"
local rerank = require "moonvec.rerank"
local source = require "moonvec.source"
local text = require "moonvec.text"

collection.extend(core.methods)

local M = {
  _VERSION = core.version,
  create_and_open = models.create_and_open,
  destroy = core.destroy,
  embed = embed,
  filter = filter,
  fuse = fuse,
  load = models.load,
  null = core.null,
  open = models.open,
  pack = core.pack,
  pack_sparse = core.pack_sparse,
  rerank = rerank,
  schema = core.schema,
  simd = core.simd,
  source = source,
  split = function(...)
    return require "moonvec.split"(...) -- loaded when it is first called
  end,
  text = text,
  unpack = core.unpack,
  unpack_sparse = core.unpack_sparse,
  vector = core.vector,
}

--- What other databases call one of these functions raises and names it. Any other key is nil.
return setmetatable(M, {
  __index = function(module, key)
    return core.raise_if_synonym("moonvec", module, key)
  end,
})
