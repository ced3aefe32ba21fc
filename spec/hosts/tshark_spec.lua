-- tshark: a tap that finds for each frame the one that is most like it.

local host_example = require "spec.support.host_example"
local host_page = require "spec.support.host_page"

local HOST = { command = "tshark", package = "tshark", lua = "lua5.2" }

-- A capture of frames with these bytes, in the format of libpcap: a header, then each frame behind its own.
local function capture(frames)
  local function u32(...)
    local text = ""
    for _, number in ipairs { ... } do
      text = text .. string.char(number % 256, math.floor(number / 256) % 256, math.floor(number / 65536) % 256,
        math.floor(number / 16777216))
    end
    return text
  end
  local parts = { u32(0xa1b2c3d4), "\2\0\4\0", u32(0, 0, 65535, 1) } -- version 2.4, Ethernet
  for _, bytes in ipairs(frames) do
    parts[#parts + 1] = u32(0, 0, #bytes, #bytes) .. bytes
  end
  return table.concat(parts)
end

describe("the example for tshark", function()
  after_each(host_example.clean)

  it("prints the nearest frame of each", function()
    if host_example.obstacle(HOST) then
      pending(host_example.obstacle(HOST))
      return
    end
    local folder = host_example.folder()
    host_page.write("nearest_frames.lua", folder, HOST.lua)
    local head = ("\1\2\3\4\5\6"):rep(2) .. "\8\0"
    host_example.write(folder, "capture.pcap",
      capture { head .. ("a"):rep(20), head .. ("b"):rep(20), head .. ("a"):rep(19) .. "c" })
    local output = host_example.output(folder, "tshark -q -X lua_script:nearest_frames.lua -r capture.pcap")
    assert.matches("\nframe 1 is most like frame 3: 1%.00\nframe 2 is most like frame 3: 0%.%d%d\n"
      .. "frame 3 is most like frame 1: 1%.00\n", "\n" .. output)
  end)
end)
