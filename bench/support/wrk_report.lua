-- For wrk: each connection waits some milliseconds between two requests, so that the machine is not saturated. At the
-- end, lines "figure NAME VALUE", in milliseconds.

local delay_ms

function init(args) -- luacheck: ignore 111
  delay_ms = tonumber(args[1])
end

function delay() -- luacheck: ignore 111
  return delay_ms
end

function done(summary, latency) -- luacheck: ignore 111
  local errors = summary.errors
  print("figure requests " .. summary.requests)
  print("figure seconds " .. summary.duration / 1e6)
  print("figure failed " .. errors.connect + errors.read + errors.write + errors.status + errors.timeout)
  for _, percentile in ipairs { 50, 99 } do
    print(("figure p%d %f"):format(percentile, latency:percentile(percentile) / 1000))
  end
  print("figure max " .. latency.max / 1000)
end
