"""Where queued jobs stand, in Lua: the steps that the job store's scripts share with the line's own.

Each lane has a line of its own, by start-time fair queueing: a job's `tag` is where its turn starts, which is
where the turn of its owner's job before it ended, or the line's clock where that is further on. A turn is as long as
the job's work, divided by the weight of its owner. The lowest tag is next, and the clock follows it.

A queued job stands in one of three sorted sets: `waiting` by tag; `sent` by when its message was sent; or `resting`
by when it may be sent again. All three follow from its record, and the scripts that write that move it. A record has
its lane in the field `priority`, which is all that a lane was once.
"""

from services.shared.adapters.redis_client import NEWS, PREFIX
from services.shared.lane import SEPARATOR
from services.shared.priority import PRIORITIES

#: Queued jobs with a deadline, by it.
DEADLINES = f"{PREFIX}:deadlines"
#: Milliseconds of audio that queued jobs are going to be, by owner.
BACKLOG = f"{PREFIX}:backlog"
#: The same by lane: it keeps the name from when a lane was a priority.
LANE_BACKLOG = f"{PREFIX}:backlog-by-priority"
#: What jobs named that are queued, or were lately: which lanes there are beside those for whichever model.
MODELS = f"{PREFIX}:models"
#: How long the turns of a model that nothing stands in line for are kept: longer than a job that a worker has, or
#: that rests, may take to come back to its place.
TURNS_SECONDS = 7 * 86_400
#: Of all owners together, in the backlog: no tenant has this name.
ALL_OWNERS = "*"

_PRIORITIES = ", ".join(f"'{priority}'" for priority in PRIORITIES)

STANDS = f"""
local resting, deadlines = '{PREFIX}:resting', '{DEADLINES}'
local backlog, lane_backlog = '{BACKLOG}', '{LANE_BACKLOG}'
local models = '{MODELS}'
-- The most urgent first.
local priorities = {{{_PRIORITIES}}}

local function line(kind, lane)
  return '{PREFIX}:' .. kind .. ':' .. lane
end

local function count_in(counts, field, more)
  if redis.call('HINCRBY', counts, field, more) <= 0 then redis.call('HDEL', counts, field) end
end

local function count_audio(owner, lane, more)
  if not more or more == 0 then return end
  count_in(backlog, owner, more)
  count_in(backlog, '{ALL_OWNERS}', more)
  count_in(lane_backlog, lane, more)
end

-- Whoever has nothing in the queue is let in; a full queue turns those away who have more than their part of it.
local function is_crowded(owner, more, room)
  local own = tonumber(redis.call('HGET', backlog, owner)) or 0
  if room == 0 or own == 0 then return false end
  local all, owners = tonumber(redis.call('HGET', backlog, '{ALL_OWNERS}')) or 0, redis.call('HLEN', backlog) - 1
  return all + more > room and own + more > room / owners
end

local function draw_tag(id, owner, lane, turn)
  local ends = line('ends', lane)
  local clock, last = redis.call('GET', line('clock', lane)), redis.call('ZSCORE', ends, owner)
  local start = math.max(tonumber(clock) or 0, tonumber(last) or 0)
  redis.call('ZADD', ends, string.format('%.17g', start + turn), owner)
  return string.format('%.17g', start)
end

-- Whose turn it was, in each lane of a model: to be kept from now on, or to be let go of.
local function each_turn(model, command, ...)
  for _, priority in ipairs(priorities) do
    local lane = priority .. '{SEPARATOR}' .. model
    redis.call(command, line('ends', lane), ...)
    redis.call(command, line('clock', lane), ...)
  end
end

-- What a job names is known from then on, and forgotten when nothing stands there (see REPAIR).
local function keep(kind, lane, score, id)
  local model = string.match(lane, '{SEPARATOR}(.+)')
  if model and redis.call('SADD', models, model) == 1 then each_turn(model, 'PERSIST') end
  redis.call('ZADD', line(kind, lane), score, id)
end

-- All lanes of a priority.
local function lanes_of(priority)
  local lanes, names = {{priority}}, redis.call('SMEMBERS', models)
  table.sort(names)
  for _, model in ipairs(names) do table.insert(lanes, priority .. '{SEPARATOR}' .. model) end
  return lanes
end

-- How many jobs for the same model stand before those of a lane.
local function ahead_of(lane)
  local own, rest = string.match(lane, '^([^{SEPARATOR}]*)(.*)$')
  local found = 0
  for _, priority in ipairs(priorities) do
    if priority == own then break end
    found = found + redis.call('ZCARD', line('sent', priority .. rest))
      + redis.call('ZCARD', line('waiting', priority .. rest))
  end
  return found
end

-- Of a queued job in its lane. One that rests is before nobody.
local function place_in(lane, id)
  local sent = redis.call('ZRANK', line('sent', lane), id)
  if sent then return sent end
  return redis.call('ZCARD', line('sent', lane))
    + (redis.call('ZRANK', line('waiting', lane), id) or redis.call('ZCARD', line('waiting', lane)))
end

-- A job keeps its tag: what is given back is before what came later.
local function wait(id, owner, lane, turn)
  local record = '{PREFIX}:job:' .. id
  local tag = redis.call('HGET', record, 'tag') or draw_tag(id, owner, lane, turn)
  redis.call('HSET', record, 'tag', tag)
  keep('waiting', lane, tag, id)
end

local function stand(id, owner, lane, turn, audio_ms, sent_at, not_before, deadline)
  count_audio(owner, lane, tonumber(audio_ms))
  if deadline ~= '' then redis.call('ZADD', deadlines, deadline, id) end
  if sent_at ~= '' then keep('sent', lane, sent_at, id)
  elseif not_before ~= '' then redis.call('ZADD', resting, not_before, id)
  else wait(id, owner, lane, turn) end
end

-- Who leaves before its turn has none: its owner's next job starts as much earlier.
local function leave(id, owner, lane, turn, audio_ms, stays)
  count_audio(owner, lane, -(tonumber(audio_ms) or 0))
  local waited = redis.call('ZREM', line('waiting', lane), id)
  redis.call('ZREM', line('sent', lane), id)
  redis.call('ZREM', resting, id)
  redis.call('ZREM', deadlines, id)
  local ends = line('ends', lane)
  if waited == 1 and not stays and redis.call('ZSCORE', ends, owner) then
    redis.call('ZINCRBY', ends, -(tonumber(turn) or 0), owner)
  end
end
"""

