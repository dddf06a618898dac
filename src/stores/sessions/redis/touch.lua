-- Uses a session without changing it.
-- Returns nothing if there is none, else its state and what prolonging it returned.
local found = redis.call('HMGET', KEYS[1], 'state', 'timeout')
if not found[1] then
    return false
end
return {found[1], prolong(found[2])}
