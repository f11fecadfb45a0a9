"""The job store's atomic steps, in Lua.

A record is a hash: `doc` is the job's JSON, beside it lie the fields that change without a new document (`rev`,
`progress`, `lease_until`) and those the scripts decide by. `place` is the job's member in its owner's indexes,
which sort by it: time of creation, then id. `webhook` is the JSON of its webhook's delivery, once there was a try.

A job of a batch has the batch's id as `batch`, and is counted in its record (see `redis_batches`).

Where a queued job stands in its line, `redis_line_scripts` tells; `turn` and `audio_ms` are what it counts there.

Changes are published for those who listen (see `redis_events`): a beat's once for each whole percent.
"""

from services.shared.adapters.redis_client import NEWS, PREFIX
from services.shared.adapters.redis_line_scripts import STANDS

#: Before a batch's id among those whose webhooks are due.
BATCH_DUE = "batch:"

#: How many jobs an owner has under way, two of its indexes tell.
LIMITS = f"""
local function places(owner, status)
  return '{PREFIX}:' .. status .. ':' .. owner
end

local function too_many(owner, more, limit)
  local under_way = redis.call('ZCARD', places(owner, 'queued')) + redis.call('ZCARD', places(owner, 'processing'))
  return limit > 0 and under_way + more > limit
end
"""

#: KEYS of every script: the record, all queued jobs by creation, all processing jobs by end of lease, the ended jobs
#: and batches whose webhooks are due, by when, and those whose audio is to be deleted, by when.
_INDEXES = f"""
{LIMITS}
{STANDS}
local record, queued, leases, dues, audio = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]

local function index(id, owner, status, place, created_at, lease_until, ...)
  redis.call('ZADD', places(owner, 'all'), 0, place)
  redis.call('ZADD', places(owner, status), 0, place)
  if status == 'queued' then
    redis.call('ZADD', queued, created_at, id)
    stand(id, owner, ...)
  end
  if status == 'processing' then redis.call('ZADD', leases, tonumber(lease_until) and lease_until or 0, id) end
end

local function unindex(id, owner, status, place, ...)
  redis.call('ZREM', places(owner, status), place)
  redis.call('ZREM', queued, id)
  redis.call('ZREM', leases, id)
  if status == 'queued' then leave(id, owner, ...) end
end

-- Each job of a batch is counted once, where it stands; the batch is kept from the end of its last job on.
local function recount(batch, was, status, ended_at, ttl)
  local key = '{PREFIX}:batch:' .. (batch or '')
  if not batch or was == status or redis.call('EXISTS', key) == 0 then return end
  redis.call('HINCRBY', key, was, -1)
  redis.call('HINCRBY', key, status, 1)
  if ended_at ~= '' then redis.call('HSET', key, 'ended_at', ended_at) end
  local left = redis.call('HMGET', key, 'queued', 'processing')
  if left[1] == '0' and left[2] == '0' then
    if redis.call('HEXISTS', key, 'webhook_url') == 1 then
      redis.call('ZADD', dues, redis.call('HGET', key, 'ended_at') or 0, '{BATCH_DUE}' .. batch)
    end
    redis.call('EXPIRE', key, ttl)
    redis.call('EXPIRE', '{PREFIX}:batch-jobs:' .. batch, ttl)
  end
end

-- A user of the server who may not publish loses events, not jobs.
local function publish(id, news)
  redis.pcall('PUBLISH', '{NEWS}' .. id, news)
end
"""

#: ARGV: id, owner, status, place, created_at, lease_until, document, progress, attempt, cancel, when its webhook is
#: due and when its audio is to be deleted ('' for never), batch ('' for none), ended_at ('' for not yet), lane,
#: turn, milliseconds of audio, enqueued_at, not_before, deadline (each '' for never), traceparent, how many jobs of the
#: owner may be under way, and how many milliseconds of audio queued (0 for any number).
#: Returns {'ok'}, with how many are before a job that is queued, and how many of its lane were sent; {'stale'} where
#: the id is taken by another document; {'full'} or {'crowded'}; {'full'} also where its batch was not stored.
#: Looks at the owner's eight oldest places on the way, so that the index does not outgrow the records.
ADD = (
    _INDEXES
    + f"""
local id, owner, status, place, created_at, lease_until, doc,
  progress, attempt, cancel, due, expires_at, batch, _,
  lane, turn, audio_ms, sent_at, not_before, deadline, traceparent, limit, room = unpack(ARGV)
local function stored(now)
  if now ~= 'queued' then return {{'ok'}} end
  return {{'ok', ahead_of(lane) + place_in(lane, id), redis.call('ZCARD', line('sent', lane))}}
end
if redis.call('EXISTS', record) == 1 then
  if redis.call('HGET', record, 'doc') ~= doc then return {{'stale'}} end
  return stored(redis.call('HGET', record, 'status'))
end
if too_many(owner, 1, tonumber(limit)) then return {{'full'}} end
if is_crowded(owner, tonumber(audio_ms), tonumber(room)) then return {{'crowded'}} end
if batch ~= '' and redis.call('EXISTS', '{PREFIX}:batch:' .. batch) == 0 then return {{'full'}} end
redis.call('HSET', record, 'doc', doc, 'rev', 0, 'owner', owner, 'status', status, 'place', place,
  'attempt', attempt, 'progress', progress, 'lease_until', lease_until, 'cancel', cancel,
  'priority', lane, 'turn', turn, 'audio_ms', audio_ms, 'enqueued_at', sent_at, 'traceparent', traceparent)
if batch ~= '' then redis.call('HSET', record, 'batch', batch) end
index(id, owner, status, place, created_at, lease_until,
  lane, turn, audio_ms, sent_at, not_before, deadline)
if due ~= '' then redis.call('ZADD', dues, due, id) end
if expires_at ~= '' then redis.call('ZADD', audio, expires_at, id) end
for _, old in ipairs(redis.call('ZRANGE', places(owner, 'all'), 0, 7)) do
  if redis.call('EXISTS', '{PREFIX}:job:' .. string.sub(old, 17)) == 0 then
    for _, scope in ipairs({{'all', 'succeeded', 'failed', 'canceled', 'expired'}}) do
      redis.call('ZREM', places(owner, scope), old)
    end
  end
end
return stored(status)
"""
)

