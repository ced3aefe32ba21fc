--- `moonvec count`: how many documents there are, or match a filter.

return {
  name = "count",
  summary = "count the documents, or those that match a filter",
  usage = "DIR [FILTER]",
  options = { { "filter", "FILTER", "the same as FILTER" } },
  details = { "  moonvec count books \"year >= 1900 AND tags CONTAIN_ANY ('scifi')\"" },
  run = function(call)
    local filter = call.args[2]
    if filter and call.options.filter then
      call:usage("give one filter: FILTER or --filter FILTER")
    end
    local collection = call:open(call.args[1], { models = false })
    call:print(("%.0f"):format(call:check(collection:count(filter or call.options.filter))))
  end,
}
