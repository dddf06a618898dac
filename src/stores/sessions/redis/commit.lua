-- Changes a session, unless it was changed meanwhile.
-- ARGV: the stamp that was read, or nothing if there was no session; the new stamp; the state; for how
-- many milliseconds it exists without being used, or 0 if it is over; 1 to read the history.
-- Returns nothing if it was changed meanwhile, else the revision, the result of prolong(), and the
-- history.
local expected, stamp, state, timeout = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4])
local found = redis.call('HGET', KEYS[1], 'stamp') or ''
if found ~= expected and found ~= stamp then
    return false
end
local revision
if found == stamp then
    -- The same command was sent twice.
    revision = tonumber(redis.call('HGET', KEYS[1], 'revision'))
else
    if found == '' then
        -- A history without its session is no session's.
        redis.call('DEL', unpack(KEYS))
        -- Greater than those of an earlier session with this id, which servers may still have.
        local now = redis.call('TIME')
        redis.call('HSET', KEYS[1], 'revision', string.format('%d%06d', now[1], now[2]))
    end
    revision = redis.call('HINCRBY', KEYS[1], 'revision', 1)
end
if timeout == 0 then
    redis.call('DEL', unpack(KEYS))
    return {revision, 0, {}}
end
if redis.call('HGET', KEYS[1], 'timeout') ~= ARGV[4] then
    redis.call('HDEL', KEYS[1], 'indexed')
end
redis.call('HSET', KEYS[1], 'stamp', stamp, 'state', state, 'timeout', ARGV[4])
local history = {}
if ARGV[5] == '1' then
    history = redis.call('LRANGE', KEYS[2], 0, -1)
end
return {revision, prolong(timeout), history}
