"""The scripts of the stream: Redis runs and logs each as a whole, so no step of one is ever there without the rest.

All keys of a stream lie in one slot of a cluster, and each script is given all keys that it touches.
"""

from __future__ import annotations

# An edge keeps what was accepted for 7 days: about an epoch that began before that, nobody can do anything any more.
_EPOCHS_KEPT_MS = 8 * 86_400_000

# For what lets the stream become shorter: with its memory full, Redis would refuse that too, and stay full for ever.
ALLOW_OOM = "#!lua flags=allow-oom"

# How far two clocks of the centre may differ, and how long a POST may be on its way from the gateway into Redis.
RESEND_MARGIN_MS = 60_000

# The replication id is another after a failover, after a restart and over a restored backup: in each of them Redis may
# lack the last that it confirmed. The script asks on the very server that runs it, and with each POST, so that no edge
# is answered in the name of a stream that is gone. Epochs are kept in the order in which they began, whatever the clock
# says. Returns why Redis does not tell its id, where it does not.
_HOLD_EPOCH = f"""
local function begin_epoch(name, replication_id, from_ms)
  local time = redis.call('TIME')
  local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
  redis.call('SET', KEYS[1], name)
  redis.call('SET', KEYS[2], replication_id)
  redis.call('ZREMRANGEBYSCORE', KEYS[3], '-inf', string.format('%.0f', now_ms - {_EPOCHS_KEPT_MS}))
  local last = redis.call('ZRANGE', KEYS[3], -1, -1, 'WITHSCORES')[2]
  local began_ms = math.max(now_ms, (tonumber(last) or 0) + 1)
  redis.call('ZADD', KEYS[3], string.format('%.0f', began_ms), string.format('%.0f:%s', from_ms, name))
end

local function hold_epoch(new_name)
  local told = redis.pcall('INFO', 'replication')
  local is_told = type(told) == 'string'
  local replication_id = is_told and string.match(told, 'master_replid:(%x+)') or ''
  if redis.call('EXISTS', KEYS[1]) == 0 then
    begin_epoch(new_name, replication_id, 0)
  elseif is_told and redis.call('GET', KEYS[2]) ~= replication_id then
    local heard_ms = tonumber(redis.call('GET', KEYS[4]) or '') or 0
    begin_epoch(new_name, replication_id, math.max(0, heard_ms - {RESEND_MARGIN_MS}))
  end
  if not is_told then return told['err'] or 'no answer' end
end
"""

# An edge may have missed several epochs: it sends again what the oldest moment calls for of those that began after the
# one that it knows, or of all, where that is not known here.
_RESEND_FROM = """
local function resend_from(known)
  if known == redis.call('GET', KEYS[1]) then return '0' end
  local from_ms
  for _, epoch in ipairs(redis.call('ZRANGE', KEYS[3], 0, -1)) do
    local began_from_ms, name = string.match(epoch, '^(%d+):(.*)$')
    from_ms = name ~= known and math.min(from_ms or math.huge, tonumber(began_from_ms)) or nil
  end
  return string.format('%.0f', from_ms or 0)
end
"""

# KEYS: epoch, replid, epochs, heard_at. ARGV: the name of an epoch that may begin.
CHECK_EPOCH = f"""{ALLOW_OOM}
{_HOLD_EPOCH}
return hold_epoch(ARGV[1])
"""

# KEYS: epoch, replid, epochs, heard_at, partitions, each partition's stream, each entry's seen-key.
# ARGV: number of partitions, limit, seconds that an event is remembered, the name of an epoch that may begin, now in
# ms, the epoch that the edge knows, and for each entry: partition, event, edge_id, source, received_at, request_id.
# An event is marked as seen exactly when it is in the stream; the epoch is that of the stream that now holds it.
APPEND = f"""{_HOLD_EPOCH}{_RESEND_FROM}
local partitions, first = tonumber(ARGV[1]), 5 + tonumber(ARGV[1])
local fixed = redis.call('GET', KEYS[5])
if fixed and tonumber(fixed) ~= partitions then return {{'partitions', fixed}} end
if #KEYS > first then
  local length = 0
  for i = 6, first do length = length + redis.call('XLEN', KEYS[i]) end
  if length >= tonumber(ARGV[2]) then return {{'full'}} end
end
if not fixed then redis.call('SET', KEYS[5], partitions) end
hold_epoch(ARGV[4])
if #KEYS > first then redis.call('SET', KEYS[4], ARGV[5]) end
local outcomes = {{}}
for i = first + 1, #KEYS do
  local at = 7 + (i - first - 1) * 6
  if redis.call('SET', KEYS[i], '1', 'NX', 'EX', ARGV[3]) then
    redis.call('XADD', KEYS[6 + ARGV[at]], '*', 'event', ARGV[at + 1], 'edge_id', ARGV[at + 2],
               'source', ARGV[at + 3], 'received_at', ARGV[at + 4], 'request_id', ARGV[at + 5])
    outcomes[i - first] = 'appended'
  else
    outcomes[i - first] = 'duplicate'
  end
end
return {{'done', redis.call('GET', KEYS[1]), resend_from(ARGV[6]), outcomes}}
"""

# KEYS: partitions. ARGV: the number that a new stream has. Returns the number that this one has.
PARTITIONS = f"""{ALLOW_OOM}
redis.call('SET', KEYS[1], ARGV[1], 'NX')
return redis.call('GET', KEYS[1])
"""

