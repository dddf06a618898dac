//! The tokens of administrators that the settings name, each by its hash and with what it opens.
//!
//! Owns their form, and which of them a given token is. It must not know what a scope stands for.

use std::sync::Arc;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, SHA256_OUTPUT_LEN, digest};

use super::raw::Raw;
use super::secret::REDACTED;
use super::types::{SettingType, quoted_list};
use crate::model::{Scope, Scopes};

/// The longest name of a token, in characters.
const MAX_NAME: usize = 32;
/// The most tokens: each is compared with every token that is given.
const MAX_TOKENS: usize = 1_000;

/// The hash of a token.
pub(crate) type TokenHash = [u8; SHA256_OUTPUT_LEN];

/// A token of an administrator, without the token.
#[derive(Clone, PartialEq, Eq)]
pub struct AdminToken {
    name: Arc<str>,
    scopes: Scopes,
    hash: TokenHash,
}

impl std::fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.shown())
    }
}

impl AdminToken {
    /// The token with this name, which opens so much.
    ///
    /// # Errors
    /// The name is none.
    pub fn new(name: &str, scopes: Scopes, token: &str) -> Result<Self, String> {
        match is_name(name) {
            true => Ok(Self {
                name: name.into(),
                scopes,
                hash: token_hash(token),
            }),
            false => Err(WRONG_NAME.to_owned()),
        }
    }

    /// How records name who uses it.
    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it opens.
    pub(crate) fn scopes(&self) -> Scopes {
        self.scopes
    }

    /// What tells it from any other.
    pub(crate) fn hash(&self) -> &TokenHash {
        &self.hash
    }

    /// What stands in `admin_tokens`.
    #[must_use]
    pub fn line(&self) -> String {
        let hash: String = self.hash.iter().map(|byte| format!("{byte:02x}")).collect();
        format!("{}:{}:{hash}", self.name, self.scopes)
    }

    fn shown(&self) -> String {
        format!("{}:{}:{REDACTED}", self.name, self.scopes)
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut parts = text.split(':').map(str::trim);
        let (Some(name), Some(scopes), Some(hash), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(WRONG_FORM.to_owned());
        };
        if !is_name(name) {
            return Err(WRONG_NAME.to_owned());
        }
        let words = || Scope::ALL.map(Scope::as_str).join(", ");
        Ok(Self {
            name: name.into(),
            scopes: Scopes::parse(scopes)
                .ok_or_else(|| format!("the scopes of {name} must be some of {}", words()))?,
            hash: parse_hash(hash).ok_or_else(|| {
                format!("the last part of {name} must be the 64 hex digits of a SHA-256")
            })?,
        })
    }
}

const WRONG_FORM: &str =
    "each must be NAME:SCOPE+SCOPE:SHA256, as `sealed-relay admin-token` prints it";
const WRONG_NAME: &str = "the name of a token must have 1 to 32 characters of a to z, 0 to 9 and -";

fn is_name(text: &str) -> bool {
    let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
    (1..=MAX_NAME).contains(&text.len()) && text.bytes().all(is_allowed)
}

fn parse_hash(text: &str) -> Option<TokenHash> {
    let digits: Option<Vec<_>> = text.chars().map(|digit| digit.to_digit(16)).collect();
    let digits = digits?;
    let bytes = digits
        .chunks_exact(2)
        .map(|pair| (pair[0] * 16 + pair[1]) as u8);
    let bytes: Vec<u8> = bytes.collect();
    let is_whole = digits.len() == 2 * SHA256_OUTPUT_LEN;
    is_whole.then_some(bytes)?.try_into().ok()
}

/// The hash of a token.
pub(crate) fn token_hash(token: &str) -> TokenHash {
    let digest = digest(&SHA256, token.as_bytes());
    let mut hash = [0; SHA256_OUTPUT_LEN];
    hash.copy_from_slice(digest.as_ref());
    hash
}

/// The tokens of administrators. By default there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AdminTokens(Vec<AdminToken>);

impl AdminTokens {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Which of them this one is. How long it takes says nothing of any of them.
    pub(crate) fn find(&self, token: &str) -> Option<&AdminToken> {
        let given = token_hash(token);
        let is_equal = |one: &&AdminToken| verify_slices_are_equal(&one.hash, &given).is_ok();
        self.0.iter().fold(None, |found, one| match is_equal(&one) {
            true => Some(one),
            false => found,
        })
    }

    /// The one with this name.
    pub(crate) fn named(&self, name: &str) -> Option<&AdminToken> {
        self.0.iter().find(|one| &*one.name == name)
    }

