//! What this node demands of Redis and of the other nodes, looked at as often as the lease is renewed.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use tokio::time::Instant;

use crate::app::App;
use crate::cluster::{Cluster, NodeSettings, RENEWAL};
use crate::config::{Config, Live, Secret};
use crate::engine_io::node_in_sid;
use crate::stores::drivers::redis::RedisError;
use crate::surroundings::Subject;

/// How often the configuration of Redis is read.
const REDIS_INTERVAL: Duration = Duration::from_secs(60);
/// For how long another node that was heard of is taken for there.
const MEMORY: Duration = Duration::from_secs(3 * RENEWAL.as_secs());

/// Settings that each node may have its own of. Secrets and addresses of stores are not told by their text.
const OWN: [&str; 26] = [
    "host",
    "port",
    "base_path",
    "data_dir",
    "node_name",
    "drain_timeout",
    "debug",
    "log_level",
    "log_format",
    "access_log",
    "access_log_users",
    "internal_listen",
    "client_files",
    "jwt_secret",
    "jwt_public_key_file",
    "admin_token",
    "admin_tokens",
    "trusted_proxies",
    "tls_cert_file",
    "tls_key_file",
    "proxy_protocol",
    "memory_budget",
    "audit_max_bytes",
    "audit_spool_max_bytes",
    "mongodb_uri",
    "redis_url",
];

/// The settings by which the nodes find out whether they are set alike. `secret` verifies tokens.
pub(crate) fn settings(config: &Config, secret: Option<&Secret>) -> NodeSettings {
    let entries = config.entries().into_iter();
    let shared = entries.filter(|entry| !OWN.contains(&entry.name));
    let mut settings: BTreeMap<_, _> = shared
        .map(|entry| (entry.name.to_owned(), bits(entry.name, &entry.text)))
        .collect();
    for (name, secret) in [
        ("jwt_secret", secret),
        ("admin_token", config.admin_token.as_ref()),
    ] {
        if let Some(secret) = secret {
            settings.insert(name.to_owned(), bits(name, secret.expose()));
        }
    }
    if !config.admin_tokens.is_empty() {
        let lines = bits("admin_tokens", &config.admin_tokens.lines());
        settings.insert("admin_tokens".to_owned(), lines);
    }
    // Its address may be written in several ways.
    let uri = config.mongodb_uri.as_ref();
    if let Some(database) = uri.and_then(|uri| uri.connection_string().default_database.as_ref()) {
        settings.insert("mongodb_uri".to_owned(), bits("mongodb_uri", database));
    }
    NodeSettings {
        node: config.node_name.clone(),
        settings,
    }
}

fn bits(name: &str, text: &str) -> u16 {
    let digest = digest(&SHA256, format!("{name}={text}").as_bytes());
    let first = digest.as_ref().first_chunk();
    first.map_or(0, |bytes| u16::from_be_bytes(*bytes))
}

/// What was found so far.
pub(crate) struct Demands {
    own: Live<NodeSettings>,
    is_named: bool,
    namesake_seen: Option<Instant>,
    redis_read: Option<Instant>,
}

impl Demands {
    /// Nothing was looked at yet.
    pub(crate) fn new(own: Live<NodeSettings>) -> Self {
        Self {
            own,
            is_named: false,
            namesake_seen: None,
            redis_read: None,
        }
    }

    /// Looks at what is due.
    pub(super) async fn look(&mut self, app: &App, cluster: &Cluster) -> Result<(), RedisError> {
        self.look_for_namesake(app, cluster).await?;
        let others = cluster.say_settings(&self.own.now()).await?;
        let differing = others.iter().filter_map(|other| self.differing(other));
        app.surroundings
            .found(Subject::Settings, differing.collect());
        let is_due = |at: Instant| at.elapsed() >= REDIS_INTERVAL;
        if self.redis_read.is_none_or(is_due) {
            let unmet = cluster.redis().unmet_demands().await;
            app.surroundings.found(Subject::Redis, unmet);
            self.redis_read = Some(Instant::now());
        }
        Ok(())
    }

    async fn look_for_namesake(&mut self, app: &App, cluster: &Cluster) -> Result<(), RedisError> {
        let name = node_in_sid(&self.own.now().node);
        // At first, it may be this one before it was started again.
        if cluster.say_name(&name).await? && self.is_named {
            self.namesake_seen = Some(Instant::now());
        }
        self.is_named = true;
        let is_there = self.namesake_seen.is_some_and(|at| at.elapsed() < MEMORY);
        let notice = is_there.then(|| {
            format!(
                "another server is called {name}, too: set node_name (NODE_NAME) to a name of its own, or its polling \
                 clients are sent here"
            )
        });
        app.surroundings
            .found(Subject::NodeName, notice.into_iter().collect());
        Ok(())
    }

    fn differing(&self, other: &NodeSettings) -> Option<String> {
        let own = self.own.now();
        let own = own.settings.iter();
        let differ = own.filter(|(name, bits)| {
            let theirs = other.settings.get(*name);
            theirs.is_some_and(|theirs| theirs != *bits)
        });
        let names: Vec<_> = differ.map(|(name, _)| name.as_str()).collect();
        (!names.is_empty()).then(|| {
            format!(
                "the server {} has other settings, which have to be the same: {}",
                other.node,
                names.join(", ")
            )
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn demands(config: &Config, secret: &str) -> Demands {
        Demands::new(settings(config, Some(&Secret::new(secret))).into())
    }

    #[test]
    fn settings_that_differ_are_named_and_those_of_each_node_are_not() {
        let config = Config::default();
        let here = demands(&config, "one");
        let same = Config {
            port: 1,
            node_name: "there".to_owned(),
            debug: true,
            ..config.clone()
        };
        assert_eq!(here.differing(&demands(&same, "one").own.now()), None);
        let other = Config {
            max_depth: 9,
            ..same
        };
        let notice = here.differing(&demands(&other, "two").own.now());
        assert_eq!(
            notice.as_deref(),
            Some(
                "the server there has other settings, which have to be the same: jwt_secret, max_depth"
            )
        );
    }

    #[test]
    fn every_setting_of_each_node_is_one() {
        let entries = Config::default().entries();
        for name in OWN {
            assert!(entries.iter().any(|entry| entry.name == name), "{name}");
        }
    }
}
