-- The Lua files run on 5.1 to 5.5 and LuaJIT: only what all of them have.
std = "min"
max_line_length = 120
files["spec"] = { std = "+busted" }
files["lua/moonvec/tarantool"] = { read_globals = { "box" } }
files["examples/tarantool"] = { read_globals = { "box" } }
files["spec/support/tarantool_*.lua"] = { read_globals = { "box" } }
files["lua/moonvec/types.lua"] = { ignore = { "2..", "631" } } -- declarations for editors, never run
files["lua/moonvec/resty"] = { read_globals = { "ngx" } } -- these run in nginx only
files["examples/nginx"] = { globals = { "ngx" } }
files["editors"] = { std = "luajit", globals = { "vim" } }
files["examples/love"] = { std = "luajit", globals = { "love" } }
