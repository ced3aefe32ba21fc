--- `moonvec delete`: documents by id or by filter.

local unpack = table.unpack or unpack -- luacheck: ignore

return {
  name = "delete",
  summary = "delete documents by id, or those that match a filter",
  usage = "DIR [ID ...]",
  options = {
    { "filter", "FILTER", "those that match; `true` is all of them" },
    { "dry-run", nil, "only count them" },
  },
  details = { "Prints how many there were. Ids that do not exist are ignored." },
  run = function(call)
    local filter, ids = call.options.filter, { unpack(call.args, 2) }
    if (filter ~= nil) == (#ids > 0) then
      call:usage("give ids, or --filter")
    end
    local is_dry = call.options["dry-run"]
    local collection = call:open(call.args[1], { writable = not is_dry, models = false })
    local count
    if is_dry then
      count = call:check(collection:count(filter or "id IN ?", not filter and { ids } or nil))
    elseif filter then
      count = call:check(collection:delete_by_filter(filter))
    else
      count = call:check(collection:delete(ids))
    end
    call:print(("%.0f"):format(count))
  end,
}
