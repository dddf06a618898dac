//! Why somebody is not authenticated, for operators: a closed list, without anything of a token. Clients are told
//! less: see `Refusal::unauthenticated`.

use super::Identity;

/// Declares the failures in the order in which they are looked for: variant, word, description.
macro_rules! failures {
    ($($variant:ident = $word:literal, $doc:literal;)+) => {
        /// Why somebody is not authenticated.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum AuthFailure {
            $(#[doc = $doc] $variant,)+
        }

        impl AuthFailure {
            /// All of them, in their order.
            pub(crate) const ALL: [Self; [$($word),+].len()] = [$(Self::$variant),+];

            /// The word in records and in the log.
            pub(crate) const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }
        }
    };
}

failures! {
    Missing = "missing", "No token where one is needed.";
    Throttled = "throttled", "Not good, as too many before.";
    Malformed = "malformed", "No three parts of base64url, no JSON objects in them, or too long.";
    AlgorithmNotAllowed = "algorithm_not_allowed", "`alg` is not one of the settings.";
    UnsupportedCritical = "unsupported_critical", "`crit` in the head.";
    UnknownKey = "unknown_key", "No key for this `alg` and `kid`.";
    KeysUnavailable = "keys_unavailable", "The same while the key set cannot be fetched.";
    BadSignature = "bad_signature", "Signed with another key, or changed.";
    NoExpiry = "no_expiry", "`exp` is missing or no number.";
    Expired = "expired", "`exp` has passed.";
    NotYetValid = "not_yet_valid", "`nbf` is ahead, or no number.";
    WrongIssuer = "wrong_issuer", "`iss` is missing or another.";
    WrongAudience = "wrong_audience", "`aud` is missing or another.";
    RequiredClaim = "required_claim", "A claim that the settings require is missing or another.";
    NoUserId = "no_user_id", "No claim has a valid id of a user.";
    OtherUser = "other_user", "A good token of somebody else than the connection's user.";
    Revoked = "revoked", "The token was taken back.";
    Suspended = "suspended", "The user is suspended.";
    UnknownAdminToken = "unknown_admin_token", "Not the token that opens the admin routes.";
    ScopeMissing = "scope_missing", "An administrator's token that does not open this.";
}

/// A failure, and the user whom a token with a good signature names.
#[derive(Debug, Clone)]
pub(crate) struct FailedAuth {
    /// Why.
    pub(crate) failure: AuthFailure,
    /// The user.
    pub(crate) identity: Option<Identity>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_is_documented_by_its_word() {
        let docs = include_str!("../../docs/audit.md");
        for failure in AuthFailure::ALL {
            let word = format!("| `{}` |", failure.as_str());
            assert!(docs.contains(&word), "{word}");
        }
    }
}
