//! Which events a backend may publish: names, and prefixes of names.

use super::raw::Raw;
use super::types::{SettingType, quoted_list};
use crate::model::event_names;

/// The longest name of an event, in bytes.
const MAX_BYTES: usize = 128;
/// What a prefix ends with.
const ANY: char = '*';

/// Whether an event can have this name.
fn is_name(text: &str) -> bool {
    (1..=MAX_BYTES).contains(&text.len()) && !text.contains(char::is_control)
}

/// Names of events, and prefixes of names that end in `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublishEvents(Vec<String>);

impl Default for PublishEvents {
    fn default() -> Self {
        Self(vec!["app:*".to_owned()])
    }
}

impl PublishEvents {
    /// Whether an event of this name is among them.
    pub(crate) fn allow(&self, name: &str) -> bool {
        let is_one = |pattern: &String| match pattern.strip_suffix(ANY) {
            Some(prefix) => name.starts_with(prefix),
            None => name == pattern,
        };
        is_name(name) && self.0.iter().any(is_one)
    }
}

impl SettingType for PublishEvents {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let patterns = raw.items()?;
        for pattern in &patterns {
            let prefix = pattern.strip_suffix(ANY);
            let name = prefix.unwrap_or(pattern);
            if !is_name(pattern) || name.contains(ANY) {
                return Err(format!(
                    "each must be the name of an event, or a prefix with {ANY} behind it, of 1 to {MAX_BYTES} bytes \
                     without control characters"
                ));
            }
            if let Some(event) = event_names::reserved_by(name, prefix.is_some()) {
                return Err(format!(
                    "must not cover {event}, which has a meaning already"
                ));
            }
        }
        Ok(Self(patterns.into_iter().map(str::to_owned).collect()))
    }

    fn to_text(&self) -> String {
        self.0.join(",")
    }

    fn to_toml(&self) -> String {
        quoted_list(self.0.iter().cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<PublishEvents, String> {
        PublishEvents::parse(&Raw::Text(text.to_owned()))
    }

    #[test]
    fn names_and_prefixes_are_allowed_and_nothing_else() {
        let events = read("app:*, order.paid").expect("events");
        let longest = format!("app:{}", "x".repeat(124));
        for good in ["app:", "app:x", "app:ä", "order.paid", &longest] {
            assert!(events.allow(good), "{good}");
        }
        let too_long = format!("{longest}x");
        for bad in [
            "",
            "ap",
            "App:x",
            "order.paid.x",
            "app:\n",
            "app:\u{7f}",
            &too_long,
        ] {
            assert!(!events.allow(bad), "{bad:?}");
        }
        assert!(!read("").expect("none").allow("app:x"));
    }

    #[test]
    fn what_has_a_meaning_already_is_refused_and_named() {
        for (text, event) in [
            ("message:new", "message:new"),
            ("app:*,user:*", "user:"),
            ("auth:x", "auth:*"),
            ("auth:*", "auth:*"),
            ("au*", "auth:*"),
            ("*", "auth:*"),
            ("connect", "connect"),
            ("disc*", "disconnect"),
            ("error", "error"),
            ("send_message", "send_message"),
            ("authenticate", "authenticate"),
        ] {
            let problem = read(text).expect_err(text);
            assert!(problem.contains(event), "{text}: {problem}");
        }
        for wrong in ["a*b", "a**", "x\u{7}", &"x".repeat(129)] {
            assert!(read(wrong).expect_err(wrong).contains("must be the name"));
        }
    }
}
