-- Adds one batch of one SLO, exactly once; answers what is noted of its writer.
-- KEYS: the record, the causes where the batch brings some, then every block that is written to, and with a declaration the blocks that may be there already: those
--       of a quarter of an hour, those of days, and where names have no generation those of minutes and seconds.
-- ARGV: One string, since each argument takes its time. 64-bit integers, big-endian: number, good, bad, dropped, errors,
--       earliest, newest; earliest and newest mean nothing without an increment. Texts, each with a zero byte at its end: the
--       writer, the nonce, whether the writer leaves ('1') or the batch is live ('live'), the generation that stands in the
--       names of blocks, and of batch 1 the generation before it, and what was swept and when (''; see `is_outdated` of
--       layout.py). For each increment the index of its block in KEYS (16 bits), width (32), bucket, good, bad (64 each), and
--       as texts its first and last byte in the block.
--       With a declaration the definition, the fingerprint, since when it is measured, how long it is kept, and the index in
--       KEYS after which its blocks of quarters come, that after which those of days do, that after which all others do, and
--       since when a copy is kept ('').
--       And where the batch brings causes or latencies, these as JSON: increments of causes, blocks of causes, increments of
--       latencies, blocks of latencies, and true where causes are added to the totals, too; see causes.lua.
-- The answer: number, applied, swept, the second in which the latest note swept was written, eight bytes each; then the
--       generation, 16 bytes or '-', and the nonce; and 'damaged' where causes were. 'names' and a generation: KEYS are of another one, and nothing was added.
-- A redis.call costs about a microsecond, twenty SLOs are flushed in a millisecond: hence no more of them than needed,
-- and what goes to them at every flush as text, since Redis 7.0 writes a number with 17 digits (a tenth of all).
-- Lua's numbers are exact up to 2^53: a million events a second for 285 years.
-- Its constants come from SCRIPT_CONSTANTS of blocks.py, written before this text.
local INCREMENT = '>I2I4i8i8i8ss'
local call, unpacked, formatted, packed, record_key = redis.call, struct.unpack, string.format, ARGV[1], KEYS[1]
local number, good, bad, dropped, errors, earliest, newest, writer, nonce, mark, generation, after_generation, after_swept,
  after_swept_at, first_increment = unpacked('>i8i8i8i8i8i8i8sssssss', packed)
local at, note_field, declares = first_increment, 'n:' .. writer, ARGV[9] ~= nil
local causes, is_damaged = ARGV[declares and 10 or 2], false

local record = call('HMGET', record_key, 'newest', 'keeps', 'since', 'fingerprint', 'good', 'bad', 'generation', 'applied',
  'swept', 'swept_at', note_field, 'flushed', 'totals')
local exists = record[2]
local grows = declares and exists and tonumber(ARGV[5]) > tonumber(exists)
local applied, swept, swept_at = tonumber(record[8] or 0), tonumber(record[9] or 0), tonumber(record[10] or 0)
local good_before, bad_before = tonumber(record[5] or 0), tonumber(record[6] or 0)
if not (tonumber(record[1] or 0) and tonumber(exists or 0) and tonumber(record[3] or 0) and tonumber(record[12] or 0)
  and good_before and bad_before and applied and swept and swept_at) then
  -- Before anything is written: the batch comes again.
  return redis.error_reply('DAMAGED a field of the record is no number')
