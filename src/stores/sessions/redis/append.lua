-- Adds a message to the history; the oldest are dropped when there are too many.
-- ARGV: the message; its fingerprint; most messages; most bytes; what a message takes beside its bytes.
-- Returns nothing if there is no session, else the revision, 1 if the message was sent before, and
-- the result of prolong().
local message, fingerprint = ARGV[1], ARGV[2]
local most, most_bytes, extra = tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
local timeout = redis.call('HGET', KEYS[1], 'timeout')
if not timeout then
    return false
end
local revision = redis.call('HINCRBY', KEYS[1], 'revision', 1)
if redis.call('ZSCORE', KEYS[3], fingerprint) then
    return {revision, 1, prolong(timeout)}
end
local size = #message + extra
if most > 0 and size <= most_bytes then
    local count = redis.call('LLEN', KEYS[2])
    local bytes = tonumber(redis.call('HGET', KEYS[1], 'bytes') or 0)
    while count > 0 and (count >= most or bytes + size > most_bytes) do
        -- The fingerprints are in the order of their messages.
        bytes = bytes - #redis.call('LPOP', KEYS[2]) - extra
        redis.call('ZPOPMIN', KEYS[3])
        count = count - 1
    end
    redis.call('RPUSH', KEYS[2], message)
    redis.call('ZADD', KEYS[3], revision, fingerprint)
    redis.call('HSET', KEYS[1], 'bytes', string.format('%.0f', bytes + size))
end
return {revision, 0, prolong(timeout)}
