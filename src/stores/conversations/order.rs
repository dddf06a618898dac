//! Ids that ascend in the order in which they are created, whatever the clock does.

use uuid::Uuid;

/// Bits of a UUIDv7 below its time, without version and variant.
const TAIL_BITS: u32 = 74;
/// Those of them in the UUID's lower half.
const LOW_BITS: u32 = 62;

/// A UUIDv7 that is greater than `last`, which may be nil. Its time is `now_ms`, or that of `last`
/// if the clock was set back since.
pub(super) fn id_after(last: &Uuid, now_ms: u64) -> Uuid {
    // The highest bit of the tail stays free, so that counting on does not reach the time.
    let tail = rand::random::<u128>() & ((1 << (TAIL_BITS - 1)) - 1);
    let at_now = (u128::from(now_ms) << TAIL_BITS) | tail;
    let last = number_of(last);
    uuid_of(match at_now > last {
        true => at_now,
        false => last + 1 + u128::from(rand::random::<u32>()),
    })
}

/// The time in an id, in milliseconds since the epoch.
pub(super) fn time_of(id: &Uuid) -> u64 {
    (id.as_u128() >> 80) as u64
}

/// Not greater than any id of this time, and greater than all of earlier ones.
pub(super) fn first_at(ms: u64) -> Uuid {
    uuid_of(u128::from(ms) << TAIL_BITS)
}

fn uuid_of(number: u128) -> Uuid {
    let time = number >> TAIL_BITS;
    let high = (number >> LOW_BITS) & 0xfff;
    let low = number & ((1 << LOW_BITS) - 1);
    Uuid::from_u128((time << 80) | (7 << 76) | (high << 64) | (2 << LOW_BITS) | low)
}

fn number_of(id: &Uuid) -> u128 {
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
        let mut before = Uuid::nil();
        let still = std::iter::repeat_n(1_000_000, 5_000);
        for now in still.chain([999_000, 1_000_001, 5, 2_000_000]) {
            let id = id_after(&before, now);
            assert!(id > before, "{id} after {before}");
            assert!(id.to_string() > before.to_string());
            assert_eq!(id.get_version_num(), 7);
            assert_eq!(id.get_variant(), uuid::Variant::RFC4122);
            assert_eq!(uuid_of(number_of(&id)), id);
            before = id;
        }
        assert_eq!(time_of(&before), 2_000_000);
        assert!(first_at(2_000_000) <= before && before < first_at(2_000_001));
        assert!(id_after(&Uuid::nil(), 7) >= first_at(7));
    }
}
