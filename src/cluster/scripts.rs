//! What is changed in Redis and told to others in one step, so that it is told once, in the order in
//! which it happened, and also when the node that did it dies right after.

use std::sync::LazyLock;

use redis::Script;

/// The field of a user's entry that names their coming.
pub(super) const COMING: &str = "@";

/// A user is on a node: its id, their name, what names this coming, the channel and the message that
/// says that they came, or an empty one. 1: they were on no other.
pub(super) static CAME: LazyLock<Script> = LazyLock::new(|| {
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

/// A user is on a node no more: its id, '1' if it counts only when they were there, the channel and
/// the message that says that they went, or an empty one. 1: they are on no other.
pub(super) static LEFT: LazyLock<Script> = LazyLock::new(|| {
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

/// A user's connection on a node entered a room: its id, the user, how many connections the node has
/// in it, the channel and the message that says that they entered, or an empty one. Whether they were
/// in it on no node, and how many connections all nodes have in it.
pub(super) static ENTERED: LazyLock<Script> = LazyLock::new(|| {
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

/// A node has so many connections in a room: its id, the number, and a user who is in it there no
/// more, or nobody; the channel and the message that says that they left; '1' if it counts only when
/// they were there. 1: they are in it on no node.
pub(super) static EXITED: LazyLock<Script> = LazyLock::new(|| {
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
