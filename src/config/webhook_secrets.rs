//! The secrets that webhooks are signed with, in the form of Standard Webhooks.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::raw::Raw;
use super::secret::REDACTED;
use super::types::{SettingType, quoted_list};

/// What a secret begins with.
const PREFIX: &str = "whsec_";
/// The most secrets of one endpoint: each is a signature in every request.
const MOST: usize = 4;

const WRONG: &str = "each must be whsec_ and the Base64 of 24 to 64 random bytes, at most four";

/// Keys to sign with, in their order. They are never printed.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct SigningSecrets(Vec<Arc<[u8]>>);

impl SigningSecrets {
    /// The bytes of each. Never log them.
    pub(crate) fn keys(&self) -> &[Arc<[u8]>] {
        &self.0
    }
}

fn key(text: &str) -> Option<Arc<[u8]>> {
    let key = STANDARD.decode(text.strip_prefix(PREFIX)?).ok()?;
    (24..=64).contains(&key.len()).then(|| key.into())
}

impl fmt::Debug for SigningSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl SettingType for SigningSecrets {
    const ECHO: bool = false;

    fn parse(raw: &Raw) -> Result<Self, String> {
        let keys: Option<Vec<_>> = raw.words()?.into_iter().map(key).collect();
        let keys = keys.filter(|keys| keys.len() <= MOST);
        keys.map(Self).ok_or_else(|| WRONG.to_owned())
    }

    fn to_text(&self) -> String {
        vec![REDACTED; self.0.len()].join(",")
    }

    fn to_toml(&self) -> String {
        quoted_list(self.0.iter().map(|_| REDACTED.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<SigningSecrets, String> {
        SigningSecrets::parse(&Raw::Text(text.to_owned()))
    }

    #[test]
    fn secrets_of_24_to_64_bytes_are_read_and_never_shown() {
        let of = |bytes: usize| format!("{PREFIX}{}", STANDARD.encode(vec![b'C'; bytes]));
        for bytes in [24, 32, 64] {
            let secrets = read(&of(bytes)).unwrap();
            assert_eq!(secrets.keys()[0].len(), bytes);
        }
        let two = read(&format!("{}, {}", of(24), of(25))).unwrap();
        assert_eq!(two.keys().len(), 2);
        for shown in [format!("{two:?}"), two.to_text(), two.to_toml()] {
            assert!(
                !shown.contains("Q0ND") && !shown.contains("67, 67"),
                "{shown}"
            );
        }
        let bare = STANDARD.encode([7; 32]);
        let many = vec![of(24); 5].join(",");
        for wrong in [&of(23), &of(65), &bare, "whsec_!", &many] {
            let problem = read(wrong).expect_err(wrong);
            assert!(
                problem.contains("whsec_") && !problem.contains(wrong),
                "{problem}"
            );
        }
        assert!(read("").unwrap().keys().is_empty());
    }
}
