-- Reads one SLO at one moment: its record, the clock, and parts of blocks.
-- KEYS: the record, then a block for each part. ARGV: first and last byte of each part.
local parts = {
  redis.call('TIME'),
  redis.call('HMGET', KEYS[1], 'good', 'bad', 'dropped', 'errors', 'since', 'newest', 'keeps', 'definition',
    'fingerprint', 'changed_at', 'flushed'),
}
for index = 2, #KEYS do
  parts[index + 1] = redis.call('GETRANGE', KEYS[index], ARGV[2 * index - 3], ARGV[2 * index - 2])
end
return parts
