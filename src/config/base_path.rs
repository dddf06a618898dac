//! What the paths of all requests begin with, where a proxy passes it on.

use super::raw::Raw;
use super::types::SettingType;

/// A path such as `/relay`, without a slash at its end; empty for none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BasePath(String);

impl BasePath {
    /// The rest of a path that begins with it. `None`: it does not, or there is none.
    pub(crate) fn strip<'p>(&self, path: &'p str) -> Option<&'p str> {
        let rest = path.strip_prefix(&*self.0).filter(|_| !self.0.is_empty())?;
        match rest {
            "" => Some("/"),
            rest => rest.starts_with('/').then_some(rest),
        }
    }

    /// Reads one, with slashes at its ends or without.
    fn parse(text: &str) -> Option<Self> {
        let is_plain = |part: &str| {
            let mut bytes = part.bytes();
            !part.is_empty()
                && !matches!(part, "." | "..")
                && bytes.all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        match text.trim_matches('/') {
            "" => Some(Self::default()),
            path => path
                .split('/')
                .all(is_plain)
                .then(|| Self(format!("/{path}"))),
        }
    }
}

impl SettingType for BasePath {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = "must be a path such as /relay, of letters, digits, `-`, `.`, `_` and `~`";
        Ok(Self::parse(raw.text()?.trim()).ok_or(wrong)?)
    }

    fn to_text(&self) -> String {
        self.0.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slashes_around_it_make_no_difference() {
        for text in ["/relay", "relay", "relay/", "/relay/"] {
            assert_eq!(
                BasePath::parse(text),
                Some(BasePath("/relay".into())),
                "{text}"
            );
        }
        assert_eq!(BasePath::parse("/a/b_1"), Some(BasePath("/a/b_1".into())));
        assert_eq!(BasePath::parse("/"), Some(BasePath::default()));
        for wrong in [
            "/a//b",
            "/a b",
            "http://x/relay",
            "/a?b",
            "/..",
            "/%2e",
            "/*",
        ] {
            assert_eq!(BasePath::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn it_is_stripped_in_front_of_a_slash_only() {
        let base = BasePath("/relay".into());
        for (path, rest) in [
            ("/relay", Some("/")),
            ("/relay/", Some("/")),
            ("/relay/health", Some("/health")),
            ("/relay/relay", Some("/relay")),
            ("/relayed", None),
            ("/health", None),
            ("/a/relay", None),
        ] {
            assert_eq!(base.strip(path), rest, "{path}");
        }
        assert_eq!(BasePath::default().strip("/health"), None);
    }
}
