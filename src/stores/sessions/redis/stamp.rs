//! Identifies one state of a session, by which concurrent changes are detected. The revision does not
//! serve for that: a message has one, too, and must not make other changes fail.

use ::redis::{FromRedisValue, ParsingError, RedisWrite, ToRedisArgs, Value};
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stamp(Vec<u8>);

impl Stamp {
    pub(super) fn new() -> Self {
        Self(Uuid::new_v4().as_bytes().to_vec())
    }
}

impl ToRedisArgs for Stamp {
    fn write_redis_args<W: ?Sized + RedisWrite>(&self, out: &mut W) {
        out.write_arg(&self.0);
    }
}

impl FromRedisValue for Stamp {
    fn from_redis_value(value: Value) -> Result<Self, ParsingError> {
        Vec::from_redis_value(value).map(Self)
    }
}