#: ARGV: as for ADD but its last two, then the expected revision, the seconds to keep the record ('' for good), and the
#: seconds of audio that were made ('' for none) with where they are counted.
#: Returns {'gone'}, {'stale', revision} or {'ok', revision, progress, lease_until}.
#: An ended job stored a second time is no conflict: the first reply may have been lost on the way.
REPLACE = (
    _INDEXES
    + """
local id, owner, status, place, created_at, lease_until, doc,
  progress, attempt, cancel, due, expires_at, batch, ended_at,
  lane, turn, audio_ms, sent_at, not_before, deadline, _, revision, ttl, spoken, account = unpack(ARGV)
local was = redis.call('HMGET', record, 'rev', 'status', 'attempt', 'progress', 'lease_until', 'doc', 'batch',
  'audio_ms')
if not was[1] then return {'gone'} end
if ttl ~= '' and was[6] == doc then return {'ok', was[1], was[4], was[5]} end
if was[1] ~= revision then return {'stale', was[1]} end
if status == 'processing' and was[3] == attempt then
  -- A writer that read the job before the latest beat must not take that beat back.
  if (tonumber(was[4]) or 0) > (tonumber(progress) or 0) then progress = was[4] end
  if (tonumber(was[5]) or 0) > (tonumber(lease_until) or 0) then lease_until = was[5] end
end
local rev = redis.call('HINCRBY', record, 'rev', 1)
redis.call('HSET', record, 'doc', doc, 'status', status, 'attempt', attempt, 'progress', progress,
  'lease_until', lease_until, 'cancel', cancel, 'priority', lane, 'turn', turn, 'audio_ms', audio_ms,
  'enqueued_at', sent_at)
unindex(id, owner, was[2], place, lane, turn, was[8], status == 'queued')
index(id, owner, status, place, created_at, lease_until, lane, turn, audio_ms, sent_at, not_before, deadline)
if was[2] == 'queued' or was[2] == 'processing' then
  if due ~= '' then redis.call('ZADD', dues, due, id) end
  if expires_at ~= '' then redis.call('ZADD', audio, expires_at, id) end
  if spoken ~= '' then
    redis.call('INCRBYFLOAT', account, spoken)
    redis.call('EXPIRE', account, 172800)
  end
end
if ttl ~= '' and redis.call('TTL', record) < 0 then redis.call('EXPIRE', record, ttl) end
recount(was[7], was[2], status, ended_at, ttl)
publish(id, rev .. ' ' .. progress)
return {'ok', tostring(rev), progress, lease_until}
"""
)

#: ARGV: id, attempt, progress, lease_until. Returns {owned, cancel}, each '0' or '1'.
BEAT = (
    _INDEXES
    + """
local id, attempt, progress, lease_until = unpack(ARGV)
local was = redis.call('HMGET', record, 'status', 'attempt', 'cancel', 'progress', 'rev')
if was[1] ~= 'processing' or was[2] ~= attempt then return {'0', '0'} end
redis.call('HSET', record, 'progress', progress, 'lease_until', lease_until)
redis.call('ZADD', leases, lease_until, id)
if math.floor(progress * 100) ~= math.floor(was[4] * 100) then publish(id, was[5] .. ' ' .. progress) end
return {'1', was[3]}
"""
)

#: ARGV: id, and the seconds to keep a batch that has ended with it. Returns 1, or 0 where there is no record.
#: A job that is removed before its end counts as canceled in its batch.
REMOVE = (
    _INDEXES
    + """
local id, ttl = unpack(ARGV)
local was = redis.call('HMGET', record, 'owner', 'status', 'place', 'batch', 'priority', 'turn', 'audio_ms')
if not was[1] then return 0 end
redis.call('DEL', record)
unindex(id, was[1], was[2], was[3], was[5] or 'default', was[6], was[7])
redis.call('ZREM', dues, id)
redis.call('ZREM', audio, id)
redis.call('ZREM', places(was[1], 'all'), was[3])
if was[2] == 'queued' or was[2] == 'processing' then recount(was[4], was[2], 'canceled', '', ttl) end
publish(id, '')
return 1
"""
)
