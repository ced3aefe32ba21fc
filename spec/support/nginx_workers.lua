-- nginx with several workers whose Lua code a spec sends: run(code) runs it in one of them.

local children = require "spec.support.children"
local nginx_server = require "spec.support.nginx_server"
local program = require "spec.support.program"
local support = require "spec.support.init"

local M = {}

local MAIN = [[
user root;
worker_processes WORKERS;
events { worker_connections 256; accept_mutex off; }
]]

-- `/run` runs the body of a request, and answers with what it returns: values separated by tabs. An error is answered
-- with status 500 and its message.
local RUN = [[
    location /run { content_by_lua_block {
      ngx.req.read_body()
      local function answer(ok, ...)
        local values = { ... }
        for i = 1, select("#", ...) do
          values[i] = tostring(values[i])
        end
        ngx.status = ok and 200 or 500
        ngx.print(table.concat(values, "\t"))
      end
      answer(pcall(assert(loadstring(ngx.req.get_body_data(), "=sent"))))
    } }
]]

local PORT = nginx_server.port()
local home

--- Starts it in a new folder. `http`: lines of the configuration in `http`; `locations`: more locations; `workers`: how
-- many (default 2). Words in capitals that are replaced: HOME, PORT, and those of nginx_server. Returns the folder.
function M.start(http, locations, workers)
  home = home or support.path()
  assert(children.succeeds("mkdir -p " .. home))
  local server = "  client_body_buffer_size 1m;\n  server {\n    listen 127.0.0.1:PORT reuseport;\n" .. RUN ..
    (locations or "") .. "  }\n"
  assert(nginx_server.start(home, MAIN, http .. server, { PORT = PORT, WORKERS = workers or 2 }), M.errors())
  return home
end

--- What nginx has logged.
function M.errors()
  return children.output("cat " .. home .. "/error.log")
end

function M.signal(name)
  return children.succeeds("kill -" .. name .. " $(cat " .. home .. "/nginx.pid)")
end

--- Ends it, and waits until it has ended.
function M.stop()
  if home and M.signal("QUIT") then
    support.wait_until(function()
      return not children.succeeds("test -e " .. home .. "/nginx.pid")
    end)
  end
end

--- For after_each.
function M.clean()
  M.stop()
  home = nil
  support.clean()
end

--- The URL of a location.
function M.url(what)
  return ("http://127.0.0.1:%d/%s"):format(PORT, what)
end

--- Asks with more arguments of curl. Returns the answer and its status.
function M.ask(what, arguments)
  local text = children.output(("curl -s -m 600 -w '\\n%%{http_code}' %s %s"):format(arguments or "",
    program.quote(M.url(what))))
  local body, status = text:match("^(.*)\n(%d+)$")
  return body, tonumber(status)
end

local function run(code)
  return M.ask("run", "--data-binary " .. program.quote(code))
end

--- Runs Lua code in a worker. Returns what the code returned, as one text.
function M.run(code)
  local answer, status = run(code)
  assert(status == 200, answer)
  return answer
end

--- The message that Lua code raises in a worker.
function M.message_of(code)
  local answer, status = run(code)
  assert(status == 500, answer)
  return answer
end

--- The pids of the processes that nginx has started and that run now.
function M.pids()
  local pids = {}
  local find = "grep -ls \"^PPid:[[:space:]]*$(cat %s/nginx.pid)$\" /proc/[0-9]*/status"
  for pid in children.output(find:format(home)):gmatch("/proc/(%d+)/") do
    pids[#pids + 1] = pid
  end
  return pids
end

--- Runs code until every worker has run it. Returns the answers by pid.
function M.run_in_all(code)
  local answers, missing = {}, nil
  support.wait_until(function()
    local pid, answer = M.run("return ngx.worker.pid() .. ' ' .. tostring((function() " .. code .. " end)())"):match(
      "^(%d+) (.*)$")
    answers[assert(pid)] = answer
    missing = false
    for _, running in ipairs(M.pids()) do
      missing = missing or answers[running] == nil
    end
    return not missing
  end)
  return answers
end

return M
