//! Networks of trusted proxies, and the words for those that every machine has.

use std::net::IpAddr;

use ipnet::IpNet;

use super::raw::Raw;
use super::types::{SettingType, quoted_list};

/// Words that stand for several networks, as web frameworks and proxies have them.
const WORDS: [(&str, &[&str]); 5] = [
    ("loopback", LOOPBACK),
    ("localhost", LOOPBACK),
    ("linklocal", &["169.254.0.0/16", "fe80::/10"]),
    ("uniquelocal", PRIVATE),
    ("private", PRIVATE),
];
const LOOPBACK: &[&str] = &["127.0.0.0/8", "::1/128"];
const PRIVATE: &[&str] = &["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"];

const WRONG: &str = "each must be an IP address or network, such as 10.0.0.1 or 10.0.0.0/8, or one of loopback, \
     linklocal, uniquelocal (private networks); how many proxies there are says nothing of who they are";

/// The networks that one item means.
fn networks(item: &str) -> Option<Vec<IpNet>> {
    let word = item.to_ascii_lowercase();
    if let Some((_, networks)) = WORDS.iter().find(|(known, _)| *known == word) {
        return networks
            .iter()
            .map(|network| network.parse().ok())
            .collect();
    }
    let address = item
        .strip_prefix('[')
        .and_then(|item| item.strip_suffix(']'));
    let address = address.unwrap_or(item).parse::<IpAddr>().map(IpNet::from);
    Some(vec![address.ok().or_else(|| item.parse().ok())?])
}

impl SettingType for Vec<IpNet> {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let mut all = Self::new();
        for item in raw.words()? {
            all.extend(networks(item).ok_or(WRONG)?);
        }
        Ok(all)
    }

    fn to_text(&self) -> String {
        let networks: Vec<_> = self.iter().map(IpNet::to_string).collect();
        networks.join(",")
    }

    fn to_toml(&self) -> String {
        quoted_list(self.iter().map(IpNet::to_string))
    }
}
