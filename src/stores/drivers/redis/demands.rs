//! What has to be set in Redis, and is not so. Where Redis does not say how it is set, as hosted ones do not, nothing is
//! wrong with it.

use std::collections::HashMap;

use ::redis::Value;

use super::Redis;

/// The least limits of what may wait for a subscriber, in bytes: at once, and for a minute.
const PUBSUB_LIMITS: [u64; 2] = [512 << 20, 128 << 20];

impl Redis {
    /// What is set otherwise than it has to be, with the name of the setting.
    pub(crate) async fn unmet_demands(&self) -> Vec<String> {
        let mut command = redis::cmd("INFO");
        command.arg("memory");
        let info = self.query::<Value>(&command).await;
        let mut command = redis::cmd("CONFIG");
        command.arg("GET");
        for name in [
            "client-output-buffer-limit",
            "save",
            "appendonly",
            "timeout",
        ] {
            command.arg(name);
        }
        let config = self.query::<HashMap<String, String>>(&command).await;
        let mut infos = Vec::new();
        if let Ok(info) = &info {
            texts(info, &mut infos);
        }
        let mut unmet: Vec<_> = infos.iter().filter_map(|info| evicting(info)).collect();
        unmet.dedup();
        unmet.extend(misconfigured(&config.unwrap_or_default()));
        unmet
    }
}

/// All texts in a reply; each server of a cluster sends one.
fn texts<'v>(value: &'v Value, found: &mut Vec<&'v str>) {
    match value {
        Value::BulkString(bytes) => found.extend(std::str::from_utf8(bytes)),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => found.push(text),
        Value::Array(values) => values.iter().for_each(|value| texts(value, found)),
        Value::Map(pairs) => pairs.iter().for_each(|(_, value)| texts(value, found)),
        _ => {}
    }
}

fn evicting(info: &str) -> Option<String> {
    let mut lines = info.lines();
    let policy = lines.find_map(|line| line.trim().strip_prefix("maxmemory_policy:"))?;
    (policy != "noeviction").then(|| {
        format!(
            "Redis has maxmemory-policy {policy}, which has to be noeviction: what is evicted is taken for ended"
        )
    })
}

fn misconfigured(config: &HashMap<String, String>) -> Vec<String> {
    let given = |name: &str| config.get(name).map(|value| value.trim());
    let limits = given("client-output-buffer-limit").and_then(pubsub_limits);
    let too_low = limits.is_some_and(|limits| {
        let mut pairs = limits.iter().zip(PUBSUB_LIMITS);
        pairs.any(|(limit, least)| (1..least).contains(limit))
    });
    [
        (
            too_low,
            "Redis has a client-output-buffer-limit of pubsub below 512mb 128mb 60: a server that reads slowly is cut off",
        ),
        (
            given("save").is_some_and(|save| !save.is_empty()),
            "Redis has save, which has to be empty: ad-hoc sessions are promised to be in memory only",
        ),
        (
            given("appendonly").is_some_and(|appends| appends != "no"),
            "Redis has appendonly, which has to be no: ad-hoc sessions are promised to be in memory only",
        ),
        (
            given("timeout").is_some_and(|timeout| timeout != "0"),
            "Redis has a timeout, which has to be 0: idle connections of servers are wanted",
        ),
    ]
    .into_iter()
    .filter(|(is_wrong, _)| *is_wrong)
    .map(|(_, text)| text.to_owned())
    .collect()
}

/// `normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60`
fn pubsub_limits(limits: &str) -> Option<[u64; 2]> {
    let (_, pubsub) = limits.split_once("pubsub")?;
    let mut numbers = pubsub.split_whitespace().map(|word| word.parse().ok());
    Some([numbers.next()??, numbers.next()??])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_noeviction_is_right() {
        let info = |policy: &str| {
            format!("# Memory\r\nmaxmemory:0\r\nmaxmemory_policy:{policy}\r\nx:1\r\n")
        };
        assert_eq!(evicting(&info("noeviction")), None);
        assert_eq!(evicting("# Memory\r\n"), None);
        for policy in ["allkeys-lru", "volatile-ttl"] {
            let notice = evicting(&info(policy)).expect("a notice");
            assert!(
                notice.contains("maxmemory-policy") && notice.contains(policy),
                "{notice}"
            );
        }
    }

    #[test]
    fn each_setting_is_named_that_is_not_as_it_has_to_be() {
        let buffers =
            |pubsub: &str| format!("normal 0 0 0 slave 268435456 67108864 60 pubsub {pubsub}");
        let wrong = |pairs: &[(&str, String)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone()));
            misconfigured(&pairs.collect())
        };
        assert!(wrong(&[]).is_empty());
        for good in [
            (
                "client-output-buffer-limit",
                buffers("536870912 134217728 60"),
            ),
            ("client-output-buffer-limit", buffers("0 0 0")),
            ("client-output-buffer-limit", "?".to_owned()),
            ("save", String::new()),
            ("appendonly", "no".to_owned()),
            ("timeout", "0".to_owned()),
        ] {
            assert!(wrong(std::slice::from_ref(&good)).is_empty(), "{good:?}");
        }
        for bad in [
            ("client-output-buffer-limit", buffers("33554432 8388608 60")),
            ("client-output-buffer-limit", buffers("0 8388608 60")),
            ("save", "3600 1 300 100".to_owned()),
            ("appendonly", "yes".to_owned()),
            ("timeout", "300".to_owned()),
        ] {
            let notices = wrong(std::slice::from_ref(&bad));
            assert_eq!(notices.len(), 1, "{bad:?}");
            assert!(notices[0].contains(bad.0), "{bad:?}");
        }
    }

    #[test]
    fn each_server_of_a_cluster_is_read() {
        let reply = Value::Map(vec![
            (
                Value::Int(1),
                Value::BulkString(b"maxmemory_policy:noeviction".to_vec()),
            ),
            (
                Value::Int(2),
                Value::SimpleString("maxmemory_policy:allkeys-lru".into()),
            ),
        ]);
        let mut found = Vec::new();
        texts(&reply, &mut found);
        assert_eq!(found.iter().filter_map(|info| evicting(info)).count(), 1);
    }
}
