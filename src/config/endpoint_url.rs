//! The URL of an endpoint of the backend. Its path and query may hold a secret, so only its host is ever shown.

use std::fmt;

use super::raw::Raw;
use super::secret::REDACTED;
use super::types::SettingType;
use super::url::HttpUrl;

/// Where an endpoint is.
#[derive(Clone, PartialEq, Eq)]
pub struct EndpointUrl(HttpUrl);

impl EndpointUrl {
    /// The URL as it was given. Never log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.as_str()
    }

    /// Its scheme and host, and that there is more.
    fn shown(&self) -> String {
        let url = self.0.as_str();
        let host = url.find("://").map_or(0, |scheme| scheme + 3);
        let end = url[host..].find(['/', '?', '#']);
        match end.map(|end| url.split_at(host + end)) {
            None | Some((_, "/")) => url.to_owned(),
            Some((start, _)) => format!("{start}/{REDACTED}"),
        }
    }
}

impl fmt::Debug for EndpointUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown())
    }
}

impl SettingType for EndpointUrl {
    const ECHO: bool = false;

    fn parse(raw: &Raw) -> Result<Self, String> {
        <HttpUrl as SettingType>::parse(raw).map(Self)
    }

    fn to_text(&self) -> String {
        self.shown()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_host_is_shown() {
        for (url, shown) in [
            ("https://a.example", "https://a.example"),
            ("https://a.example/", "https://a.example/"),
            (
                "https://a.example:8443/T0/hook",
                "https://a.example:8443/<redacted>",
            ),
            ("http://a.example?key=b/c", "http://a.example/<redacted>"),
        ] {
            let read = EndpointUrl::parse(&Raw::Text(url.to_owned())).unwrap();
            assert_eq!((read.expose(), read.to_text().as_str()), (url, shown));
            assert_eq!(format!("{read:?}"), shown);
        }
    }
}
