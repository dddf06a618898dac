//! Scripts that change something in Redis and publish the change in one step: it is published once, in
//! the order of the changes, and also when the node that made it dies right after.

use std::sync::LazyLock;

use redis::Script;

/// The field of an online user that identifies the period of being online.
pub(super) const PRESENCE_EPOCH: &str = "@";

/// A user is connected to a node. ARGV: the node's id; the user's name; the presence epoch; the
/// channel and the message that they came online, or an empty one. Returns 1 if they were connected
/// to no other node.
pub(super) static CAME_ONLINE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local known = redis.call('HLEN', KEYS[1])
        redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
        if known > 0 then return 0 end
        redis.call('HSET', KEYS[1], '@', ARGV[3])
        if ARGV[5] ~= '' then redis.call('PUBLISH', ARGV[4], ARGV[5]) end
        return 1
        ",
    )
});

/// A user is no longer connected to a node. ARGV: its id; '1' if only a user who was connected to it
/// counts; the channel and the message that they went offline, or an empty one. Returns 1 if they are
/// connected to no other node.
pub(super) static WENT_OFFLINE: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        local was_there = redis.call('HDEL', KEYS[1], ARGV[1])
        local others = redis.call('HLEN', KEYS[1]) - redis.call('HEXISTS', KEYS[1], '@')
        if others > 0 then return 0 end
        redis.call('DEL', KEYS[1])
        if was_there == 0 and ARGV[2] == '1' then return 0 end
        if ARGV[4] ~= '' then redis.call('PUBLISH', ARGV[3], ARGV[4]) end
        return 1
        ",
    )
});

/// A user's connection entered a room. ARGV: the node's id; the user; how many connections the node
/// has in the room; the channel and the message that the user entered, or an empty one. Returns
/// whether the user was in it on no node, and how many connections all nodes have in it.
pub(super) static ENTERED_ROOM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        redis.call('HSET', KEYS[2], ARGV[1], ARGV[3])
        local first = 0
        if redis.call('HSETNX', KEYS[1], 'n' .. ARGV[1] .. ARGV[2], 1) == 1 then
            if redis.call('HINCRBY', KEYS[1], 'u' .. ARGV[2], 1) == 1 then
                first = 1
                if ARGV[5] ~= '' then redis.call('SPUBLISH', ARGV[4], ARGV[5]) end
            end
        end
        local count = 0
        for _, there in ipairs(redis.call('HVALS', KEYS[2])) do count = count + there end
        return {first, count}
        ",
    )
});

/// A node has this many connections in a room. ARGV: its id; the number; a user who is no longer in it
/// there, or nobody; the channel and the message that they left; '1' if only a user who was in the
/// room counts. Returns 1 if the user is in it on no node.
pub(super) static LEFT_ROOM: LazyLock<Script> = LazyLock::new(|| {
    Script::new(
        r"
        if ARGV[2] == '0' then redis.call('HDEL', KEYS[2], ARGV[1])
        else redis.call('HSET', KEYS[2], ARGV[1], ARGV[2]) end
        if ARGV[3] == '' then return 0 end
        if redis.call('HDEL', KEYS[1], 'n' .. ARGV[1] .. ARGV[3]) == 1 then
            if redis.call('HINCRBY', KEYS[1], 'u' .. ARGV[3], -1) > 0 then return 0 end
            redis.call('HDEL', KEYS[1], 'u' .. ARGV[3])
        elseif ARGV[6] == '1' or redis.call('HEXISTS', KEYS[1], 'u' .. ARGV[3]) == 1 then
            return 0
        end
        if ARGV[5] ~= '' then redis.call('SPUBLISH', ARGV[4], ARGV[5]) end
        return 1
        ",
    )
});
