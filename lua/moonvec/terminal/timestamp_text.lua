--- Microseconds since 1970, a number or a string of digits, as a time in UTC: "2026-11-01T12:30:00Z", which filters and
-- documents may be given, too. What is no time of a year that the system knows stays as it is.
return function(microseconds)
  local number = tonumber(microseconds)
  local seconds = math.floor(number / 1000000)
  local ok, text = pcall(os.date, "!%Y-%m-%dT%H:%M:%S", seconds)
  if not ok then
    return tostring(microseconds)
  end
  local fraction = ("%06d"):format(number - seconds * 1000000):gsub("0+$", "")
  return text .. (fraction ~= "" and "." .. fraction or "") .. "Z"
end
