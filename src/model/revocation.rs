//! Tokens that are taken back before they expire, and what of a token decides whether it is one of them. It must not
//! know a token itself, nor where it is used.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The longest id of a token or of a session of tokens, in bytes.
pub(crate) const MAX_REVOKED_ID_BYTES: usize = 512;

/// Declares the kinds in their order: variant, word, description.
macro_rules! kinds {
    ($($variant:ident = $word:literal, $doc:literal;)+) => {
        /// By what tokens are taken back.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub(crate) enum RevocationKind {
            $(#[doc = $doc] $variant,)+
        }

        impl RevocationKind {
            /// All of them, in their order.
            pub(crate) const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word in requests, stores and metrics.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

kinds! {
    Token = "token", "The one with this id: its claim `jti`.";
    User = "user", "Those of this user that were made until a second.";
    Session = "session", "Those of this session: the claim of the settings.";
}

impl RevocationKind {
    /// The kind with this word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == word)
    }
}

/// Tokens that are taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Revocation {
    /// Its own id, by which it is taken back itself.
    pub(crate) id: Uuid,
    /// By what.
    pub(crate) kind: RevocationKind,
    /// The id of the token, the user or the session.
    pub(crate) subject: Arc<str>,
    /// Of a user's: those that were made until this time, in milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) before: Option<u64>,
    /// Since when, in milliseconds since the epoch.
    pub(crate) created_at: u64,
    /// Until when.
    pub(crate) expires_at: u64,
}

impl Revocation {
    /// The last second in which a token of the user may have been made that is taken back.
    pub(crate) fn last_second(&self) -> u64 {
        self.before.map_or(u64::MAX, |before| before / 1000)
    }

    /// Whether it takes back such a token of this user.
    pub(crate) fn covers(&self, user: &str, token: &TokenFacts) -> bool {
        let is = |id: Option<&str>| id == Some(&*self.subject);
        match self.kind {
            RevocationKind::Token => is(token.id()),
            RevocationKind::Session => is(token.session()),
            RevocationKind::User => is(Some(user)) && token.is_made_until(self.last_second()),
        }
    }
}

/// What of a good token is kept with the connection that it opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TokenFacts {
    /// When it expires, in seconds since the epoch.
    pub(crate) expires_at: u64,
    /// In which second it was made, if it says so.
    pub(crate) issued_at: Option<u32>,
    /// Few tokens have any.
    ids: Option<Arc<Ids>>,
}

#[derive(Debug, PartialEq, Eq)]
struct Ids {
    token: Option<Box<str>>,
    session: Option<Box<str>>,
}

impl TokenFacts {
    /// Of a token that says so much. An id that is longer than any that can be taken back counts as none.
    pub(crate) fn new(
        expires_at: u64,
        issued_at: Option<u64>,
        token: Option<String>,
        session: Option<String>,
    ) -> Self {
        let kept = |id: Option<String>| {
            let id = id.filter(|id| !id.is_empty() && id.len() <= MAX_REVOKED_ID_BYTES);
            id.map(String::into_boxed_str)
        };
        let (token, session) = (kept(token), kept(session));
        let has_ids = token.is_some() || session.is_some();
        Self {
            expires_at,
            // One that is made after its end, such as in milliseconds, does not say when.
            issued_at: issued_at
                .filter(|second| *second <= expires_at)
                .map(|second| u32::try_from(second).unwrap_or(u32::MAX)),
            ids: has_ids.then(|| Arc::new(Ids { token, session })),
        }
    }

    /// Of a token that never expires.
    #[cfg(test)]
    pub(crate) fn eternal() -> Self {
        Self::new(u64::MAX, None, None, None)
    }

    /// Its claim `jti`.
    pub(crate) fn id(&self) -> Option<&str> {
        self.ids.as_ref()?.token.as_deref()
    }

    /// The session that it belongs to.
    pub(crate) fn session(&self) -> Option<&str> {
        self.ids.as_ref()?.session.as_deref()
    }

    /// Whether it was made by the end of this second. Of one that does not say, it has to be assumed.
    pub(crate) fn is_made_until(&self, second: u64) -> bool {
        self.issued_at
            .is_none_or(|issued| u64::from(issued) <= second)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(kind: RevocationKind, subject: &str, before: Option<u64>) -> Revocation {
        Revocation {
            id: Uuid::now_v7(),
            kind,
            subject: subject.into(),
            before,
            created_at: 0,
            expires_at: u64::MAX,
        }
    }

    fn token(issued_at: Option<u64>, id: &str, session: &str) -> TokenFacts {
        let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        TokenFacts::new(99, issued_at, text(id), text(session))
    }

    #[test]
    fn a_token_is_taken_back_by_its_id_whoever_has_it() {
        let revocation = of(RevocationKind::Token, "t", None);
        assert!(revocation.covers("ann", &token(None, "t", "")));
        assert!(revocation.covers("bob", &token(None, "t", "t")));
        assert!(!revocation.covers("t", &token(None, "", "t")));
        let of_session = of(RevocationKind::Session, "t", None);
        assert!(of_session.covers("ann", &token(None, "", "t")));
        assert!(!of_session.covers("t", &token(None, "t", "")));
    }

    #[test]
    fn tokens_of_a_user_are_taken_back_by_the_second() {
        let revocation = of(RevocationKind::User, "ann", Some(10_500));
        for (issued_at, is_covered) in [(Some(9), true), (Some(10), true), (Some(11), false)] {
            let token = token(issued_at, "t", "s");
            assert_eq!(
                revocation.covers("ann", &token),
                is_covered,
                "{issued_at:?}"
            );
            assert!(!revocation.covers("bob", &token));
        }
        assert!(
            revocation.covers("ann", &token(None, "", "")),
            "it may be older"
        );
    }

    #[test]
    fn a_time_that_cannot_be_is_none() {
        let revocation = of(RevocationKind::User, "ann", Some(10_500));
        for issued_at in [None, Some(100), Some(1_700_000_000_000)] {
            assert!(revocation.covers("ann", &token(issued_at, "", "")));
        }
        assert!(!revocation.covers("ann", &token(Some(99), "", "")));
    }

    #[test]
    fn an_id_that_cannot_be_taken_back_is_not_kept() {
        let long = "x".repeat(MAX_REVOKED_ID_BYTES + 1);
        let kept = TokenFacts::new(0, None, Some(long.clone()), Some(long));
        assert_eq!((kept.id(), kept.session()), (None, None));
        assert_eq!(token(None, "t", "").id(), Some("t"));
    }
}
