//! Ids that ascend in the order in which they are made, whatever the clock does.

use rusqlite::Connection;
use uuid::Uuid;

/// Bits of a UUIDv7 below its time, without version and variant.
const TAIL_BITS: u32 = 74;
/// Those of them in the UUID's lower half.
const LOW_BITS: u32 = 62;

/// Makes UUIDv7s, each greater than all before. Belongs to the writer.
#[derive(Debug, Default)]
pub(super) struct Ids {
    /// Time and tail of the last one, in one number.
    last: u128,
    /// What the database told of commits by others when it was asked last.
    data_version: Option<i64>,
}

impl Ids {
    /// To be called in each transaction before ids are made: when another process has written to
    /// the file, its messages are earlier ones too.
    pub(super) fn follow(&mut self, db: &Connection) -> rusqlite::Result<()> {
        let version = db
            .prepare_cached("PRAGMA data_version")?
            .query_row([], |row| row.get(0))?;
        if self.data_version != Some(version) {
            let newest: Option<Vec<u8>> =
                db.query_row("SELECT max(id) FROM messages", [], |row| row.get(0))?;
            let newest = newest.and_then(|id| Uuid::from_slice(&id).ok());
            self.last = self.last.max(newest.map_or(0, number_of));
            self.data_version = Some(version);
        }
        Ok(())
    }

    /// The next id. Its time is `now_ms`, or that of the last id if the clock was set back.
    pub(super) fn next(&mut self, now_ms: u64) -> Uuid {
        // The highest bit of the tail stays free, so that counting on does not reach the time.
        let tail = rand::random::<u128>() & ((1 << (TAIL_BITS - 1)) - 1);
        let at_now = (u128::from(now_ms) << TAIL_BITS) | tail;
        self.last = match at_now > self.last {
            true => at_now,
            false => self.last + 1 + u128::from(rand::random::<u32>()),
        };
        uuid_of(self.last)
    }
}

/// The time in an id, in milliseconds since the epoch.
pub(super) fn time_of(id: &Uuid) -> u64 {
    (id.as_u128() >> 80) as u64
}

fn uuid_of(number: u128) -> Uuid {
    let time = number >> TAIL_BITS;
    let high = (number >> LOW_BITS) & 0xfff;
    let low = number & ((1 << LOW_BITS) - 1);
    Uuid::from_u128((time << 80) | (7 << 76) | (high << 64) | (2 << LOW_BITS) | low)
}

fn number_of(id: Uuid) -> u128 {
    let id = id.as_u128();
    let high = (id >> 64) & 0xfff;
    let low = id & ((1 << LOW_BITS) - 1);
    ((id >> 80) << TAIL_BITS) | (high << LOW_BITS) | low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_when_the_clock_stands_and_when_it_is_set_back() {
        let mut ids = Ids::default();
        let mut before = Uuid::nil();
        let still = std::iter::repeat_n(1_000_000, 5_000);
        for now in still.chain([999_000, 1_000_001, 5, 2_000_000]) {
            let id = ids.next(now);
            assert!(id > before, "{id} after {before}");
            assert!(id.to_string() > before.to_string());
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
            assert_eq!(uuid_of(number_of(id)), id);
            before = id;
        }
        assert_eq!(time_of(&before), 2_000_000);
    }
}
