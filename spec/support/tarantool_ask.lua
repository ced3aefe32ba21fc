-- A program for Tarantool: runs code in another instance, and prints what it returns.

local conn = require("net.box").connect("127.0.0.1:" .. arg[1])
local ok, answer = pcall(conn.eval, conn, arg[2])
print(tostring(answer))
os.exit(ok and 0 or 1)
