-- Adds recent failures of one SLO: a hash with a field for each of so many places, which are filled in turn.
-- KEYS: the failures. ARGV: how many places there are, how long they live (s); then the failures, the oldest first.
local places, count = tonumber(ARGV[1]), #ARGV - 2
local next = redis.pcall('HINCRBY', KEYS[1], 'next', count)
if type(next) ~= 'number' then -- another program's
  redis.call('UNLINK', KEYS[1])
  next = redis.call('HINCRBY', KEYS[1], 'next', count)
end
for index = 1, count do
  redis.call('HSET', KEYS[1], string.format('%d', (next - count + index) % places), ARGV[2 + index])
end
redis.call('EXPIRE', KEYS[1], ARGV[2])
return count