#: ARGV: now, how many messages of a lane may wait for a worker. Returns id, lane and traceparent of each
#: job that is to be sent now, one after the other.
ADMIT = (
    STANDS
    + f"""
local now, lead = ARGV[1], tonumber(ARGV[2])
for _, id in ipairs(redis.call('ZRANGE', resting, '-inf', now, 'BYSCORE', 'LIMIT', 0, 100)) do
  redis.call('ZREM', resting, id)
  local job = redis.call('HMGET', '{PREFIX}:job:' .. id, 'status', 'owner', 'priority', 'turn')
  if job[1] == 'queued' then wait(id, job[2], job[3], job[4]) end
end

local function admit(id)
  local record = '{PREFIX}:job:' .. id
  local job = redis.call('HMGET', record, 'status', 'progress', 'traceparent')
  if job[1] ~= 'queued' then return nil end
  redis.call('HSET', record, 'enqueued_at', now)
  redis.pcall('PUBLISH', '{NEWS}' .. id, redis.call('HINCRBY', record, 'rev', 1) .. ' ' .. job[2])
  return job[3] or ''
end

local admitted = {{}}
local function admit_from(lane)
  local free, clock = lead - redis.call('ZCARD', line('sent', lane)), nil
  while free > 0 do
    local id, tag = unpack(redis.call('ZPOPMIN', line('waiting', lane)))
    if not id then break end
    local traceparent = admit(id)
    if traceparent then
      redis.call('ZADD', line('sent', lane), now, id)
      table.insert(admitted, id)
      table.insert(admitted, lane)
      table.insert(admitted, traceparent)
      free, clock = free - 1, math.max(clock or 0, tonumber(tag))
    end
  end
  if clock then
    clock = math.max(clock, tonumber(redis.call('GET', line('clock', lane))) or 0)
    redis.call('SET', line('clock', lane), string.format('%.17g', clock))
    redis.call('ZREMRANGEBYSCORE', line('ends', lane), '-inf', string.format('%.17g', clock))
  end
end

for _, priority in ipairs(priorities) do
  for _, lane in ipairs(lanes_of(priority)) do admit_from(lane) end
end
return admitted
"""
)

#: KEYS: all queued jobs by creation. ARGV: now, how many of the oldest to pass over, how many to look at. Returns how
#: many were looked at, and how many of them stood nowhere: records of a release that knew no line count as sent, since
#: their messages were.
REPAIR = (
    STANDS
    + f"""
local queued, now, repaired = KEYS[1], ARGV[1], 0
if redis.call('EXISTS', queued) == 0 then redis.call('DEL', backlog, lane_backlog) end
local ids = redis.call('ZRANGE', queued, ARGV[2], ARGV[2] + ARGV[3] - 1)
for _, id in ipairs(ids) do
  local record = '{PREFIX}:job:' .. id
  local job = redis.call('HMGET', record, 'status', 'owner', 'priority', 'turn', 'enqueued_at')
  local lane = job[3] or 'default'
  local stands = redis.call('ZSCORE', line('waiting', lane), id) or redis.call('ZSCORE', line('sent', lane), id)
    or redis.call('ZSCORE', resting, id)
  if job[1] == 'queued' and not stands then
    repaired = repaired + 1
    if job[5] == '' then wait(id, job[2], lane, job[4]) else
      keep('sent', lane, job[5] or now, id)
    end
  end
end

local function is_deserted(model)
  for _, priority in ipairs(priorities) do
    local lane = priority .. '{SEPARATOR}' .. model
    if redis.call('EXISTS', line('waiting', lane), line('sent', lane)) > 0 then return false end
  end
  return true
end

for _, model in ipairs(redis.call('SMEMBERS', models)) do
  if is_deserted(model) then
    redis.call('SREM', models, model)
    each_turn(model, 'EXPIRE', {TURNS_SECONDS})
  end
end
return {{#ids, repaired}}
"""
)

#: ARGV: ids. Returns how many jobs for the same model are before each, -1 where it is not queued.
POSITIONS = (
    STANDS
    + f"""
local before_lane = {{}}
local positions = {{}}
for _, id in ipairs(ARGV) do
  local position = -1
  local job = redis.call('HMGET', '{PREFIX}:job:' .. id, 'status', 'priority')
  if job[1] == 'queued' then
    local lane = job[2] or 'default'
    before_lane[lane] = before_lane[lane] or ahead_of(lane)
    position = before_lane[lane] + place_in(lane, id)
  end
  table.insert(positions, position)
end
return positions
"""
)
