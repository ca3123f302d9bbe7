-- Writes the marks of a service, or the episodes of an SLO, unless others were written since they were read; answers 1, or 0 then.
-- KEYS: a hash of a version and of when each mark was seen, or of the content of each episode.
-- ARGV: the version that was read ('' without one), how long they live (s), how many are deleted; those; then pairs to be set.
if (redis.call('HGET', KEYS[1], 'version') or '') ~= ARGV[1] then return 0 end
local deleted = tonumber(ARGV[3])
for index = 4, 3 + deleted do redis.call('HDEL', KEYS[1], ARGV[index]) end
for index = 4 + deleted, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[index], ARGV[index + 1]) end
redis.call('HINCRBY', KEYS[1], 'version', 1)
redis.call('EXPIRE', KEYS[1], ARGV[2])
return 1
