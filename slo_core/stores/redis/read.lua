-- Reads one SLO at one moment: its record, the clock, how many blocks are gone that were written, and parts of blocks.
-- KEYS: the record, then a block for each part. ARGV: the generation in the names of blocks, then first and last byte of each
-- part. Blocks of another generation than the record's are not read: then the generation is all that is answered.
local record = redis.call('HMGET', KEYS[1], 'good', 'bad', 'dropped', 'errors', 'since', 'newest', 'keeps', 'definition',
  'fingerprint', 'changed_at', 'flushed', 'lost', 'declared', 'kept', 'generation', 'blocks')
if #KEYS > 1 and record[7] and (record[15] or '') ~= ARGV[1] then return 'names' .. (record[15] or '') end
local now, gone = redis.call('TIME'), 0
local parts = {now, record, 0}
for index = 2, #KEYS do
  local part = redis.call('GETRANGE', KEYS[index], ARGV[2 * index - 2], ARGV[2 * index - 1])
  if part == '' and record[16] then
    local listed = ' ' .. string.match(KEYS[index], '(%d+:%d+)$') .. '='
    local _, at = string.find(record[16], listed, 1, true)
    if at and tonumber(string.match(record[16], '%d+', at)) > tonumber(now[1]) then gone = gone + 1 end
  end
  parts[index + 2] = part
end
parts[3] = gone
record[15], record[16] = nil, nil
return parts
