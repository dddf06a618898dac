//! The names of cookies that tokens are in, and how such a cookie is found in a header.
//!
//! Whether a cookie of a request counts is decided elsewhere.

use super::raw::Raw;
use super::types::{SettingType, quoted_list};

/// Names of cookies. By default there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CookieNames(Vec<String>);

impl CookieNames {
    /// Whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value of the first of these cookies that is in one of these headers and not empty.
    pub(crate) fn find<'h>(&self, headers: &[&'h str]) -> Option<&'h str> {
        let value = |name: &String| {
            let pairs = headers.iter().flat_map(|header| header.split(';'));
            let mut values = pairs.filter_map(|pair| {
                let (is, value) = pair.split_once('=')?;
                (is.trim() == name).then(|| unquoted(value.trim()))
            });
            values.find(|value| !value.is_empty())
        };
        self.0.iter().find_map(value)
    }
}

fn unquoted(value: &str) -> &str {
    let inner = value.strip_prefix('"');
    inner
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(value)
}

/// Whether a cookie can have this name (RFC 6265).
fn is_name(text: &str) -> bool {
    let is_token = |byte: u8| byte.is_ascii_graphic() && !b"()<>@,;:\\\"/[]?={}".contains(&byte);
    text.bytes().all(is_token)
}

impl SettingType for CookieNames {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let names = raw.words()?;
        match names.iter().all(|name| is_name(name)) {
            true => Ok(Self(names.into_iter().map(str::to_owned).collect())),
            false => Err("each must be the name of a cookie".to_owned()),
        }
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

    #[test]
    fn a_cookie_is_found_by_its_whole_name_in_the_order_of_the_setting() {
        let names = CookieNames(vec!["jwt".to_owned(), "token".to_owned()]);
        let find = |headers: &'static [&'static str]| names.find(headers);
        assert_eq!(find(&["token=b; jwt=a"]), Some("a"));
        assert_eq!(find(&["xjwt=c; token=b"]), Some("b"));
        assert_eq!(find(&["x=1", "jwt=\"a=b\""]), Some("a=b"));
        assert_eq!(find(&["jwt=; token=b"]), Some("b"));
        for none in [&[][..], &["JWT=a"], &["jwt"], &["jwtx=a"], &["x=jwt=a"]] {
            assert_eq!(find(none), None, "{none:?}");
        }
        let none = CookieNames::default();
        assert_eq!(none.find(&["jwt=a"]), None);
    }
}
