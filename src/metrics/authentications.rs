//! Whether those who came with a token, or should have, were authenticated.

use super::counter::{Counter, Counters};
use super::families::Families;
use crate::model::AuthFailure;

static ACCEPTED: Counter = Counter::new();
static FAILED: Counters<{ AuthFailure::ALL.len() }> = Counters::new();

/// A token was accepted.
pub(crate) fn accepted() {
    ACCEPTED.inc();
}

/// Somebody was not authenticated.
pub(crate) fn failed(why: AuthFailure) {
    FAILED.at(why as usize).inc();
}

/// Adds what is counted here.
pub(super) fn describe(families: &mut Families) {
    let help = "Authentications of handshakes, authenticate and REST";
    let family = families.counter("relay_authentications_total", help);
    family.count([("outcome", "accepted".into())], ACCEPTED.get());
    for (failure, count) in AuthFailure::ALL.iter().zip(FAILED.values()) {
        family.count([("outcome", failure.as_str().into())], count);
    }
}
