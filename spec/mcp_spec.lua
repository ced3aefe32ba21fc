-- The Model Context Protocol: what a server of a collection answers, line by line.

local json = require "moonvec.json"
local mcp = require "moonvec.mcp"
local moonvec = require "moonvec"
local program = require "spec.support.program"
local support = require "spec.support.init"

local SCHEMA = {
  name = "books",
  fields = {
    { name = "title", type = "string", index = "text" },
    { name = "year", type = "int32", nullable = true },
    { name = "tags", type = "array_string", default = {} },
    { name = "big", type = "uint64", nullable = true },
  },
  vectors = {
    { name = "v", type = "vector_fp32", dim = 2, metric = "l2" },
    { name = "terms", type = "sparse_vector_fp32", nullable = true },
    { name = "parts", type = "vector_fp32", dim = 2, multi = true, nullable = true },
  },
}

local BOOKS = {
  { id = "dune", title = "Dune, a planet of sand", year = 1965, tags = { "scifi" }, v = { 1, 0 },
    parts = { { 1, 0 }, { 0, 1 } } },
  { id = "emma", title = "Emma of Highbury", year = 1815, v = { 0, 1 }, terms = { [3] = 1 } },
  { id = "\255", title = "bytes \254", big = "18446744073709551615", v = { 4, 4 } },
}

local PREFIX = "io.modelcontextprotocol/"

-- What each request has that needs no handshake.
local STATELESS = { [PREFIX .. "protocolVersion"] = "2026-07-28", [PREFIX .. "clientCapabilities"] = json.object() }

