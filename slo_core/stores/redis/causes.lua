-- Adds the causes of a batch to the SLO's blocks of causes, or its latencies to those of latencies: a part of apply.lua, run for
-- each kind of which a batch brings any. What `add_causes` and `CauseBlock` do in Python, to the event. `given` is an array for
-- each bucket, which holds its number and then where, outcome, bad, where, outcome, bad...; and the blocks of a copy, each
-- [[width, block], text]; and whether causes are added to the totals, too. `more` and `most_rows` are those of the `BlockKind`.
-- KEYS[2] is a hash with a field for each block, 'width:block'; of causes '0:0' is the open one. Its values are those of
-- `block_text`.
local causes_key, encoded, open_field = KEYS[2], cjson.encode, formatted('%d:0', more)
local open_text = redis.pcall('HGET', causes_key, open_field)

local function id_of(where, outcome) return #where .. ':' .. where .. outcome end

-- Of the text of the newest bucket, as open_causes.py has it: its number, counts, names, and the text of the names.
local function open_parts(text)
  local bucket, numbers, names_text = string.match(type(text) == 'string' and text or '', '^(%d+) ([%d,]+) (%[.*%])$')
  local is_json, names = pcall(cjson.decode, names_text or '')
  if not is_json or type(names) ~= 'table' then return nil end
  local counts = {}
  for number in string.gmatch(numbers, '%d+') do counts[#counts + 1] = tonumber(number) end
  if #counts == 0 or #names ~= 2 * #counts then return nil end
  for index = 1, #names do
    if type(names[index]) ~= 'string' or (counts[index] or 1) < 1 then return nil end
  end
  return tonumber(bucket), counts, names, names_text
end

local function open_as_text(bucket, counts, names_text)
  for index = 1, #counts do counts[index] = formatted('%d', counts[index]) end
  return formatted('%d', bucket) .. ' ' .. table.concat(counts, ',') .. ' ' .. names_text
end

-- The newest bucket with causes that it has rows for, as nearly every flush brings them; nil where it takes more than that.
local function added()
  if #given[1] ~= 1 or #given[2] ~= 0 then return nil end
  local increments, bucket, counts, names, text = given[1][1], open_parts(open_text)
  if increments[1] ~= bucket or bucket * FINEST_CAUSES > reference or bucket * FINEST_CAUSES <= reference - DAY then
    return nil
  end
  local places = {}
  for index = 1, #names, 2 do places[id_of(names[index], names[index + 1])] = (index + 1) / 2 end
  for index = 2, #increments, 3 do
    local place = places[id_of(increments[index], increments[index + 1])]
    if not place then return nil end
    counts[place] = counts[place] + increments[index + 2]
  end
  return open_as_text(bucket, counts, text)
end

-- Lua's own < goes by the server's locale.
local function is_less(one, other)
  local same, most = 0, math.min(#one, #other)
  while same < most do
    local middle = math.ceil((same + most) / 2)
    if string.sub(one, 1, middle) == string.sub(other, 1, middle) then same = middle else most = middle - 1 end
  end
  return (string.byte(one, same + 1) or -1) < (string.byte(other, same + 1) or -1)
end

local function comes_first(row, other)
  if row.where ~= other.where then return is_less(row.where, other.where) end
  return is_less(row.outcome, other.outcome)
end

-- The larger first, of equal ones the first by name.
local function comes_before(one, other)
  if one.bad ~= other.bad then return one.bad > other.bad end
  return comes_first(one, other)
end

-- The totals by cause, which the record holds, as cause_totals.py has them.
local function set_totals()
  local left, fresh, by_id = bad, {}, {}
  for _, increments in ipairs(given[1]) do
    for index = 2, #increments, 3 do
      local where, outcome, more = increments[index], increments[index + 1], math.min(increments[index + 2], left)
      local id = id_of(where, outcome)
      left = left - more
      if more > 0 then
        if not by_id[id] then
          by_id[id] = {where = where, outcome = outcome, bad = 0}
          fresh[#fresh + 1] = by_id[id]
        end
        by_id[id].bad = by_id[id].bad + more
      end
    end
  end
  table.sort(fresh, comes_before)
  local bucket, counts, names, names_text = open_parts(record[13])
  if record[13] and bucket ~= 0 then
    is_damaged, counts = true, nil
  end
  if not counts then counts, names, names_text = {}, {}, nil end
  local places, is_new = {}, not names_text
  for index = 1, #names, 2 do places[id_of(names[index], names[index + 1])] = (index + 1) / 2 end
  for _, each in ipairs(fresh) do
    local place = places[id_of(each.where, each.outcome)]
    if place then
      counts[place] = counts[place] + each.bad
    elseif each.where ~= '' and #counts < MOST_TOTALS then
      counts[#counts + 1] = each.bad
      names[#names + 1] = each.where
      names[#names + 1] = each.outcome
      is_new = true
    end
  end
  if #counts == 0 then return end
  set('totals', open_as_text(0, counts, is_new and encoded(names) or names_text))
end

if given[3] then set_totals() end

local text = added()
if text then return call('HSET', causes_key, open_field, text) end

local function new_row(block, where, outcome)
  local row = {where = where, outcome = outcome, counts = {}, total = 0}
  block.rows[#block.rows + 1] = row
  block.by_id[id_of(where, outcome)] = row
  if where ~= '' then
    block.named = block.named + 1
  elseif outcome ~= '' then
    block.outcomes = block.outcomes + 1
  end
  return row
end

local function count(row, place, more)
  row.counts[place] = (row.counts[place] or 0) + more
  row.total = row.total + more
end

local function add_to_rest(block, place, outcome, more)
  local row = block.by_id[id_of('', outcome)]
  if not row and block.outcomes >= MOST_OUTCOMES then
    outcome = ''
    row = block.by_id[id_of('', '')]
  end
  count(row or new_row(block, '', outcome), place, more)
end

local function makes_room(block, more)
  if block.named < most_rows then return true end
  local smallest, smallest_at
  for index, row in ipairs(block.rows) do
    if row.where ~= '' and (not smallest or row.total < smallest.total
      or (row.total == smallest.total and comes_first(row, smallest))) then
      smallest, smallest_at = row, index
    end
  end
  if more <= smallest.total then return false end
  table.remove(block.rows, smallest_at)
  block.by_id[id_of(smallest.where, smallest.outcome)] = nil
  block.named = block.named - 1
  for place, its_bad in pairs(smallest.counts) do add_to_rest(block, place, smallest.outcome, its_bad) end
  return true
end

local function add_to_block(block, place, where, outcome, more)
  local row = block.by_id[id_of(where, outcome)]
  if not row then
    if where == '' or not makes_room(block, more) then return add_to_rest(block, place, outcome, more) end
    row = new_row(block, where, outcome)
  end
  count(row, place, more)
end

-- counts: {where =, outcome =, bad =}...
local function add_all(block, place, counts)
  table.sort(counts, comes_before)
  for _, each in ipairs(counts) do add_to_block(block, place, each.where, each.outcome, each.bad) end
end

local function new_block() return {rows = {}, by_id = {}, named = 0, outcomes = 0} end

local function is_count(value) return type(value) == 'number' and value >= 0 and value == math.floor(value) end

-- nil for a text that is no block.
local function parsed(text, most)
  local is_json, rows = pcall(cjson.decode, text)
  if not is_json or type(rows) ~= 'table' then return nil end
  local block = new_block()
  for _, fields in ipairs(rows) do
    if type(fields) ~= 'table' or type(fields[1]) ~= 'string' or type(fields[2]) ~= 'string' or #fields < 4 then return nil end
    for index = 3, #fields do
      if not is_count(fields[index]) then return nil end
    end
    if fields[3] + #fields - 4 > most then return nil end
    local row = new_row(block, fields[1], fields[2])
    for index = 4, #fields do
      if fields[index] > 0 then count(row, fields[3] + index - 4, fields[index]) end
    end
  end
  return block
end

local function text_of(block)
  local rows = {}
  for _, row in ipairs(block.rows) do
    local first, last
    for place in pairs(row.counts) do
      first, last = math.min(first or place, place), math.max(last or place, place)
    end
    if first then
      local parts = {encoded(row.where), encoded(row.outcome), formatted('%d', first)}
      for place = first, last do parts[#parts + 1] = formatted('%d', row.counts[place] or 0) end
      rows[#rows + 1] = '[' .. table.concat(parts, ',') .. ']'
    end
  end
  return '[' .. table.concat(rows, ',') .. ']'
end

local function parsed_open(text)
  local bucket, counts, names = open_parts(text)
  if not bucket or bucket > LATEST_TIME / FINEST_CAUSES then return nil end
  local block = new_block()
  for index = 1, #counts do count(new_row(block, names[2 * index - 1], names[2 * index]), bucket, counts[index]) end
  return block
end

local function text_of_open(block, bucket)
  local counts, names = {}, {}
  for _, row in ipairs(block.rows) do
    counts[#counts + 1] = row.total
    names[#names + 1] = encoded(row.where)
    names[#names + 1] = encoded(row.outcome)
  end
  return open_as_text(bucket, counts, '[' .. table.concat(names, ',') .. ']')
end

local function load_block(field, most)
  local text = redis.pcall('HGET', causes_key, field)
  if type(text) == 'table' then -- of another type
    call('UNLINK', causes_key)
    text = ''
  end
  if not text then return nil end
  local block
  if most then block = parsed(text, most) else block = parsed_open(text) end
  if not block then is_damaged = true end
  return block
end

local first, changed = {}, {}
for width in pairs(CAUSE_BLOCKS) do
  first[width] = math.floor((reference - (CAUSE_SPANS[width] or math.max(keeps, DAY)) - HOUR) / width)
end

local function block_at(width, number)
  local field = formatted('%d:%d', width + more, number)
  changed[field] = changed[field] or load_block(field, CAUSE_BLOCKS[width] - 1) or new_block()
  return changed[field]
end

local function add_at(width, start, counts)
  local bucket, size = math.floor(start / width), CAUSE_BLOCKS[width]
  if bucket < first[width] then return end
  local number = math.floor(bucket / size)
  add_all(block_at(width, number), bucket - number * size, counts)
end

local function counts_of(block)
  local counts = {}
  for _, row in ipairs(block.rows) do
    if row.total > 0 then counts[#counts + 1] = {where = row.where, outcome = row.outcome, bad = row.total} end
  end
  return counts
end

for _, copied in ipairs(given[2]) do
  local width, number = copied[1][1], copied[1][2]
  if number >= math.floor(first[width] / CAUSE_BLOCKS[width]) then
    local block = block_at(width, number)
    for _, row in ipairs(parsed(copied[2], CAUSE_BLOCKS[width] - 1).rows) do
      for place = 0, CAUSE_BLOCKS[width] - 1 do
        local its_bad = row.counts[place]
        if its_bad then add_to_block(block, place, row.where, row.outcome, its_bad) end
      end
    end
  end
end

local open, latest = load_block(open_field), nil
local is_new = not open
if open then
  for _, row in ipairs(open.rows) do
    for place in pairs(row.counts) do latest = math.max(latest or place, place) end
  end
else
  open = new_block()
end
local oldest = (math.floor(reference / QUARTER_HOUR) - kept(QUARTER_HOUR) + 1) * QUARTER_HOUR
for _, increments in ipairs(given[1]) do
  local bucket, counts = increments[1], {}
  for index = 2, #increments, 3 do
    counts[#counts + 1] = {where = increments[index], outcome = increments[index + 1], bad = increments[index + 2]}
  end
  local start = bucket * FINEST_CAUSES
  if start >= oldest then
    local is_ahead = start > reference
    if latest and not is_ahead and (bucket > latest or latest * FINEST_CAUSES > reference) then
      for width in pairs(CAUSE_BLOCKS) do add_at(width, latest * FINEST_CAUSES, counts_of(open)) end
      open, latest = new_block(), nil
    end
    if is_ahead or (latest and bucket < latest) then
      for width in pairs(CAUSE_BLOCKS) do add_at(width, start, counts) end
    else
      add_all(open, bucket, counts)
      latest = bucket
      changed[open_field] = open
    end
  end
end

local written, is_seldom = {}, is_new
for field, block in pairs(changed) do
  written[#written + 1] = field
  if field == open_field then written[#written + 1] = text_of_open(block, latest) else written[#written + 1] = text_of(block) end
  is_seldom = is_seldom or field ~= open_field
end
if #written > 0 then call('HSET', causes_key, unpack(written)) end
if is_seldom then
  call('EXPIRE', causes_key, lives(DAY))
  -- What is older than all that is kept, in passing.
  local cursor, gone = '0', {}
  repeat
    local scan = call('HSCAN', causes_key, cursor, 'COUNT', '1000')
    cursor = scan[1]
    for index = 1, #scan[2], 2 do
      local width, number = string.match(scan[2][index], '^(%d+):(%d+)$')
      local bucket_width = tonumber(width) - more
      local size = CAUSE_BLOCKS[bucket_width]
      if size and tonumber(number) < math.floor(first[bucket_width] / size) then gone[#gone + 1] = scan[2][index] end
    end
  until cursor == '0'
  if #gone > 0 then call('HDEL', causes_key, unpack(gone)) end
end
