--- Learns a model from the files of a folder and saves it. This runs in a thread, where nothing of the editor is there.

local folder_passages = require "moonvec.command.folder_passages"
local json = require "moonvec.json"
local moonvec = require "moonvec"

local function nothing() end

--- `notes`: how the folder is read, as JSON. Returns nil, or a message.
return function(folder, notes, file)
  notes = json.decode(notes)
  local survey, message = folder_passages.survey(folder, notes, nothing)
  local texts = survey and folder_passages.each_text(folder, notes, nothing)
  if not texts then
    return message or ("the files in '%s' cannot be read"):format(folder)
  end
  local index = survey.index
  local model, why = moonvec.embed.learn(texts, {
    tokenizer = index.tokenizer, language = index.language, stop_words = index.stop_words,
  })
  if not model then
    return why
  end
  return select(2, model:save(file))
end