end
if exists then
  local own = record[7] or ''
  if own ~= generation and (at <= #packed or grows) then return 'names' .. own end
  generation = own
end

local noted, noted_applied, noted_nonce = 0, 0, ''
if record[11] then
  noted, noted_applied = unpacked('>i8i8', record[11])
  noted_nonce = string.sub(record[11], 25)
end

local function answer(of_number, of_applied, of_nonce)
  local name = '-'
  if exists or declares then name = 'g' .. generation end
  return struct.pack('>i8i8i8i8', of_number, of_applied, swept, swept_at) .. name .. ' ' .. of_nonce
end

local now = call('TIME')
local fields = {}
local function set(name, value)
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end

local gap = number ~= 0 and noted ~= number - 1
if exists and number ~= 0 and not record[11] then
  -- How many notes there are, by what Redis knows at once; fewer than there should be: another hand has removed some, and any
  -- of them may be this writer's.
  local OTHER_FIELDS = {'good', 'bad', 'dropped', 'errors', 'since', 'newest', 'keeps', 'definition', 'fingerprint',
    'changed_at', 'flushed', 'generation', 'applied', 'swept', 'swept_at', 'blocks', 'lost', 'cursor', 'declared', 'kept', 'totals', 'notes'}
  local others, there = call('HMGET', record_key, unpack(OTHER_FIELDS)), call('HLEN', record_key)
  for index = 1, #OTHER_FIELDS do
    if others[index] then there = there - 1 end
  end
  if there < tonumber(others[#OTHER_FIELDS] or 0) then
    swept, swept_at = applied, tonumber(now[1])
    call('HSET', record_key, 'swept', formatted('%d', swept), 'swept_at', now[1], 'notes', formatted('%d', there))
  end
  if after_generation ~= '' then
    local was_swept = swept > tonumber(after_swept) and swept_at >= math.floor(tonumber(after_swept_at))
    gap = gap or after_generation ~= 'g' .. generation or was_swept
  end
end
if gap or not (exists or declares) or (number == 0 and not declares) then
  declares = false
  if not exists then return answer(0, 0, '') end
  if record[11] and mark == '1' and nonce ~= '' and noted_nonce == nonce then
    call('HDEL', record_key, note_field)
    call('HINCRBY', record_key, 'notes', '-1')
    if noted_applied > swept then call('HSET', record_key, 'swept', formatted('%d', noted_applied)) end
  end
  return answer(noted, noted_applied, noted_nonce)
end

local keeps = tonumber(exists or 0)

-- How many buckets every window needs; as `Tier.bucket_count` of window.py has it.
local function kept(width)
  return BUCKETS_KEPT[width] or math.ceil((math.max(keeps, LEAST_KEPT_SECONDS) + SLACK_SECONDS) / width) + EDGE_BUCKETS
end

local function lives(width)
  return kept(width) * width + 2 * (BLOCK_BUCKETS[width] * width + SLACK_SECONDS)
end

local since = record[3]
if declares then
  local kept_since = tonumber(ARGV[9])
  if grows and record[1] and tonumber(ARGV[5]) > LEAST_KEPT_SECONDS then -- as `kept_after_growing` of layout.py has it
    local idle = math.max(0, tonumber(now[1]) - tonumber(record[12] or now[1]))
    local reference = math.min(tonumber(record[1]) + idle, tonumber(now[1]) + FUTURE_TOLERANCE_SECONDS)
    local first = math.floor(reference / QUARTER_HOUR) - kept(QUARTER_HOUR) + 1
    kept_since = math.max(kept_since or 0, first * QUARTER_HOUR)
  end
  if kept_since then
    set('kept', formatted('%d', math.max(kept_since, tonumber(call('HGET', record_key, 'kept') or kept_since))))
  end
  keeps = math.max(keeps, tonumber(ARGV[5]))
  set('keeps', formatted('%d', keeps))
  set('definition', ARGV[2])
  set('fingerprint', ARGV[3])
  set('declared', now[1])
  if record[4] and record[4] ~= ARGV[3] then
    set('changed_at', formatted('%d.%06d', now[1], now[2]))
  end
  if not since or tonumber(ARGV[4]) < tonumber(since) then since = ARGV[4] end
  if not exists then
    if generation ~= '' then
      set('generation', generation)
    else
      -- Blocks of a record that is gone.
      for index = 2, #KEYS do call('UNLINK', KEYS[index]) end
    end
  else
    if grows then
      for index = tonumber(ARGV[6]) + 1, tonumber(ARGV[8]) do
        call('EXPIRE', KEYS[index], lives(index <= tonumber(ARGV[7]) and QUARTER_HOUR or DAY))
      end
    end
    -- Notes of writers that have been silent for long: some at a time, from where the last look ended.
    local cursor, gone = call('HGET', record_key, 'cursor') or '0', {}
    local scan = call('HSCAN', record_key, cursor, 'MATCH', 'n:*', 'COUNT', SWEPT_AT_ONCE)
    local silent_since, silent_seconds = tonumber(now[1]) - SWEPT_AT_LAST_SECONDS, nil
    for index = 2, #scan[2], 2 do
      silent_seconds = now[1] - struct.unpack('>i8', scan[2][index], 17)
      -- It was awake while others were silent: see AWAKE_SECONDS of layout.py.
      if silent_seconds >= AWAKE_SECONDS and silent_seconds <= SWEPT_SECONDS then silent_since = now[1] - SWEPT_SECONDS end
    end
    for index = 2, #scan[2], 2 do
      local _, of_applied, noted_at = unpacked('>i8i8i8', scan[2][index])
      if noted_at < silent_since and #gone < SWEPT_AT_ONCE then
        gone[#gone + 1] = scan[2][index - 1]
        swept, swept_at = math.max(swept, of_applied), math.max(swept_at, noted_at)
      end
    end
    if #gone > 0 then
      call('HDEL', record_key, unpack(gone))
      call('HINCRBY', record_key, 'notes', formatted('%d', -#gone))
      set('swept', formatted('%d', swept))
      set('swept_at', formatted('%d', swept_at))
    end
    if scan[1] ~= '0' then set('cursor', scan[1]) else call('HDEL', record_key, 'cursor') end
  end
end

if at <= #packed then
  local replayed_until = tonumber(record[1] or newest) + math.max(keeps, LEAST_KEPT_SECONDS) + DAY
  if replayed_until < newest and replayed_until < tonumber(record[12] or 0) then
    since = nil -- see `is_after_a_replay` of layout.py
  end
  if record[1] and tonumber(record[1]) >= newest then
    newest = tonumber(record[1])
  else
    set('newest', formatted('%d', newest))
  end
  -- An event from a clock that runs far ahead must not push out all others.
  local reference = math.min(newest, tonumber(now[1]) + FUTURE_TOLERANCE_SECONDS)
  local all_kept = earliest >= reference - SECONDS_SPAN
  repeat
    local index, width, bucket, more_good, more_bad, from, to
    index, width, bucket, more_good, more_bad, from, to, at = unpacked(INCREMENT, packed, at)
    if all_kept or bucket >= math.floor(reference / width) - kept(width) + 1 then
      -- Quicker than EXISTS and BITFIELD, which goes from bit to bit.
      local block = KEYS[index]
      local counters = call('GETRANGE', block, from, to)
      local old_good, old_bad = 0, 0
      if counters == '' then
        -- At its full length from the start: a string that grows is given twice the room it needs.
        call('SETRANGE', block, BLOCK_BUCKETS[width] * BUCKET_BYTES - 1, '\0')
        call('EXPIRE', block, lives(width))
        -- The record lists the blocks that it has written, with the second until which they live: one that is listed and is
        -- not there has been thrown away.
        local name, listed = string.match(block, '(%d+:%d+)$'), {}
        for other, ends in string.gmatch(call('HGET', record_key, 'blocks') or '', '(%d+:%d+)=(%d+)') do
          if other == name then
            if tonumber(ends) > tonumber(now[1]) then call('HINCRBY', record_key, 'lost', '1') end
          elseif tonumber(ends) > tonumber(now[1]) then
            listed[#listed + 1] = other .. '=' .. ends
          end
        end
        listed[#listed + 1] = name .. '=' .. formatted('%d', tonumber(now[1]) + lives(width))
        call('HSET', record_key, 'blocks', ' ' .. table.concat(listed, ' ') .. ' ')
      else
        old_good, old_bad = unpacked('>i8i8', counters)
      end
      call('SETRANGE', block, from, struct.pack('>i8i8', old_good + more_good, old_bad + more_bad))
    elseif width == QUARTER_HOUR and mark ~= 'live' then
      good, bad, dropped = good - more_good, bad - more_bad, dropped + more_good + more_bad
    end
  until at > #packed
  local kept_since = (math.floor(reference / QUARTER_HOUR) - kept(QUARTER_HOUR) + 1) * QUARTER_HOUR
  if earliest < kept_since then
    -- Once more, for the earliest that is not older than everything kept; as `_earliest_kept` of layout.py has it.
    earliest, at = nil, first_increment
    repeat
      local _, width, bucket
      _, width, bucket, _, _, _, _, at = unpacked(INCREMENT, packed, at)
      local start = bucket * width
      if start >= kept_since and (not earliest or start + width <= earliest) then earliest = start end
    until at > #packed
  end
  if earliest and (not since or earliest + 1 <= tonumber(since)) then since = formatted('%d', earliest) end
  since = since or record[3]
  if causes and not pcall(function()
    local given_parts = cjson.decode(causes)
    for kind, most_rows in ipairs({MOST_CAUSES, MOST_LATENCIES}) do
      local given, more = {given_parts[2 * kind - 1], given_parts[2 * kind], kind == 1 and given_parts[5]}, kind - 1
      if given[1] and #given[1] + #given[2] > 0 then
        (function()
          --[[causes.lua]]
        end)()
      end
    end
  end) then
    -- Whatever is wrong with them: half a batch would be added twice.
    call('UNLINK', KEYS[2])
    is_damaged = true
  end
end
if since ~= record[3] then set('since', since) end

if number ~= 0 then
  applied = applied + 1
  noted, noted_applied, noted_nonce = number, applied, nonce
  set('flushed', now[1])
  set('applied', formatted('%d', applied))
  set(note_field, struct.pack('>i8i8i8', number, applied, now[1]) .. nonce)
end
if good ~= 0 then set('good', formatted('%d', good_before + good)) end
if bad ~= 0 then set('bad', formatted('%d', bad_before + bad)) end
call('HSET', record_key, unpack(fields))
if number ~= 0 and not record[11] then call('HINCRBY', record_key, 'notes', '1') end
if dropped ~= 0 then call('HINCRBY', record_key, 'dropped', formatted('%d', dropped)) end
if errors ~= 0 then call('HINCRBY', record_key, 'errors', formatted('%d', errors)) end
-- Seldom is often enough for what lives seven days more than it must.
if declares or math.floor(tonumber(record[12] or 0) / RECORD_SET_SECONDS) ~= math.floor(now[1] / RECORD_SET_SECONDS) then
  call('EXPIRE', record_key, formatted('%d', math.max(keeps, LEAST_KEPT_SECONDS) + RECORD_MORE_SECONDS))
end
return answer(noted, noted_applied, noted_nonce) .. (is_damaged and ' damaged' or '')
