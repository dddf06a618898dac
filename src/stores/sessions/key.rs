//! The key of a session. Only a salted hash of it is stored, and comparing takes constant time.

use std::fmt;

use aws_lc_rs::hmac::{self, HMAC_SHA256};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::model::session::{AuthKey, ChatMode};

/// The salted hash of a session's key, as it is stored. `Debug` does not show it.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct KeyHash {
    salt: Bytes,
    whole: Bytes,
    /// In password mode, the password alone.
    #[serde(default)]
    password: Option<Bytes>,
}

impl KeyHash {
    /// The hash of a new session's key.
    pub(crate) fn new(key: AuthKey<'_>, mode: ChatMode) -> Self {
        let salt: [u8; 16] = rand::random();
        let hash = hmac::Key::new(HMAC_SHA256, &salt);
        let sign = |text: &str| {
            let tag = hmac::sign(&hash, text.as_bytes());
            Bytes::copy_from_slice(tag.as_ref())
        };
        let password = key
            .password_part()
            .filter(|_| mode == ChatMode::Password)
            .map(sign);
        Self {
            whole: sign(key.as_str()),
            password,
            salt: Bytes::copy_from_slice(&salt),
        }
    }

    /// Whether this is the key.
    pub(crate) fn is(&self, key: Option<AuthKey<'_>>) -> bool {
        key.is_some_and(|key| self.matches(key.as_str(), &self.whole))
    }

    /// Whether this is the key, or in password mode the password.
    pub(crate) fn admits(&self, key: Option<AuthKey<'_>>) -> bool {
        let password = key
            .and_then(AuthKey::as_password)
            .zip(self.password.as_ref());
        self.is(key) || password.is_some_and(|(given, tag)| self.matches(given, tag))
    }

    fn matches(&self, given: &str, tag: &[u8]) -> bool {
        let hash = hmac::Key::new(HMAC_SHA256, &self.salt);
        hmac::verify(&hash, given.as_bytes(), tag).is_ok()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(text: &str) -> Option<AuthKey<'_>> {
        AuthKey::new(text)
    }

    #[test]
    fn a_key_is_compared_whole_and_is_not_shown() {
        let hash = KeyHash::new(key("k:p").expect("a key"), ChatMode::Group);
        assert!(hash.is(key("k:p")) && hash.admits(key("k:p")));
        for wrong in ["", "k", "k:", "k:p ", "K:p", "p", "password:p"] {
            assert!(!hash.admits(key(wrong)), "{wrong}");
        }
        assert_eq!(format!("{hash:?}{:?}", key("k:p")), "KeyHashSome(AuthKey)");
    }

    #[test]
    fn a_password_admits_in_password_mode_only() {
        let hash = KeyHash::new(key("k:cGFzcw==").expect("a key"), ChatMode::Password);
        assert!(hash.admits(key("password:cGFzcw==")) && hash.admits(key("k:cGFzcw==")));
        for wrong in [
            "password:",
            "password:k",
            "cGFzcw==",
            "k",
            "password:k:cGFzcw==",
        ] {
            assert!(!hash.admits(key(wrong)), "{wrong}");
        }
        assert!(!hash.is(key("password:cGFzcw==")), "a creator has the key");
    }

    #[test]
    fn equal_keys_have_different_hashes() {
        let hash = |_| KeyHash::new(key("k").expect("a key"), ChatMode::Group);
        let [one, other] = [0, 1].map(hash);
        assert_ne!(one.whole, other.whole);
    }
}
