-- The beginning of each script of a session. KEYS: the session, its history, the ids in it.

-- Lets the session exist for this many milliseconds from now. Returns the same number when the index
-- has to be updated, else 0. Not each use updates the index: it may miss a session in its last eighth.
local function prolong(timeout)
    for _, key in ipairs(KEYS) do
        redis.call('PEXPIRE', key, timeout)
    end
    local time = redis.call('TIME')
    local now = time[1] * 1000 + math.floor(time[2] / 1000)
    local indexed = redis.call('HGET', KEYS[1], 'indexed')
    if indexed and now - indexed < timeout / 8 then
        return 0
    end
    redis.call('HSET', KEYS[1], 'indexed', string.format('%.0f', now))
    return tonumber(timeout)
end
