//! The endpoints of a backend that are told facts: their URLs, and the endpoints that the file names.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::endpoint_url::EndpointUrl;
use super::raw::Raw;
use super::types::{SettingType, quoted, quoted_list};
use super::webhook_address::{AddressRefused, check};
use super::webhook_secrets::SigningSecrets;
use crate::model::{FactType, FactTypes};

/// The most endpoints: the metrics have series for each.
pub(super) const MOST: usize = 16;
/// The longest name, in characters.
const MAX_NAME: usize = 32;
/// The keys of an endpoint.
const KEYS: [&str; 4] = ["name", "url", "secrets", "events"];

/// Where facts are sent, by which name the relay speaks of it, how they are signed and which they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// The name in metrics, logs and the admin routes.
    pub name: String,
    /// Where it is.
    pub url: EndpointUrl,
    /// What requests are signed with; at least one.
    pub secrets: SigningSecrets,
    /// What it is told of.
    pub events: FactTypes,
}

impl Endpoint {
    /// What is wrong with its URL, under this setting of `webhook_private_networks`.
    pub(super) fn problem(&self, allows_private: bool) -> Option<String> {
        let url = self.url.expose();
        if !url.starts_with("https://") && !allows_private {
            return Some("must be https://, unless webhook_private_networks = true".to_owned());
        }
        let refused = written_address(url).map(|address| check(address, allows_private));
        let refused: AddressRefused = refused?.err()?;
        Some(format!("has an address that {refused}"))
    }
}

/// The address that a URL has in place of a name, however it is written (`0x7f.1` is one).
fn written_address(url: &str) -> Option<IpAddr> {
    let url = reqwest::Url::parse(url).ok()?;
    let host = url.host_str()?;
    let inner = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    inner.unwrap_or(host).parse().ok()
}

impl SettingType for FactTypes {
    fn parse(raw: &Raw) -> Result<Self, String> {
        Self::parse(raw.words()?).ok_or_else(|| {
            let names = FactType::ALL.map(FactType::as_str).join(", ");
            format!("each must be one of {names}, or *")
        })
    }

    fn to_text(&self) -> String {
        self.names().collect::<Vec<_>>().join(",")
    }

    fn to_toml(&self) -> String {
        quoted_list(self.names().map(str::to_owned))
    }
}

/// The endpoints of the file, each a `[[webhooks]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Endpoints(pub(super) Vec<Endpoint>);

impl Endpoint {
    fn parse(table: &BTreeMap<String, Raw>) -> Result<Self, String> {
        if let Some(key) = table.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!(
                "{key} is no key of an endpoint: they are {}",
                KEYS.join(", ")
            ));
        }
        let needed = |key: &str| table.get(key).ok_or_else(|| format!("each needs a {key}"));
        let name = needed("name")?.text()?.trim().to_owned();
        let is_allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-');
        if !(1..=MAX_NAME).contains(&name.len()) || !name.bytes().all(is_allowed) {
            return Err(WRONG_NAME.to_owned());
        }
        let of = |key: &str, wrong: String| format!("{key} of {name} {wrong}");
        let url = <EndpointUrl as SettingType>::parse(needed("url")?).map_err(|e| of("url", e))?;
        let secrets = SigningSecrets::parse(needed("secrets")?);
        let events = table.get("events").map(<FactTypes as SettingType>::parse);
        Ok(Self {
            url,
            secrets: secrets.map_err(|wrong| of("secrets", wrong))?,
            events: events
                .transpose()
                .map_err(|wrong| of("events", wrong))?
                .unwrap_or_default(),
            name,
        })
    }

    fn to_toml(&self) -> String {
        format!(
            "{{ name = {}, url = {}, secrets = {}, events = {} }}",
            quoted(&self.name),
            quoted(&self.url.to_text()),
            self.secrets.to_toml(),
            self.events.to_toml()
        )
    }
}

const WRONG_NAME: &str =
    "the name of an endpoint must have 1 to 32 characters of a to z, 0 to 9 and -";

impl SettingType for Endpoints {
    // They have secrets.
    const ECHO: bool = false;

    fn parse(raw: &Raw) -> Result<Self, String> {
        const FORM: &str =
            "can be set in the file only, as [[webhooks]] with name, url, secrets and events";
        let items = match raw {
            Raw::List(items) => items.as_slice(),
            Raw::Text(text) if text.trim().is_empty() => &[],
            _ => return Err(FORM.to_owned()),
        };
        let endpoints = items.iter().map(|item| match item {
            Raw::Table(table) => Endpoint::parse(table),
            _ => Err(FORM.to_owned()),
        });
        endpoints.collect::<Result<_, _>>().map(Self)
    }

    fn to_text(&self) -> String {
        let names = self.0.iter().map(|one| one.name.as_str());
        names.collect::<Vec<_>>().join(",")
    }

    fn to_toml(&self) -> String {
        let endpoints: Vec<_> = self.0.iter().map(Endpoint::to_toml).collect();
        format!("[{}]", endpoints.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";

    fn table(members: &[(&str, &str)]) -> Raw {
        let members = members.iter();
        let text = |text: &str| Raw::Text(text.to_owned());
        Raw::Table(
            members
                .map(|(key, value)| ((*key).to_owned(), text(value)))
                .collect(),
        )
    }

    fn read(tables: &[Raw]) -> Result<Endpoints, String> {
        Endpoints::parse(&Raw::List(tables.to_vec()))
    }

    #[test]
    fn an_endpoint_of_the_file_has_its_name_url_secrets_and_events() {
        let basics = [
            ("name", "push"),
            ("url", "https://push.example/a?b"),
            ("secrets", SECRET),
        ];
        let some = [&basics[..], &[("events", "user.online")]].concat();
        let endpoints = read(&[table(&basics), table(&some)]).unwrap();
        assert_eq!(endpoints.0[0].events, FactTypes::default());
        assert_eq!(endpoints.0[1].events.to_text(), "user.online");
        assert_eq!(endpoints.to_text(), "push,push");
        let printed = endpoints.to_toml();
        assert!(
            printed.contains("https://push.example/<redacted>"),
            "{printed}"
        );
        assert!(
            !printed.contains("AAEC") && !printed.contains("a?b"),
            "{printed}"
        );
        assert_eq!(read(&[]).unwrap(), Endpoints::default());
    }

    #[test]
    fn what_is_wrong_with_an_endpoint_is_said_with_its_name() {
        let with = |changed: (&'static str, &'static str)| {
            let basics = [
                ("name", "push"),
                ("url", "https://push.example/"),
                ("secrets", SECRET),
            ];
            let mut members: Vec<_> = basics.into_iter().collect();
            members.retain(|(key, _)| *key != changed.0);
            members.push(changed);
            read(&[table(&members)]).expect_err(changed.0)
        };
        for (changed, said) in [
            (("name", "Push"), "1 to 32 characters"),
            (("url", "ftp://push.example/"), "url of push must be"),
            (
                ("secrets", "whsec_x"),
                "secrets of push each must be whsec_",
            ),
            (
                ("events", "user"),
                "events of push each must be one of user.online",
            ),
            (("event", "user"), "event is no key of an endpoint"),
        ] {
            let problem = with(changed);
            assert!(problem.contains(said), "{said}: {problem}");
        }
        let problem = read(&[table(&[("name", "push")])]).unwrap_err();
        assert!(problem.contains("each needs a url"), "{problem}");
        for other in [Raw::Text("x".to_owned()), table(&[("name", "push")])] {
            let problem = Endpoints::parse(&other).unwrap_err();
            assert!(problem.contains("[[webhooks]]"), "{problem}");
        }
    }
}
