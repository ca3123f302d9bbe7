-- All closed periods of one SLO: field, value, field, value... A field may come twice.
-- KEYS: the hash. HSCAN, not HGETALL: then a user of the store needs no more rights than before.
local all, cursor = {}, '0'
repeat
  local scan = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', '1000')
  cursor = scan[1]
  for index = 1, #scan[2] do all[#all + 1] = scan[2][index] end
until cursor == '0'
return all