    /// Whether one has this name.
    pub(super) fn has(&self, name: &str) -> bool {
        self.named(name).is_some()
    }

    /// Their lines, by which nodes find out whether they are set alike.
    pub(crate) fn lines(&self) -> String {
        let mut lines: Vec<_> = self.0.iter().map(AdminToken::line).collect();
        lines.sort();
        lines.join(",")
    }

    /// # Errors
    /// Two have one name, or one hash: then records would not say which of them was used.
    fn distinct(self) -> Result<Self, String> {
        for (position, one) in self.0.iter().enumerate() {
            for other in &self.0[..position] {
                if other.name == one.name {
                    let name = &one.name;
                    return Err(format!(
                        "has the name {name} twice; to rotate a token, give the new one another"
                    ));
                }
                if other.hash == one.hash {
                    let (name, other) = (&one.name, &other.name);
                    return Err(format!("has the same token as {other} and as {name}"));
                }
            }
        }
        Ok(self)
    }
}

impl SettingType for AdminTokens {
    const ECHO: bool = false;

    fn parse(raw: &Raw) -> Result<Self, String> {
        let items = raw.words()?;
        if items.len() > MAX_TOKENS {
            return Err(format!("must have at most {MAX_TOKENS} tokens"));
        }
        let tokens: Result<Vec<_>, _> = items.into_iter().map(AdminToken::parse).collect();
        Self(tokens?).distinct()
    }

    fn to_text(&self) -> String {
        let shown: Vec<_> = self.0.iter().map(AdminToken::shown).collect();
        shown.join(",")
    }

    fn to_toml(&self) -> String {
        quoted_list(self.0.iter().map(AdminToken::shown))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AdminTokens, String> {
        AdminTokens::parse(&Raw::Text(text.to_owned()))
    }

    fn line(name: &str, scopes: &str, token: &str) -> String {
        let scopes = Scopes::parse(scopes).expect("scopes");
        AdminToken::new(name, scopes, token).expect("a name").line()
    }

    #[test]
    fn a_token_is_found_by_its_hash_and_shown_without_it() {
        let (one, two) = (
            line("app", "publish+presence", "one"),
            line("ops-2", "all", "two"),
        );
        let upper = two.replace(&two[10..], &two[10..].to_uppercase());
        for text in [
            format!("{one},{two}"),
            format!("{one}, {upper} ,"),
            format!("[\"{one}\", '{two}']"),
        ] {
            let tokens = read(&text).expect("tokens");
            let found = |token| tokens.find(token).map(|one| &**one.name());
            assert_eq!(found("one"), Some("app"));
            assert_eq!(found("two"), Some("ops-2"));
            for wrong in ["", "One", "three", &one, &one[21..]] {
                assert_eq!(found(wrong), None, "{wrong}");
            }
            let shown = "app:publish+presence:<redacted>,ops-2:all:<redacted>";
            assert_eq!(tokens.to_text(), shown);
            assert!(!format!("{tokens:?}").contains(&one[21..]));
        }
        assert!(read("").expect("none").is_empty() && read(" , ").expect("none").is_empty());
    }

    #[test]
    fn what_is_no_token_is_refused_without_its_hash() {
        let good = line("app", "publish", "one");
        let hash = good.rsplit(':').next().expect("a hash").to_owned();
        for (wrong, why) in [
            ("app:publish".to_owned(), "NAME:SCOPE+SCOPE:SHA256"),
            (format!("app::{hash}"), "scopes of app"),
            (format!("app:every:{hash}"), "provision"),
            (format!("app:publish+:{hash}"), "scopes of app"),
            (format!(":publish:{hash}"), "1 to 32 characters"),
            (format!("App:publish:{hash}"), "1 to 32 characters"),
            (
                format!("{}:publish:{hash}", "a".repeat(33)),
                "1 to 32 characters",
            ),
            (format!("app:publish:{hash}0"), "64 hex digits"),
            (format!("app:publish:{}", &hash[1..]), "64 hex digits"),
            (format!("app:publish:{}ä", &hash[2..]), "64 hex digits"),
            (format!("app:publish:{hash}:x"), "NAME:SCOPE+SCOPE:SHA256"),
            (format!("{good},{}", line("app", "all", "two")), "app twice"),
            (
                format!("{good},app-2:all:{}", hash.to_uppercase()),
                "same token as app and as app-2",
            ),
        ] {
            let problem = read(&wrong).expect_err("it is wrong");
            assert!(problem.contains(why), "{wrong}: {problem}");
            assert!(!problem.contains(&hash[2..]), "{problem}");
        }
    }
}
