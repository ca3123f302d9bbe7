-- Adds one batch of one SLO, exactly once; answers the highest number that is noted for its writer.
-- KEYS: the record, the writer's note, then every block that is written to, and with a declaration the blocks of
--       a quarter of an hour and those of days that may be there already.
-- ARGV: 64-bit integers, big-endian: number, good, bad, dropped, errors, earliest, newest, then for each increment the
--       index of its block in KEYS, width, bucket, good, bad; earliest and newest mean nothing without an increment.
--       With a declaration the definition, the fingerprint, since when it is measured, how long it is kept, and the index in KEYS after
--       which its blocks of quarters come, and that after which those of days do.
-- A redis.call costs about a microsecond, twenty SLOs are flushed in a millisecond: hence no more of them than needed,
-- and what goes to them at every flush as text, since Redis 7.0 writes a number with 17 digits (a tenth of all).
-- Lua's numbers are exact up to 2^53: a million events a second for 285 years.
-- Its constants come from SCRIPT_CONSTANTS of blocks.py, written before this text.
local FIRST_INCREMENT = 7 * 8 + 1 -- after seven numbers of eight bytes
local call, unpacked, formatted, packed = redis.call, struct.unpack, string.format, ARGV[1]
local number, good, bad, dropped, errors, earliest, newest, at = unpacked('>i8i8i8i8i8i8i8', packed)
local noted = tonumber(call('GET', KEYS[2]) or 0)
if noted ~= number - 1 then return noted end

local record = call('HMGET', KEYS[1], 'newest', 'keeps', 'since', 'fingerprint', 'good', 'bad')
local declares = ARGV[2] ~= nil
-- A note without its record: this part of the store has been lost. -1 is a gap before every batch.
if not record[2] and not declares then return -1 end

local now = call('TIME')
local keeps = tonumber(record[2] or 0)
local fields = {'flushed', now[1]}
local function set(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end

-- How many buckets every window needs; as `Tier.bucket_count` of window.py has it.
local function kept(width)
  return BUCKETS_KEPT[width] or math.ceil((math.max(keeps, LEAST_KEPT_SECONDS) + SLACK_SECONDS) / width) + EDGE_BUCKETS
end

local function lives(width)
  return kept(width) * width + 2 * (BLOCK_BUCKETS[width] * width + SLACK_SECONDS)
end

local since = record[3]
if declares then
  local grows = record[2] and tonumber(ARGV[5]) > keeps
  keeps = math.max(keeps, tonumber(ARGV[5]))
  set('keeps', formatted('%d', keeps))
  set('definition', ARGV[2])
  set('fingerprint', ARGV[3])
  if record[4] and record[4] ~= ARGV[3] then
    set('changed_at', formatted('%d.%06d', now[1], now[2]))
  end
  if not since or tonumber(ARGV[4]) < tonumber(since) then since = ARGV[4] end
  if grows then
    for index = tonumber(ARGV[6]) + 1, #KEYS do
      call('EXPIRE', KEYS[index], lives(index <= tonumber(ARGV[7]) and QUARTER_HOUR or DAY))
    end
  end
end

if at <= #packed then
  if record[1] and tonumber(record[1]) >= newest then
    newest = tonumber(record[1])
  else
    set('newest', formatted('%d', newest))
  end
  -- An event from a clock that runs far ahead must not push out all others.
  local reference = math.min(newest, tonumber(now[1]) + FUTURE_TOLERANCE_SECONDS)
  local all_kept = earliest >= reference - SECONDS_SPAN
  repeat
    local index, width, bucket, more_good, more_bad
    index, width, bucket, more_good, more_bad, at = unpacked('>i8i8i8i8i8', packed, at)
    if all_kept or bucket >= math.floor(reference / width) - kept(width) + 1 then
      local block, size = KEYS[index], BLOCK_BUCKETS[width]
      local first = bucket % size * BUCKET_BYTES
      -- Quicker than EXISTS and BITFIELD, which goes from bit to bit.
      local from = formatted('%d', first)
      local counters = call('GETRANGE', block, from, formatted('%d', first + BUCKET_BYTES - 1))
      local old_good, old_bad = 0, 0
      if counters == '' then
        -- At its full length from the start: a string that grows is given twice the room it needs.
        call('SETRANGE', block, size * BUCKET_BYTES - 1, '\0')
        call('EXPIRE', block, lives(width))
      else
        old_good, old_bad = unpacked('>i8i8', counters)
      end
      call('SETRANGE', block, from, struct.pack('>i8i8', old_good + more_good, old_bad + more_bad))
    elseif width == QUARTER_HOUR then
      good, bad, dropped = good - more_good, bad - more_bad, dropped + more_good + more_bad
    end
  until at > #packed
  local kept_since = (math.floor(reference / QUARTER_HOUR) - kept(QUARTER_HOUR) + 1) * QUARTER_HOUR
  if earliest < kept_since then
    -- Once more, for the earliest that is not older than everything kept; as `_earliest_kept` of layout.py has it.
    earliest, at = nil, FIRST_INCREMENT
    repeat
      local _, width, bucket
      _, width, bucket, _, _, at = unpacked('>i8i8i8i8i8', packed, at)
      local start = bucket * width
      if start >= kept_since and (not earliest or start + width <= earliest) then earliest = start end
    until at > #packed
  end
  if earliest and earliest + 1 <= tonumber(since) then
    since = formatted('%d', earliest)
  end
end
if since ~= record[3] then set('since', since) end

if good ~= 0 then set('good', formatted('%d', tonumber(record[5] or 0) + good)) end
if bad ~= 0 then set('bad', formatted('%d', tonumber(record[6] or 0) + bad)) end
call('HSET', KEYS[1], unpack(fields))
if dropped ~= 0 then call('HINCRBY', KEYS[1], 'dropped', formatted('%d', dropped)) end
if errors ~= 0 then call('HINCRBY', KEYS[1], 'errors', formatted('%d', errors)) end
call('EXPIRE', KEYS[1], formatted('%d', math.max(keeps, LEAST_KEPT_SECONDS) + RECORD_MORE_SECONDS))
call('SETEX', KEYS[2], formatted('%d', NOTE_SECONDS), formatted('%d', number))
return number
