//! The names of rooms, in one place.

use crate::identity::UserId;

/// The name that clients see for the room of two users: their ids in plain string order, joined by
/// `_`. It is told, never parsed: ids may have a `_` of their own.
pub fn pair(one: &UserId, other: &UserId) -> String {
    let (first, second) = if one <= other {
        (one, other)
    } else {
        (other, one)
    };
    format!("{}_{}", first.as_str(), second.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_one_name_from_either_side() {
        let (a, b) = (UserId::parse("b2"), UserId::parse("b10"));
        let (a, b) = (a.expect("an id"), b.expect("an id"));
        assert_eq!(pair(&a, &b), "b10_b2");
        assert_eq!(pair(&b, &a), "b10_b2");
    }
}
