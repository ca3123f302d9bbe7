-- Adds one batch of one SLO, exactly once; answers the highest number that is noted for its writer.
-- KEYS: the record, the writer's note, then every block that is written to, and with a declaration the blocks of 900 s and
--       those of days that may be there already.
-- ARGV: the numbers as a JSON list (one argument costs the client a twentieth of twenty), and with a declaration the
--       definition, the fingerprint, and since when it is measured.
-- The numbers: 1 number, 2 good, 3 bad, 4 dropped, 5 errors, 6 earliest or false, 7 newest or false, 8 seconds a note is
--       kept, 9 keeps or 0, 10 and 11 the index in KEYS after which the declaration's blocks of 900 s and of days come, then
--       for each increment: index of its block in KEYS, width, bucket, place in its block, good, bad.
local BLOCK_BYTES = {[1] = 4800, [60] = 3840, [900] = 3072, [86400] = 512}
local numbers = cjson.decode(ARGV[1])
local noted = tonumber(redis.call('GET', KEYS[2]) or 0)
local number = numbers[1]
if noted ~= number - 1 then return noted end

local record = redis.call('HMGET', KEYS[1], 'newest', 'keeps', 'since', 'fingerprint')
local declares = ARGV[2] ~= nil
-- A note without its record: this part of the store has been lost. -1 is a gap before every batch.
if not record[2] and not declares then return -1 end

local now = redis.call('TIME')
local keeps = tonumber(record[2] or 0)
local fields = {'flushed', now[1]}
local function set(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end
local since = record[3]
local grows = declares and record[2] and numbers[9] > keeps
if declares then
  keeps = math.max(keeps, numbers[9])
  set('keeps', string.format('%d', keeps))
  set('definition', ARGV[2])
  set('fingerprint', ARGV[3])
  if record[4] and record[4] ~= ARGV[3] then
    set('changed_at', string.format('%d.%06d', now[1], now[2]))
  end
  if not since or tonumber(ARGV[4]) < tonumber(since) then since = ARGV[4] end
end

-- What every window needs: the span of the tier, the bucket cut by its edge, two minutes of clock difference.
local function kept(width)
  if width == 1 then return 3722 end
  if width == 60 then return 1444 end
  return math.ceil((math.max(keeps, 86400) + 120) / width) + 2
end

local function lives(width)
  return kept(width) * width + 2 * BLOCK_BYTES[width] / 16 * width + 240
end

if grows then
  for at = numbers[10] + 1, #KEYS do
    redis.call('EXPIRE', KEYS[at], lives(at <= numbers[11] and 900 or 86400))
  end
end

local good, bad, dropped = numbers[2], numbers[3], numbers[4]
if numbers[7] then
  local earliest, newest = numbers[6], numbers[7]
  if record[1] and tonumber(record[1]) >= newest then
    newest = tonumber(record[1])
  else
    set('newest', string.format('%d', newest))
  end
  -- An event from a clock that runs far ahead must not push out everybody else's.
  local reference = math.min(newest, tonumber(now[1]) + 60)
  local all_kept = earliest >= reference - 3600
  for at = 12, #numbers, 6 do
    local width, bucket = numbers[at + 1], numbers[at + 2]
    local is_kept = all_kept or bucket >= math.floor(reference / width) - kept(width) + 1
    if is_kept then
      local block = KEYS[numbers[at]]
      if redis.call('EXISTS', block) == 0 then
        -- At its full length from the start: a string that grows is given twice the room it needs.
        redis.call('SETRANGE', block, BLOCK_BYTES[width] - 1, '\0')
        redis.call('EXPIRE', block, lives(width))
      end
      local place, more_good, more_bad = numbers[at + 3] * 2, numbers[at + 4], numbers[at + 5]
      if more_bad == 0 then
        redis.call('BITFIELD', block, 'INCRBY', 'i64', '#' .. place, more_good)
      elseif more_good == 0 then
        redis.call('BITFIELD', block, 'INCRBY', 'i64', '#' .. (place + 1), more_bad)
      else
        redis.call('BITFIELD', block, 'INCRBY', 'i64', '#' .. place, more_good,
          'INCRBY', 'i64', '#' .. (place + 1), more_bad)
      end
    elseif width == 900 then
      good, bad = good - numbers[at + 4], bad - numbers[at + 5]
      dropped = dropped + numbers[at + 4] + numbers[at + 5]
    end
  end
  local oldest = math.floor(reference / 900) - kept(900) + 1
  if math.floor(earliest / 900) >= oldest and earliest + 1 <= tonumber(since) then
    since = string.format('%d', earliest)
  end
end
if since ~= record[3] then set('since', since) end

redis.call('HSET', KEYS[1], unpack(fields))
for name, count in pairs({good = good, bad = bad, dropped = dropped, errors = numbers[5]}) do
  if count ~= 0 then redis.call('HINCRBY', KEYS[1], name, string.format('%d', count)) end
end
redis.call('EXPIRE', KEYS[1], math.max(keeps, 86400) + 604800)
redis.call('SET', KEYS[2], number, 'EX', numbers[8])
return number
