-- Deletes the record, the blocks, the closed periods, the episodes and the recent failures of one SLO; answers 1, or 0 where a process was heard of later.
-- KEYS: the record, the closed periods, the episodes. ARGV: the beginning of its blocks' keys, without a generation; and until when none may have been heard of.
-- The record lists its blocks; they lie in its slot. Those that are not listed any more expire, and no other record has them.
local record = redis.call('HMGET', KEYS[1], 'flushed', 'declared', 'generation', 'blocks')
for index = 1, 2 do
  if (tonumber(record[index] or '') or 0) > tonumber(ARGV[2]) then return 0 end
end
local tag = ARGV[1]
if record[3] then tag = tag .. ':' .. record[3] end
for block in string.gmatch(record[4] or '', '(%d+:%d+)=%d+') do redis.call('UNLINK', tag .. ':' .. block) end
redis.call('UNLINK', KEYS[1], KEYS[2], KEYS[3], tag .. ':causes', ARGV[1] .. ':failures')
return 1
