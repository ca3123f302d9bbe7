-- Writes closed periods of one SLO. The hash has a field for each period, 'kind:start'; its value has a line for each
-- fingerprint: 'fingerprint end target measured_since good bad is_final'.
-- KEYS: the hash. ARGV: for each row its field, its fingerprint, 'end target', measured_since, good, bad, is_final.
-- Its constants come from periods.py, written before this text.
local call, key, fields = redis.call, KEYS[1], {}
for index = 1, #ARGV, 7 do
  local field, fingerprint, fixed, since, good, bad, final = unpack(ARGV, index, index + 6)
  local lines, is_known = {}, false
  -- A row of the same period in the same call comes after this one, and sees it.
  for line in string.gmatch(fields[field] or call('HGET', key, field) or '', '[^\n]+') do
    local of, its_fixed, its_good, its_bad, its_final = string.match(line, '^(%S+) (%S+ %S+) %S+ (%d+) (%d+) ([01])$')
    if not of then return redis.error_reply('DAMAGED a closed period is none') end
    if of == fingerprint then
      is_known = true
      if its_final == '0' and tonumber(good) + tonumber(bad) >= tonumber(its_good) + tonumber(its_bad) then
        line = table.concat({fingerprint, its_fixed, since, good, bad, final}, ' ')
      end
    end
    lines[#lines + 1] = line
  end
  if not is_known then lines[#lines + 1] = table.concat({fingerprint, fixed, since, good, bad, final}, ' ') end
  fields[field] = table.concat(lines, '\n')
end
for field, value in pairs(fields) do call('HSET', key, field, value) end
call('EXPIRE', key, string.format('%d', LIVES_SECONDS))
if call('HLEN', key) > MOST_FIELDS then
  local kept_from, cursor, old = tonumber(call('TIME')[1]) - KEPT_SECONDS, '0', {}
  repeat
    local scan = call('HSCAN', key, cursor, 'COUNT', '1000')
    cursor = scan[1]
    for index = 1, #scan[2], 2 do
      local start = string.match(scan[2][index], ':(%-?%d+)$')
      if start and tonumber(start) < kept_from then old[#old + 1] = scan[2][index] end
    end
  until cursor == '0'
  for _, field in ipairs(old) do call('HDEL', key, field) end
end
return 1
