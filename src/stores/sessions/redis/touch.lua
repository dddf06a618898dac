-- Uses a session without changing it.
-- Returns nothing if there is none, else its state, its revision, and what prolonging it returned.
local found = redis.call('HMGET', KEYS[1], 'state', 'timeout', 'revision')
if not found[1] then
    return false
end
return {found[1], tonumber(found[3] or 0), prolong(found[2])}