# KEYS: a stream. ARGV: the group, which starts at the first entry; one that exists stays as it is.
CREATE_GROUP = f"""{ALLOW_OOM}
local made = redis.pcall('XGROUP', 'CREATE', KEYS[1], ARGV[1], '0', 'MKSTREAM')
if made['err'] and not string.match(made['err'], '^BUSYGROUP') then return made end
"""

# KEYS: each partition's stream.
LENGTH = """
local length = 0
for _, key in ipairs(KEYS) do length = length + redis.call('XLEN', key) end
return length
"""

# KEYS: attempts, each sink's stream, streams of partitions. ARGV: group, number of sinks, and for each of the streams:
# its partition, how many entries, their ids. Only who acknowledges an entry hands it on: two workers that hold the same
# leave it once with each sink.
SETTLE = (
    ALLOW_OOM
    + """
local sinks, at = tonumber(ARGV[2]), 3
for s = 2 + sinks, #KEYS do
  local last = at + 1 + tonumber(ARGV[at + 1])
  for i = at + 2, last do
    local id = ARGV[i]
    if redis.call('XACK', KEYS[s], ARGV[1], id) == 1 then
      local found = sinks > 0 and redis.call('XRANGE', KEYS[s], id, id)[1]
      if found then
        for k = 2, 1 + sinks do
          redis.call('XADD', KEYS[k], '*', 'entry_id', id, 'partition', ARGV[at], unpack(found[2]))
        end
      end
      redis.call('XDEL', KEYS[s], id)
      redis.call('HDEL', KEYS[1], ARGV[at] .. ':' .. id)
    end
  end
  at = last + 1
end
"""
)

# KEYS: a partition's stream, dead, attempts. ARGV: group, entry id, partition, reason, failed_at.
# Whoever acknowledges the entry also buries it: two workers that hold the same entry leave one dead letter.
BURY = (
    ALLOW_OOM
    + """
if redis.call('XACK', KEYS[1], ARGV[1], ARGV[2]) == 0 then return 0 end
local found = redis.call('XRANGE', KEYS[1], ARGV[2], ARGV[2])[1]
if not found then return 0 end
local fields, place = found[2], ARGV[3] .. ':' .. ARGV[2]
local attempts = redis.call('HGET', KEYS[3], place) or '0'
for _, added in ipairs({'entry_id', ARGV[2], 'partition', ARGV[3], 'reason', ARGV[4], 'failed_at', ARGV[5],
                        'attempts', attempts}) do
  fields[#fields + 1] = added
end
redis.call('XADD', KEYS[2], '*', unpack(fields))
redis.call('XDEL', KEYS[1], ARGV[2])
redis.call('HDEL', KEYS[3], place)
return 1
"""
)

# KEYS: attempts. ARGV: an entry's place. Returns how often the API failed at it.
COUNT_ATTEMPT = f"""{ALLOW_OOM}
return redis.call('HINCRBY', KEYS[1], ARGV[1], 1)
"""

# KEYS: workers, leases, partitions. ARGV: the worker's token, for how many ms it lives without a sign, the number of
# partitions of a new stream. Returns the number of partitions, how many of its own the worker should give up, those
# that it holds, and those of them that it was given just now.
# A lease holds as long as its worker shows signs of life. What is free is taken up to a fair share, what is beyond it
# is given up; where the shares differ by one, who has least goes first. Scores too far ahead come from the clock of
# another server.
RENEW = (
    ALLOW_OOM
    + """
local me, ttl_ms = ARGV[1], tonumber(ARGV[2])
local time = redis.call('TIME')
local now_ms = time[1] * 1000 + math.floor(time[2] / 1000)
local until_ms = string.format('%.0f', now_ms + ttl_ms)
redis.call('SET', KEYS[3], ARGV[3], 'NX')
local partitions = tonumber(redis.call('GET', KEYS[3]))
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now_ms))
for _, worker in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '(' .. until_ms, '+inf')) do
  redis.call('ZADD', KEYS[1], until_ms, worker)
end
redis.call('ZADD', KEYS[1], until_ms, me)
local holds, live = {}, 0
for _, worker in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  holds[worker] = 0
  live = live + 1
end
local owners = redis.call('HGETALL', KEYS[2])
local owner_of = {}
for i = 1, #owners, 2 do
  local partition, owner = tonumber(owners[i]), owners[i + 1]
  if holds[owner] and partition < partitions then
    owner_of[partition] = owner
    holds[owner] = holds[owner] + 1
  end
end
local least, most = math.floor(partitions / live), math.ceil(partitions / live)
local needy = false
for worker, count in pairs(holds) do
  if worker ~= me and count < least then needy = true end
end
local mine, free, held, taken = holds[me], 0, {}, {}
for partition = 0, partitions - 1 do
  if not owner_of[partition] then
    if mine < least or (mine < most and not needy) then
      redis.call('HSET', KEYS[2], partition, me)
      owner_of[partition] = me
      taken[#taken + 1] = partition
      mine = mine + 1
    else
      free = free + 1
    end
  end
  if owner_of[partition] == me then held[#held + 1] = partition end
end
local surplus = math.max(0, mine - most)
if surplus == 0 and mine > least and needy and free == 0 then surplus = 1 end
return {partitions, surplus, held, taken}
"""
)

# KEYS: workers, leases. ARGV: the worker's token, 1 where it goes, the partitions.
RELEASE = """
for i = 3, #ARGV do
  if redis.call('HGET', KEYS[2], ARGV[i]) == ARGV[1] then redis.call('HDEL', KEYS[2], ARGV[i]) end
end
if ARGV[2] == '1' then redis.call('ZREM', KEYS[1], ARGV[1]) end
"""
