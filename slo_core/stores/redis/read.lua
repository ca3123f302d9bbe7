-- Reads one SLO at one moment: its record, the clock, how many blocks are gone that were written, and parts of blocks.
-- KEYS: the record, then a block for each part, then the causes where they are wanted. ARGV: the generation in the names of
-- blocks, then first and last byte of each part, then of the causes 'width:first block:width of the open one'. Blocks of another generation than the record's are not read: then the generation is all that is answered.
local record = redis.call('HMGET', KEYS[1], 'good', 'bad', 'dropped', 'errors', 'since', 'newest', 'keeps', 'definition',
  'fingerprint', 'changed_at', 'flushed', 'lost', 'declared', 'kept', 'totals', 'generation', 'blocks')
if #KEYS > 1 and record[7] and (record[16] or '') ~= ARGV[1] then return 'names' .. (record[16] or '') end
local now, gone = redis.call('TIME'), 0
local parts, blocks, causes = {now, record, 0}, #KEYS, #ARGV % 2 == 0
if causes then blocks = blocks - 1 end
for index = 2, blocks do
  local part = redis.call('GETRANGE', KEYS[index], ARGV[2 * index - 2], ARGV[2 * index - 1])
  if part == '' and record[17] then
    local listed = ' ' .. string.match(KEYS[index], '(%d+:%d+)$') .. '='
    local _, at = string.find(record[17], listed, 1, true)
    if at and tonumber(string.match(record[17], '%d+', at)) > tonumber(now[1]) then gone = gone + 1 end
  end
  parts[index + 2] = part
end
parts[3] = gone
record[16], record[17] = nil, nil
if causes then
  -- Field, text, field, text... HSCAN, not HGETALL: then a user of the store needs no more rights than before.
  local texts, cursor, width, first, open = {}, '0', string.match(ARGV[#ARGV], '^(%d+):(-?%d+):(%d+)$')
  repeat
    local scan = redis.call('HSCAN', KEYS[#KEYS], cursor, 'COUNT', '1000')
    cursor = scan[1]
    for index = 1, #scan[2], 2 do
      local its_width, block = string.match(scan[2][index], '^(%d+):(%d+)$')
      if its_width == open or (its_width == width and tonumber(block) >= tonumber(first)) then
        texts[#texts + 1] = scan[2][index]
        texts[#texts + 1] = scan[2][index + 1]
      end
    end
  until cursor == '0'
  parts[#parts + 1] = texts
end
return parts
