--- When to try a request again: what the server asks for, or else exponential backoff with jitter.

local M = {}

-- The first wait, in seconds; each is twice as long as the one before, up to the maximum.
local FIRST, MAX = 0.5, 20

local MONTHS = { Jan = 1, Feb = 2, Mar = 3, Apr = 4, May = 5, Jun = 6, Jul = 7, Aug = 8, Sep = 9, Oct = 10, Nov = 11,
                 Dec = 12 }

--- Days since 1970-01-01 of a date. Years count from March, so that leap days are last.
local function days_of(year, month, day)
  if month <= 2 then
    year, month = year - 1, month + 12
  end
  local leap_days = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
  return 365 * year + leap_days + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

--- Seconds since 1970 of a date of HTTP, such as "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, the form that servers must
-- send). nil: it is something else.
function M.parse_date(text)
  local day, month, year, hour, minute, second =
    (text or ""):match "^%a%a%a, (%d%d) (%a%a%a) (%d%d%d%d) (%d%d):(%d%d):(%d%d) GMT$"
  if not MONTHS[month or ""] then
    return nil
  end
  local days = days_of(tonumber(year), MONTHS[month], tonumber(day))
  return days * 86400 + hour * 3600 + minute * 60 + second
end

local UNITS = { ms = 0.001, s = 1, m = 60, h = 3600, d = 86400 }

--- Seconds of a duration such as "6m0s", "250ms", "1.5s" or "20"; nil: it is something else.
function M.parse_duration(text)
  local number = text:match "^%d+%.?%d*$"
  if number then
    return tonumber(number)
  end
  local seconds, at = 0, 1
  while at <= #text do
    local amount, unit, next_at = text:match("^(%d+%.?%d*)(%a+)()", at)
    if not UNITS[unit or ""] then
      return nil
    end
    seconds, at = seconds + tonumber(amount) * UNITS[unit], next_at
  end
  return at > 1 and seconds or nil
end

--- Retry-After: seconds, or a date, which counts from the Date of the answer, because clocks differ.
local function retry_after(headers)
  local text = headers["retry-after"]
  if not text then
    return nil
  end
  local date = M.parse_date(text)
  if date then
    return math.max(0, date - (M.parse_date(headers["date"]) or os.time()))
  end
  return text:find "^%d+%.?%d*$" and tonumber(text) or nil
end

-- Pairs of headers: the rest of a limit, and when the limit begins again.
local LIMITS = {
  { "x-ratelimit-remaining-requests", "x-ratelimit-reset-requests" },
  { "x-ratelimit-remaining-tokens", "x-ratelimit-reset-tokens" },
  { "ratelimit-remaining", "ratelimit-reset" },
}

--- Seconds that an answer asks to wait: by Retry-After (or retry-after-ms), else by the limits of which nothing is
-- left. nil: it does not ask.
function M.asked(headers)
  local milliseconds = tonumber(headers["retry-after-ms"])
  if milliseconds and milliseconds >= 0 and milliseconds < math.huge then
    return milliseconds / 1000
  end
  local longest = retry_after(headers)
  for _, limit in ipairs(longest and {} or LIMITS) do
    local reset = headers[limit[1]] == "0" and M.parse_duration(headers[limit[2]] or "")
    if reset then
      longest = math.max(longest or 0, reset)
    end
  end
  return longest
end

--- Seconds of backoff before another attempt: `attempt` 1 is the first one that failed. Half of it is random, so that
-- clients that failed together do not come back together. `now`, in seconds with a fraction, makes it differ between
-- processes: before Lua 5.4, math.random() begins with the same number in each.
function M.backoff(attempt, now)
  local wait = math.min(MAX, FIRST * 2 ^ (attempt - 1))
  return wait * (0.5 + 0.5 * ((math.random() + now * 1000) % 1))
end

return M
