-- Tokenizers and the mean of vectors in plain Lua, as simple as can be: the truth for specs. For texts of ASCII.

local M = {}

local MARK = "\226\150\129" -- U+2581

--- The pieces of a text: BERT's normalizer in lower case, split at spaces and at punctuation.
function M.bert_pieces(text)
  local pieces = {}
  local plain = text:gsub("[\t\n\r]", " "):gsub("[%z\1-\31\127]", ""):lower()
  for run in plain:gmatch("%S+") do
    for piece in run:gsub("%p", " %0 "):gmatch("%S+") do
      pieces[#pieces + 1] = piece
    end
  end
  return pieces
end

--- The pieces of a text: each space becomes a mark, there is one at the beginning, and each begins a piece.
function M.metaspace_pieces(text)
  local pieces = {}
  if text == "" then
    return pieces
  end
  text = text:sub(1, 1) == " " and text or " " .. text
  for space, rest in text:gmatch("( )([^ ]*)") do
    pieces[#pieces + 1] = space:gsub(" ", MARK) .. rest
  end
  return pieces
end

--- The characters of valid UTF-8.
function M.characters(text)
  local list = {}
  for character in text:gmatch("[%z\1-\127\194-\244][\128-\191]*") do
    list[#list + 1] = character
  end
  return list
end

--- WordPiece: the longest token of the vocabulary, again and again. Returns ids.
function M.word_piece(vocabulary, piece, most)
  local ids, at, unknown = {}, 1, { vocabulary["[UNK]"] }
  if #M.characters(piece) > most then
    return unknown
  end
  while at <= #piece do
    local found
    for stop = #piece, at, -1 do
      local id = vocabulary[(at > 1 and "##" or "") .. piece:sub(at, stop)]
      if id then
        found = stop
        ids[#ids + 1] = id
        break
      end
    end
    if not found then
      return unknown
    end
    at = found + 1
  end
  return ids
end

--- BPE: of all neighbours that have a rank, the first of the lowest rank, until there is none. `ranks[a][b]` is a rank.
function M.bpe(ranks, symbols)
  while true do
    local best, at = math.huge, nil
    for i = 1, #symbols - 1 do
      local rank = ranks[symbols[i]] and ranks[symbols[i]][symbols[i + 1]]
      if rank and rank < best then
        best, at = rank, i
      end
    end
    if not at then
      return symbols
    end
    symbols[at] = symbols[at] .. table.remove(symbols, at + 1)
  end
end

--- Unigram: of all ways to cut a piece into tokens, the one with the greatest sum of scores. A character that is no
-- token costs `unknown_score`; neighbouring ones are one token. Returns tokens, with false for unknown ones.
function M.unigram(scores, piece, unknown_score)
  local characters = M.characters(piece)
  local best = { [0] = { sum = 0, tokens = {} } }
  for last = 1, #characters do
    for first = 1, last do
      local token = table.concat(characters, "", first, last)
      local score, is_unknown = scores[token], false
      if not score and first == last then
        score, is_unknown = unknown_score, true
      end
      local before = best[first - 1]
      if score and (not best[last] or before.sum + score > best[last].sum) then
        local tokens = {}
        for i, t in ipairs(before.tokens) do tokens[i] = t end
        if not (is_unknown and tokens[#tokens] == false) then
          tokens[#tokens + 1] = not is_unknown and token
        end
        best[last] = { sum = before.sum + score, tokens = tokens }
      end
    end
  end
  return best[#characters].tokens
end

--- The mean of rows by token id, times the weights of the ids, in double precision; of length 1 if asked for.
function M.mean(rows, ids, normalizes, weights, mapping)
  local sum, squares = {}, 0
  for _, id in ipairs(ids) do
    local row = rows[(mapping and mapping[id + 1] or id) + 1]
    for k, number in ipairs(row) do
      sum[k] = (sum[k] or 0) + number * (weights and weights[id + 1] or 1)
    end
  end
  for k, number in ipairs(sum) do
    sum[k] = number / #ids
    squares = squares + sum[k] ^ 2
  end
  for k, number in ipairs(sum) do
    sum[k] = normalizes and number / math.sqrt(squares) or number
  end
  return sum
end

return M
