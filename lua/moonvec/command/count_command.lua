--- `moonvec count`: how many documents there are, or match a filter.

return {
  name = "count",
  summary = "count the documents, or those that match a filter",
  usage = "DIR [FILTER]",
  details = { "  moonvec count books \"year >= 1900 AND tags CONTAIN_ANY ('scifi')\"" },
  run = function(call)
    local collection = call:open(call.args[1], { models = false })
    call:print(("%.0f"):format(call:check(collection:count(call.args[2]))))
  end,
}
