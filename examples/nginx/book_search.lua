-- /documents and /search: books with a title, a body that is searched by words, and an embedding.

local json_api = require "json_api"
local moonvec = require "resty.moonvec"

local ngx = ngx

local books = assert(moonvec.open(ngx.config.prefix() .. "books.mv", {
  schema = {
    fields = {
      { name = "title", type = "string", index = "invert" },
      { name = "body", type = "string", index = "text" },
    },
    vectors = { { name = "embedding", type = "vector_fp32", dim = 4 } }, -- as many numbers as your model makes
  },
}))

local M = {}

--- POST { "id": ..., "title": ..., "body": ..., "embedding": [...] }: inserts or replaces a book.
function M.write()
  local book = json_api.read { id = "string", title = "string", body = "string", embedding = "table" }
  json_api.answer(function()
    local written, message, code = books:upsert(book)
    if not written then
      return nil, message, code
    end
    return { written = written }
  end)
end

local function search(body)
  local hits, message, code = books:query {
    vector = body.vector, text = body.text, field = body.vector and "embedding" or "body", topk = body.topk or 10,
    filter = body.filter, args = body.args, output_fields = { "title" }, highlight = body.text and true or nil,
  }
  if not hits then
    return nil, message, code
  end
  for _, hit in ipairs(hits) do
    hit.distance = body.vector and hit.distance -- without a vector it means nothing
  end
  return #hits == 0 and '{"hits":[]}' or { hits = hits } -- lua-cjson writes an empty table as {}
end

--- POST { "vector": [...] } or { "text": "..." }, with "topk", "filter" and "args" as moonvec's query has them.
function M.search()
  local body = json_api.read {
    vector = "table nil", text = "string nil", topk = "number nil", filter = "string nil", args = "table nil",
  }
  if (body.vector == nil) == (body.text == nil) then
    return json_api.refuse("give either 'vector' or 'text'")
  end
  json_api.answer(search, body)
end

return M