--- Serves the lines (texts, or tables for JSON), and returns the answers as tables, and what serve returns.
local function serve(source, lines, options)
  local position, answers = 0, {}
  local all = {
    read_line = function()
      position = position + 1
      local line = lines[position]
      return type(line) == "table" and json.encode(line) or line
    end,
    write = function(line)
      assert.is_nil(line:find("\n", 1, true))
      answers[#answers + 1] = assert(json.decode(line))
      return true
    end,
    log = function(text)
      answers.log = text
    end,
  }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return answers, mcp.serve(source, all)
end

local function request(id, method, params)
  return { jsonrpc = "2.0", id = id, method = method, params = params }
end

local function hello(version)
  return request(0, "initialize", {
    protocolVersion = version or "2025-06-18", capabilities = json.object(),
    clientInfo = { name = "spec", version = "1" },
  })
end

describe("mcp.serve", function()
  local c

  before_each(function()
    c = support.collection(SCHEMA, { path = ":memory:" })
    assert(c:insert(BOOKS))
  end)
  after_each(support.clean)

  --- The answer to one request after the handshake.
  local function ask(method, params, options, version)
    local answers = serve(c, { hello(version), { jsonrpc = "2.0", method = "notifications/initialized" },
                               request(7, method, params) }, options)
    assert.equal(2, #answers)
    assert.equal(7, answers[2].id)
    assert.equal("2.0", answers[2].jsonrpc)
    return answers[2].result, answers[2].error
  end

  --- What a tool returns: the structured content, or nil and the message.
  local function call(tool, arguments, options)
    local result, failure = ask("tools/call", { name = tool, arguments = arguments }, options)
    assert.is_nil(failure)
    assert.equal("text", result.content[1].type)
    if result.isError then
      assert.is_nil(result.structuredContent)
      return nil, result.content[1].text
    end
    assert.same(result.structuredContent, json.decode(result.content[1].text))
    return result.structuredContent
  end

  local function ids_of(result)
    local ids = {}
    for i, hit in ipairs(result.hits) do
      ids[i] = hit.id
    end
    return ids
  end

  it("settles on a version", function()
    for _, version in ipairs { "2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25" } do
      local result = serve(c, { hello(version) })[1].result
      assert.equal(version, result.protocolVersion)
      assert.equal("moonvec", result.serverInfo.name)
      assert.truthy(("moonvec " .. result.serverInfo.version):find(moonvec._VERSION, 1, true))
      assert.same({ tools = {}, resources = {} }, result.capabilities)
      assert.truthy(result.instructions:find("title: string, full-text index", 1, true))
    end
    for _, version in ipairs { "1999-01-01", "2026-07-28", "" } do
      assert.equal("2025-11-25", serve(c, { hello(version) })[1].result.protocolVersion)
    end
    local answers = serve(c, { request(1, "initialize", {}) }, { name = "shelf", version = "7" })
    assert.equal(-32602, answers[1].error.code)
    local info = serve(c, { hello() }, { name = "shelf", version = "7" })[1].result.serverInfo
    assert.same({ name = "shelf", version = "7" }, info)
  end)

  it("answers ping, and nothing else before the handshake", function()
    local answers = serve(c, { request(1, "ping"), request(2, "tools/list") })
    assert.same({}, answers[1].result)
    assert.equal(-32602, answers[2].error.code)
    assert.truthy(answers[2].error.message:find("the first request must be 'initialize'", 1, true))
  end)

  it("speaks the protocol without a handshake", function()
    local function meta(changes)
      local all = {}
      for name, value in pairs(STATELESS) do
        all[name] = value
      end
      for name, value in pairs(changes or {}) do
        all[name] = value ~= moonvec.null and value or nil
      end
      return all
    end
    local version, capabilities = PREFIX .. "protocolVersion", PREFIX .. "clientCapabilities"
    local answers = serve(c, {
      request("a", "server/discover", { _meta = meta() }),
      request("b", "tools/list", { _meta = meta() }),
      request("c", "tools/call", { _meta = meta(), name = "get", arguments = { ids = { "dune" } } }),
      request("d", "tools/list", { _meta = meta { [version] = "1900-01-01" } }),
      request("e", "tools/list", { _meta = meta { [capabilities] = moonvec.null } }),
      request("f", "ping", { _meta = meta() }),
      request("g", "subscriptions/listen", { _meta = meta(), notifications = { toolsListChanged = true } }),
      request("h", "resources/read", { _meta = meta(), uri = "moonvec://document/dune" }),
      request("i", "resources/read", { _meta = meta(), uri = "moonvec://document/none" }),
    })
    assert.equal(9, #answers)
    local discovered = answers[1].result
    assert.same({ "2026-07-28" }, discovered.supportedVersions)
    assert.equal("complete", discovered.resultType)
    assert.equal("moonvec", discovered._meta[PREFIX .. "serverInfo"].name)
    assert.is_true(discovered.ttlMs > 0)
    assert.equal("private", discovered.cacheScope)
    assert.equal("search", answers[2].result.tools[1].name)
    assert.equal("private", answers[2].result.cacheScope)
    assert.equal("dune", answers[3].result.structuredContent.documents[1].id)
    assert.is_nil(answers[3].result.ttlMs)
    assert.same({ code = -32022, message = "unsupported protocol version",
                  data = { supported = { "2026-07-28" }, requested = "1900-01-01" } }, answers[4].error)
    assert.equal(-32602, answers[5].error.code)
    assert.equal(-32601, answers[6].error.code)
    assert.equal("notifications/subscriptions/acknowledged", answers[7].method)
    assert.same({ _meta = { [PREFIX .. "subscriptionId"] = "g" }, notifications = {} }, answers[7].params)
    assert.equal("Dune, a planet of sand", json.decode(answers[8].result.contents[1].text).title)
    assert.equal(0, answers[8].result.ttlMs)
    assert.equal(-32602, answers[9].error.code)
  end)

  it("serves both generations of the protocol in one process", function()
    local answers = serve(c, { hello(), request(1, "tools/list", { _meta = STATELESS }), request(2, "tools/list") })
    assert.equal("complete", answers[2].result.resultType)
    assert.is_nil(answers[3].result.resultType)
  end)

  it("lists tools that are made of the schema", function()
    local tools = ask("tools/list").tools
    assert.equal(3, #tools)
    local search = tools[1]
    assert.equal("search", search.name)
    local properties = search.inputSchema.properties
    assert.same({ "title", "year", "tags", "big", "v", "terms", "parts" }, properties.output_fields.items.enum)
    assert.same({ "v", "terms", "parts", "title" }, properties.field.enum)
    assert.truthy(search.description:find("searched for by words in title.", 1, true))
    assert.truthy(search.description:find("year: int32, may be null", 1, true))
    assert.truthy(search.description:find("v: vector_fp32 of 2 numbers, l2", 1, true))
    assert.equal("object", search.outputSchema.type)
    assert.is_true(search.annotations.readOnlyHint)

    tools = ask("tools/list", {}, { write_tools = true }).tools
    assert.equal("insert", tools[4].name)
    local document = tools[4].inputSchema.properties.documents.items
    assert.same({ "id", "title", "v" }, document.required)
    assert.same({ type = { "integer", "null" }, minimum = -2147483648, maximum = 2147483647 }, document.properties.year)
    assert.same({ type = "array", items = { type = "string" } }, document.properties.tags)
    assert.same({ type = "array", items = { type = "number" }, minItems = 2, maxItems = 2 }, document.properties.v)
    assert.same({ "object", "null" }, document.properties.terms.type)
  end)

  it("leaves out what an older version does not have", function()
    local oldest = ask("tools/list", nil, nil, "2024-11-05").tools[1]
    assert.is_nil(oldest.title or oldest.annotations or oldest.outputSchema)
    local older = ask("tools/list", nil, nil, "2025-03-26").tools[1]
    assert.is_nil(older.title or older.outputSchema)
    assert.is_table(older.annotations)
    local result = ask("tools/call", { name = "stats" }, nil, "2024-11-05")
    assert.is_nil(result.structuredContent)
    assert.equal(3, json.decode(result.content[1].text).documents)
  end)

  it("searches by text, by vector, by both and by a filter", function()
    local found = call("search", { text = "planet" })
    assert.same({ "dune" }, ids_of(found))
    assert.equal("Dune, a planet of sand", found.hits[1].title)
    assert.is_true(found.hits[1].score > 0)
    assert.is_nil(found.hits[1].v)
    assert.same({ "emma", "dune" }, ids_of(call("search", { vector = { 0, 0.9 }, field = "v", topk = 2 })))
    assert.same({ "emma" }, ids_of(call("search", { vector = { ["3"] = 2 }, field = "terms" })))
    assert.equal(2, call("search", { vector = { { 2, 0 }, { 1, 0 } }, field = "parts" }).hits[1].score - 1)
    assert.equal(2, call("search", { vector = { 2, 0 }, field = "parts" }).hits[1].score)
    found = call("search", { text = "planet", vector = { 0, 1 }, field = "v", topk = 2 })
    assert.same({ "dune", "emma" }, ids_of(found))
    found = call("search", { text = "emma", vector = { 1, 0 }, field = "v", filter = "year < 1900" })
    assert.same({ "emma" }, ids_of(found))
    found = call("search", { filter = "year > 0", order_by = "year DESC", output_fields = { "year", "v" } })
    assert.same({ { id = "dune", year = 1965, v = { 1, 0 }, score = 0, distance = 0 },
                  { id = "emma", year = 1815, v = { 0, 1 }, score = 0, distance = 0 } }, found.hits)
    assert.same({ "emma" }, ids_of(call("search", { filter = "year > 0", order_by = "year", topk = 1 })))
    found = call("search", { filter = "year > 0", order_by = "year", offset = 1, text = json.null() })
    assert.same({ "dune" }, ids_of(found))
    assert.same({}, call("search", { text = "nowhere" }).hits)
  end)

  it("writes bytes and large numbers as documents in JSON have them", function()
    local found = call("search", { filter = "big > 0" }).hits[1]
    assert.same({ base64 = "/w==" }, found.id)
    assert.same({ base64 = "Ynl0ZXMg/g==" }, found.title)
    assert.equal("18446744073709551615", found.big)
  end)

  it("says what is wrong with arguments in a result, so that the model can try again", function()
    local function message_of(tool, arguments)
      local result, message = call(tool, arguments)
      assert.is_nil(result)
      return message
    end
    assert.equal("search: unknown option 'limit' (did you mean 'topk'?)", message_of("search", { limit = 3 }))
    assert.equal("search: 'topk' must be a whole number from 1 to 1000, got 1001",
      message_of("search", { topk = 1001 }))
    assert.equal("search: 'topk' must be a whole number, got a string", message_of("search", { topk = "1" }))
    assert.truthy(message_of("search", { filter = "yaer > 1" }):find("did you mean 'year'", 1, true))
    assert.truthy(message_of("search", { filter = 7 }):find("filter", 1, true))
    assert.equal("search: 'v' cannot be searched by a text, it has no full-text index and no model",
      message_of("search", { text = "x", field = "v" }))
    assert.equal("search: 'field' must name the vector field to search", message_of("search", { vector = { 1, 2 } }))
    assert.truthy(message_of("search", { vector = { 1, 2, 3 }, field = "v" }):find("2", 1, true))
    assert.truthy(message_of("search", { vector = { "a", {} }, field = "v" }):find("number", 1, true))
    assert.truthy(message_of("search", { text = {} }):find("text", 1, true))
    assert.truthy(message_of("search", { output_fields = { "titel" } }):find("did you mean 'title'", 1, true))
    assert.truthy(message_of("search", { output_fields = "title" }):find("output_fields", 1, true))
    assert.equal("get: 'ids' must be an array that is not empty", message_of("get", {}))
    assert.equal("get: ids[2] must be a string, got a number", message_of("get", { ids = { "dune", 7 } }))
    assert.equal("get: ids[1] must be a string, got a table", message_of("get", { ids = { {} } }))
    assert.equal("stats: unknown option 'x'", message_of("stats", { x = 1 }))
  end)

  it("gets documents, and tells which are missing", function()
    local found = call("get", { ids = { "emma", "none", "dune" }, output_fields = { "title", "terms" } })
    assert.same({ documents = { { id = "emma", title = "Emma of Highbury", terms = { ["3"] = 1 } },
                                { id = "dune", title = "Dune, a planet of sand" } }, missing = { "none" } }, found)
    found = call("get", { ids = { { base64 = "/w==" }, { base64 = "/g==" } }, output_fields = { "big" } })
    assert.same({ documents = { { id = { base64 = "/w==" }, big = "18446744073709551615" } },
                  missing = { { base64 = "/g==" } } }, found)
  end)

  it("refuses a result that nobody can read", function()
    assert(c:insert { { id = "long", title = ("x"):rep(5e6), v = { 1, 1 } },
                      { id = "longer", title = ("x"):rep(5e6), v = { 1, 1 } } })
    local found, message = call("get", { ids = { "long", "longer" } })
    assert.is_nil(found)
    assert.truthy(message:find("at most 8388608 are allowed: ask for less", 1, true))
    assert.equal(2, #call("get", { ids = { "long", "longer" }, output_fields = { "year" } }).documents)
  end)

  it("writes only if it may", function()
    local book = { id = "new", title = "New", v = { 2, 2 }, big = "7", year = json.null() }
    local _, failure = ask("tools/call", { name = "insert", arguments = { documents = { book } } })
    assert.equal(-32602, failure.code)
    assert.equal("there is no tool 'insert'", failure.message)
    assert.equal(3, #c)

    local may = { write_tools = true }
    assert.same({ written = 1 }, call("insert", { documents = { book } }, may))
    assert.equal("New", c:fetch("new").title)
    local _, message = call("insert", { documents = { book } }, may)
    assert.truthy(message:find("new", 1, true))
    book.title = "Newer"
    assert.same({ written = 1 }, call("insert", { documents = { book }, mode = "upsert" }, may))
    assert.equal("Newer", c:fetch("new").title)
    for part, documents in pairs {
      ["document 2: field 'title': expected a string"] = { book, { id = "x", title = { 1 } } },
      ["document 1 must be an object, got a string"] = { "x" },
      ["did you mean 'title'"] = { { id = "x", titel = "x", v = { 1, 1 } } },
    } do
      _, message = call("insert", { documents = documents }, may)
      assert.truthy(message:find(part, 1, true), message)
    end
    assert.equal(4, #c)
  end)

  it("lists and reads resources", function()
    assert.equal("moonvec://collection/schema", ask("resources/list").resources[1].uri)
    assert.equal("moonvec://document/{id}", ask("resources/templates/list").resourceTemplates[1].uriTemplate)
    local contents = ask("resources/read", { uri = "moonvec://collection/schema" }).contents
    assert.equal("moonvec://collection/schema", contents[1].uri)
    assert.equal("title", json.decode(contents[1].text).fields[1].name)
    contents = ask("resources/read", { uri = "moonvec://collection/stats" }).contents
    assert.equal(3, json.decode(contents[1].text).documents)
    contents = ask("resources/read", { uri = "moonvec://document/d%75ne" }).contents
    assert.equal(1965, json.decode(contents[1].text).year)
    contents = ask("resources/read", { uri = "moonvec://document/%FF" }).contents
    assert.same({ base64 = "/w==" }, json.decode(contents[1].text).id)
    for _, uri in ipairs { "", "file:///etc/passwd", "moonvec://document/", "moonvec://document/none",
                           "moonvec://document/%zz", "moonvec://document/" .. ("x"):rep(2000) } do
      local _, failure = ask("resources/read", { uri = uri })
      assert.equal(-32002, failure.code)
      assert.same({ uri = uri }, failure.data)
    end
    local _, failure = ask("resources/read", { uri = 7 })
    assert.equal(-32602, failure.code)
  end)

  it("answers batches where the version has them", function()
    local batch = json.array { request(1, "ping"), { jsonrpc = "2.0", method = "notifications/x" }, 7, hello(),
                               request(2, "tools/list") }
    local answers = serve(c, { hello "2025-03-26", batch, "[]", "[ {\"jsonrpc\":\"2.0\",\"method\":\"x\"} ]" })
    assert.equal(3, #answers)
    assert.equal(4, #answers[2])
    assert.same({}, answers[2][1].result)
    assert.equal(-32600, answers[2][2].error.code)
    assert.equal("'initialize' must not be in a batch", answers[2][3].error.message)
    assert.equal("search", answers[2][4].result.tools[1].name)
    assert.equal("the batch is empty", answers[3].error.message)
    for _, version in ipairs { "2024-11-05", "2025-06-18" } do
      assert.equal(-32600, serve(c, { hello(version), batch })[2].error.code)
    end
  end)

  it("refuses hostile lines and goes on", function()
    local lines = {
      { "{", -32700 }, { "null", -32600 }, { "7", -32600 }, { '"x"', -32600 }, { "{}", -32600 },
      { "{}\0", -32700 }, { "\0\0\0\0", -32700 }, { '{"jsonrpc":"2.0","id":1,"method":"\255"}', -32700 },
      { ("["):rep(100000), -32700 }, { ('{"a":'):rep(100000), -32700 },
      { '{"jsonrpc":"1.0","id":1,"method":"ping"}', -32600 }, { '{"jsonrpc":"2.0","id":1}', -32600 },
      { '{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600 },
      { '{"jsonrpc":"2.0","id":1.5,"method":"ping"}', -32600 },
      { '{"jsonrpc":"2.0","id":{},"method":"ping"}', -32600 }, { '{"jsonrpc":"2.0","id":1,"method":7}', -32600 },
      { '{"jsonrpc":"2.0","id":1,"method":"ping","params":[1]}', -32602 },
      { '{"jsonrpc":"2.0","id":1,"method":"ping","params":7}', -32602 },
      { '{"jsonrpc":"2.0","id":1,"method":"no/such"}', -32601 },
      { '{"jsonrpc":"2.0","id":1,"method":"a\\u0000b"}', -32601 },
      { '{"jsonrpc":"2.0","id":1,"method":"server/discover"}', -32601 },
      { '{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"cursor":"x"}}', -32602 },
      { '{"jsonrpc":"2.0","id":1,"method":"tools/call"}', -32602 },
      { '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"definition"}}', -32602 },
      { '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get","arguments":[1]}}', -32602 },
      { '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"get","arguments":"x"}}', -32602 },
      { ('{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"%sprotocolVersion":7}}}'):format(PREFIX),
        -32602 },
      { ("x"):rep(4194305), -32700 }, { false, -32700 },
    }
    local texts = { hello() }
    for _, line in ipairs(lines) do
      texts[#texts + 1] = line[1]
    end
    for _, quiet in ipairs { "", " ", '{"jsonrpc":"2.0","id":1,"result":{}}', '{"jsonrpc":"2.0","method":"x"}' } do
      texts[#texts + 1] = quiet
    end
    texts[#texts + 1] = request("last", "ping")
    local answers, done = serve(c, texts)
    assert.is_true(done)
    for i, line in ipairs(lines) do
      assert.equal(line[2], answers[i + 1].error.code, tostring(line[1]):sub(1, 100))
      assert.equal("string", type(answers[i + 1].error.message))
    end
    assert.equal(#lines + 2, #answers)
    assert.same({ jsonrpc = "2.0", id = "last", result = {} }, answers[#answers])
    assert.is_nil(answers.log)
  end)

  it("answers damaged requests, each with one answer at most", function()
    local random, errors = support.random(11), 0
    local requests = {
      request(1, "tools/call", { name = "search", arguments = { text = "a planet", topk = 3, filter = "year > 0" } }),
      request(2, "tools/call", { name = "search", arguments = { vector = { 1, 2 }, field = "v" } }),
      request(3, "tools/call", { name = "get", arguments = { ids = { "dune", "none" }, output_fields = { "v" } } }),
      request(4, "resources/read", { uri = "moonvec://document/dune" }),
      request(5, "tools/list", { _meta = STATELESS }),
      json.array { request(6, "ping"), request(7, "tools/list") },
    }
    local lines = { hello "2025-03-26" }
    for _ = 1, 1500 do
      local text = json.encode(requests[random(#requests)])
      for _ = 1, random(3) do
        local at = random(#text)
        local words = { "", "null", "[", "{}", '"', "-1e999", "\0", "\195", "true", ":" }
        text = text:sub(1, at - 1) .. words[random(#words)] .. text:sub(at + random(4) - 1)
      end
      lines[#lines + 1] = text
    end
    local answers, done = serve(c, lines)
    assert.is_true(done)
    assert.is_nil(answers.log)
    assert.is_true(#answers <= #lines)
    for _, answer in ipairs(answers) do
      for _, one in ipairs(answer[1] and answer or { answer }) do
        assert.equal("2.0", one.jsonrpc)
        assert.is_true((one.result == nil) ~= (one.error == nil))
        errors = errors + (one.error and 1 or 0)
      end
    end
    assert.is_true(errors > 500 and errors < 1500, errors)
  end)

  it("opens the collection when it is needed, and tries again", function()
    local calls = 0
    local function open()
      calls = calls + 1
      if calls < 3 then
        return nil, "not yet", "not_found"
      end
      return c
    end
    local list = { hello(), request(1, "tools/list"), request(2, "tools/list"), request(3, "tools/list") }
    local answers = serve(open, list)
    assert.equal(-32603, answers[2].error.code)
    assert.equal("the collection cannot be opened: not yet", answers[2].error.message)
    assert.equal("search", answers[3].result.tools[1].name)
    assert.equal("search", answers[4].result.tools[1].name)
    assert.equal(3, calls)
  end)

  it("reports an error of its own without ending", function()
    local answers = serve(function()
      error "lost"
    end, { request(1, "initialize", { protocolVersion = "2025-06-18" }), request(2, "ping") })
    assert.equal(-32603, answers[1].error.code)
    assert.truthy(answers.log:find("lost", 1, true))
    assert.same({}, answers[2].result)
  end)

  it("ends when its answers are not read", function()
    local _, done, message, code = serve(c, { hello(), hello() }, {
      write = function()
        return nil
      end,
    })
    assert.same({ nil, "the answer cannot be written", "io" }, { done, message, code })
  end)

  it("says what is wrong with its options", function()
    assert.equal("mcp.serve: expected a collection or a function that opens one, got a string",
      support.message_of(mcp.serve, "books"))
    for message, options in pairs {
      ["mcp.serve: 'write_tools' must be true or false, got a number"] = { write_tools = 1 },
      ["mcp.serve: 'read_line' must be a function, got a string"] = { read_line = "x" },
      ["mcp.serve: 'name' must be a string, got a table"] = { name = {} },
      ["mcp.serve: 'model_failures' must be a table of messages, got a string"] = { model_failures = "x" },
      ["mcp.serve: unknown option 'writeable_tools' (did you mean 'write_tools'?)"] = { writeable_tools = true },
    } do
      assert.equal(message, support.message_of(mcp.serve, c, options))
    end
  end)

  it("reads lines of standard input, but not what is too long", function()
    local path = support.path()
    local disk = support.collection(SCHEMA, { path = path })
    assert(disk:insert(BOOKS))
    assert(disk:close())
    local script, input = support.path(), support.path()
    local file = assert(io.open(script, "w"))
    file:write(([[
      local moonvec, mcp = require "moonvec", require "moonvec.mcp"
      assert(mcp.serve(assert(moonvec.open(%q, { read_only = true }))))
    ]]):format(path))
    file:close()
    file = assert(io.open(input, "wb"))
    file:write(json.encode(hello()), "\n", ("x"):rep(4194305), "\n\n", json.encode(request(1, "ping")), "\r\n",
      json.encode(request(2, "tools/call", { name = "stats" })))
    file:close()
    local pipe = assert(io.popen(program.command(script) .. " <" .. input))
    local answers = {}
    for line in pipe:lines() do
      answers[#answers + 1] = json.decode(line)
    end
    pipe:close()
    assert.equal(4, #answers)
    assert.equal("a message must not have more than 4194304 bytes", answers[2].error.message)
    assert.same({}, answers[3].result)
    assert.equal(3, answers[4].result.structuredContent.documents)
  end)
end)
