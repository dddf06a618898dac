//! What is held in memory of revocations.

use std::sync::Arc;
use std::time::{Duration, Instant};

use uuid::Uuid;

use super::tokens::RevokedTokens;
use crate::model::clock::{Clock as _, ManualClock};
use crate::model::{Revocation, RevocationKind, TokenFacts};

struct Stage {
    clock: Arc<ManualClock>,
    tokens: RevokedTokens,
}

impl Stage {
    fn set() -> Self {
        let clock = Arc::new(ManualClock::new());
        let tokens = RevokedTokens::new(clock.clone());
        Self { clock, tokens }
    }

    /// One that holds for a minute.
    fn revocation(&self, kind: RevocationKind, subject: &str) -> Revocation {
        let now = self.clock.now_ms();
        Revocation {
            id: Uuid::now_v7(),
            kind,
            subject: subject.into(),
            before: (kind == RevocationKind::User).then_some(now),
            created_at: now,
            expires_at: now + 60_000,
        }
    }

    fn token(&self, subject: &str) -> Revocation {
        self.revocation(RevocationKind::Token, subject)
    }

    fn has(&self, id: &str) -> bool {
        self.tokens.have("ann", &token(None, Some(id), None))
    }
}

fn token(issued_at: Option<u64>, id: Option<&str>, session: Option<&str>) -> TokenFacts {
    let [id, session] = [id, session].map(|text| text.map(str::to_owned));
    TokenFacts::new(u64::MAX, issued_at, id, session)
}

#[test]
fn a_token_is_revoked_by_what_it_says() {
    let stage = Stage::set();
    let second = stage.clock.now_ms() / 1000;
    let is = |user, token| stage.tokens.have(user, &token);
    assert!(!is("ann", token(None, Some("x"), Some("x"))));
    for kind in RevocationKind::ALL {
        assert!(stage.tokens.learn(&stage.revocation(kind, "x")));
        assert_eq!(stage.tokens.count(kind), 1);
    }
    assert!(is("ann", token(Some(second + 9), Some("x"), None)));
    assert!(is("ann", token(Some(second + 9), None, Some("x"))));
    assert!(is("x", token(Some(second), None, None)), "the same second");
    assert!(is("x", token(None, None, None)), "who knows when");
    assert!(!is("x", token(Some(second + 1), Some("y"), Some("y"))));
    assert!(!is("ann", token(None, None, None)));
}

#[test]
fn a_revocation_holds_until_it_expires() {
    let stage = Stage::set();
    stage.tokens.learn(&stage.token("t"));
    stage.clock.advance(59_999);
    assert!(stage.has("t") && !stage.tokens.remove_expired());
    stage.clock.advance(1);
    assert!(!stage.has("t"));
    assert!(stage.tokens.remove_expired());
    assert_eq!(stage.tokens.len(), 0);
    let late = Revocation {
        expires_at: stage.clock.now_ms(),
        ..stage.token("t")
    };
    assert!(!stage.tokens.learn(&late));
}

#[test]
fn what_is_learnt_late_takes_nothing_away() {
    let stage = Stage::set();
    let second = stage.clock.now_ms() / 1000;
    let narrow = stage.revocation(RevocationKind::User, "ann");
    let wide = Revocation {
        before: narrow.before.map(|before| before + 10_000),
        expires_at: narrow.expires_at + 60_000,
        ..narrow.clone()
    };
    assert!(stage.tokens.learn(&wide));
    assert!(!stage.tokens.learn(&narrow), "nothing is new about it");
    stage.clock.advance(60_000);
    assert!(
        stage
            .tokens
            .have("ann", &token(Some(second + 10), None, None))
    );
    assert!(
        !stage
            .tokens
            .have("ann", &token(Some(second + 11), None, None))
    );
}

#[test]
fn one_that_was_taken_back_does_not_come_again_and_another_does() {
    let stage = Stage::set();
    let first = stage.token("t");
    stage.tokens.learn(&first);
    assert!(stage.tokens.forget(&first) && !stage.has("t"));
    assert!(
        !stage.tokens.learn(&first) && !stage.has("t"),
        "it is told late"
    );
    let second = stage.token("t");
    assert!(stage.tokens.learn(&second));
    assert!(
        !stage.tokens.forget(&first) && stage.has("t"),
        "another one"
    );
    // One that is told of before the end of the other is known.
    let third = Revocation {
        expires_at: second.expires_at - 30_000,
        ..stage.token("t")
    };
    stage.tokens.learn(&third);
    assert!(!stage.tokens.forget(&second) && stage.has("t"));
    assert!(stage.tokens.forget(&third) && !stage.has("t"));
}

#[test]
fn a_reading_of_all_leaves_what_is_stored_or_was_made_meanwhile() {
    let stage = Stage::set();
    let [gone, kept, made] = ["gone", "kept", "made"].map(|name| stage.token(name));
    stage.tokens.learn(&gone);
    stage.tokens.learn(&kept);
    stage.tokens.begin_reading();
    assert!(!stage.tokens.learn(&kept), "it is known");
    stage.tokens.learn(&made);
    assert!(stage.has("gone"), "it is read yet");
    stage.tokens.end_reading();
    assert_eq!(
        ["gone", "kept", "made"].map(|id| stage.has(id)),
        [false, true, true]
    );
    assert_eq!(stage.tokens.len(), 2);
}

#[test]
fn where_no_store_can_be_asked_it_is_as_wide_as_the_one_before() {
    let stage = Stage::set();
    let narrow = stage.revocation(RevocationKind::User, "ann");
    assert_eq!(stage.tokens.widened(narrow.clone()), narrow);
    let wide = Revocation {
        before: narrow.before.map(|before| before + 10_000),
        expires_at: narrow.expires_at + 60_000,
        ..stage.revocation(RevocationKind::User, "ann")
    };
    stage.tokens.learn(&wide);
    let next = stage.revocation(RevocationKind::User, "ann");
    let widened = stage.tokens.widened(next.clone());
    assert_eq!((widened.id, widened.expires_at), (next.id, wide.expires_at));
    assert_eq!(widened.last_second(), wide.last_second());
    assert_eq!(stage.tokens.widened(wide.clone()), wide);
    let of_token = stage.token("ann");
    stage.tokens.learn(&of_token);
    assert_eq!(stage.tokens.widened(stage.token("ann")).before, None);
    stage.clock.advance(200_000);
    let late = stage.revocation(RevocationKind::User, "ann");
    assert_eq!(stage.tokens.widened(late.clone()), late);
}

#[test]
fn a_hundred_thousand_are_looked_up_as_fast_as_one() {
    let stage = Stage::set();
    let begun = Instant::now();
    for number in 0..100_000 {
        stage.tokens.learn(&stage.token(&number.to_string()));
    }
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
    let begun = Instant::now();
    let found = (0..100_000).filter(|number| stage.has(&format!("{number}")));
    assert_eq!(found.count(), 100_000);
    assert!(!stage.has("100000"));
    assert!(
        begun.elapsed() < Duration::from_secs(20),
        "{:?}",
        begun.elapsed()
    );
}
