--- moonvec.embed: models, which turn texts into vectors.
--
-- Each function loads its implementation when it is first called, so a program pays for the models that it uses.
-- A model is a table { name, dim, fingerprint, embed }; types.lua describes it (moonvec.model).

local M = {}

function M.static(path, options)
  return require("moonvec.embed.static").open(path, options)
end

function M.learn(texts, options)
  return require("moonvec.embed.learn").learn(texts, options)
end

function M.load(path)
  return require("moonvec.embed.learn").load(path)
end

function M.http(options)
  return require("moonvec.embed.http").open(options)
end

return M
