-- Reads the package lists of a Debian machine: stanzas of "Field: value" lines with indented
-- continuation lines, separated by empty lines (deb-control(5)).

local M = {}

local APT_CACHE = "apt-cache dumpavail 2>/dev/null" -- all packages that can be installed
local DPKG_STATUS = "/var/lib/dpkg/status" -- the installed packages

local function package_of(stanza)
  -- The summary is the first line, the long text follows. Translated lists have "Description-en".
  local description = stanza["Description-en"] or stanza["Description"]
  if not stanza["Package"] or not description then
    return nil
  end
  local summary, text = description:match("^([^\n]*)\n?(.*)$")
  local tags = {}
  for tag in (stanza["Tag"] or ""):gmatch("[^%s,]+") do
    tags[#tags + 1] = tag
  end
  return {
    name = stanza["Package"],
    section = (stanza["Section"] or "unknown"):match("[^/]*$"), -- "contrib/net" is "net"
    priority = stanza["Priority"] or "optional",
    size = tonumber(stanza["Installed-Size"]) or 0, -- KiB
    homepage = stanza["Homepage"],
    tags = tags,
    summary = summary,
    text = text,
  }
end

--- Iterates over the packages in `lines`, an iterator of lines. Stanzas without a name or a
--- description are skipped. Of several versions of a package, only the first is returned.
function M.packages(lines)
  local seen = {}

  local function next_stanza()
    local stanza, field = {}, nil
    for line in lines do
      local name, value = line:match("^([^%s:]+):%s*(.*)$")
      if name then
        stanza[name], field = value, name
      elseif line:find("^%s+%S") and field then
        stanza[field] = stanza[field] .. "\n" .. line:match("^%s+(.*)$")
      elseif next(stanza) then
        return stanza
      end
    end
    return next(stanza) and stanza
  end

  return function()
    for stanza in next_stanza do
      local package = package_of(stanza)
      if package and not seen[package.name] then
        seen[package.name] = true
        return package
      end
    end
  end
end

--- Returns an array of the packages in `file`, or without a file of those of this machine.
--- Returns nil and a message if there are none.
function M.load(file)
  local function collect(handle)
    local packages = {}
    if handle then
      for package in M.packages(handle:lines()) do
        packages[#packages + 1] = package
      end
      handle:close()
    end
    return packages
  end

  if file then
    local handle, message = io.open(file)
    if not handle then
      return nil, message
    end
    local packages = collect(handle)
    if #packages == 0 then
      return nil, file .. " contains no packages"
    end
    return packages
  end
  local packages = collect(io.popen(APT_CACHE))
  if #packages == 0 then
    packages = collect(io.open(DPKG_STATUS))
  end
  if #packages == 0 then
    return nil, "no Debian package lists on this machine; name one with --dump FILE"
  end
  return packages
end

return M
