//! What may be in a batch: its users in a Bloom filter, and its types by name. So a query that asks for
//! others does not read it.
//!
//! Owns the form of both, which must not change: files have them.

use std::collections::BTreeSet;

use super::body::lines;

/// Bits for each user: of a hundred users that are not in a batch, about one seems to be.
const BITS: usize = 10;
const HASHES: u64 = 7;

/// What may be in a batch.
pub(super) struct Filter {
    pub(super) users: Vec<u8>,
    pub(super) types: String,
}

impl Filter {
    /// That of the lines of a body.
    pub(super) fn of(body: &[u8]) -> Self {
        let (mut users, mut types) = (Users::default(), BTreeSet::new());
        // Many in a row begin alike.
        let mut last: &[u8] = &[];
        for line in lines(body) {
            let start = match line.starts_user_like(last) {
                true => last,
                false => {
                    types.insert(line.event_type());
                    last = line.before_user();
                    last
                }
            };
            if let Some(user) = line.user_behind(start) {
                users.add(hash(user));
            }
        }
        let types: Vec<_> = types.into_iter().map(String::from_utf8_lossy).collect();
        Self {
            users: users.bits(),
            types: types.join(" "),
        }
    }
}

/// The users of a batch, as hashes.
struct Users {
    all: Vec<u64>,
    /// Most of those that come again.
    seen: [u64; 256],
}

impl Default for Users {
    fn default() -> Self {
        Self {
            all: Vec::new(),
            // None of these is of its place.
            seen: std::array::from_fn(|place| place as u64 ^ 1),
        }
    }
}

impl Users {
    fn add(&mut self, user: u64) {
        if let Some(seen) = self.seen.get_mut((user % 256) as usize)
            && *seen != user
        {
            *seen = user;
            self.all.push(user);
        }
    }

    fn bits(mut self) -> Vec<u8> {
        self.all.sort_unstable();
        self.all.dedup();
        let mut bits = vec![0; (self.all.len() * BITS).div_ceil(8)];
        for user in self.all {
            for (byte, bit) in places(user, bits.len()) {
                if let Some(byte) = bits.get_mut(byte) {
                    *byte |= bit;
                }
            }
        }
        bits
    }
}

/// Whether a batch with these users may have one, in the form of its lines.
pub(super) fn may_have_user(users: &[u8], user: &[u8]) -> bool {
    let is_set = |(byte, bit)| users.get(byte).is_some_and(|byte| byte & bit != 0);
    places(hash(user), users.len()).all(is_set)
}

/// Whether a batch with these types has this one.
pub(super) fn has_type(types: &str, event_type: &str) -> bool {
    types.split(' ').any(|found| found == event_type)
}

/// The bits of a user in so many bytes.
fn places(hash: u64, len: usize) -> impl Iterator<Item = (usize, u8)> {
    let bits = (len as u64).saturating_mul(8).max(1);
    let (first, step) = (hash & 0xffff_ffff, (hash >> 32) | 1);
    (0..HASHES).map(move |n| {
        let bit = first.wrapping_add(n.wrapping_mul(step)) % bits;
        ((bit / 8) as usize, 1 << (bit % 8))
    })
}

/// Eight bytes at a time, as FNV-1a does one, with the bits mixed by the last steps of SplitMix64.
fn hash(text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks::<8>();
    let mut last = [0; 8];
    last.iter_mut().zip(rest).for_each(|(to, from)| *to = *from);
    let words = words
        .iter()
        .chain([&last])
        .map(|word| u64::from_le_bytes(*word));
    let begin = 0xcbf2_9ce4_8422_2325 ^ text.len() as u64;
    words.fold(begin, |hash, word| mixed(hash ^ word))
}

fn mixed(hash: u64) -> u64 {
    let mixed = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::line::Line;
    use crate::audit::line::quoted;
    use crate::audit::sqlite::body::Body;

    fn body(users: std::ops::Range<u32>) -> Vec<u8> {
        let mut body = Body::default();
        for user in users {
            let line = format!(
                "[\"{user:032x}\",\"T{}\",null,\"user {user}\",{{}}]",
                user % 3
            );
            body.push(Line::new(line.as_bytes()).unwrap());
        }
        body.finish()
    }

    #[test]
    fn it_has_all_that_are_in_the_batch_and_few_others() {
        for count in [1, 10, 4_000] {
            let filter = Filter::of(&body(0..count));
            let has = |user: u32| {
                let user = quoted(&format!("user {user}"));
                may_have_user(&filter.users, &user)
            };
            assert!((0..count).all(has));
            let others = (10_000..20_000).filter(|user| has(*user)).count();
            assert!(others < 400, "{others} of 10000 others at {count}");
        }
        let filter = Filter::of(&body(0..9));
        assert_eq!(filter.types, "T0 T1 T2");
        assert!(has_type(&filter.types, "T1") && !has_type(&filter.types, "T"));
        assert!(!may_have_user(&[], b"\"alice\""));
    }

    /// Files have it: it must not change.
    #[test]
    fn a_filter_has_these_bits() {
        let filter = Filter::of(&body(0..3));
        assert_eq!(filter.users, [149, 234, 44, 119]);
    }
}
