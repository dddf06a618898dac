//! Checks across settings: those that need one another, or have no effect without one another.

use super::choices::{JwtAlgorithm, ProxyProtocol};
use super::problems::Problems;
use super::settings::Config;
use super::webhooks;

/// Adds a problem for each setting that lacks, or contradicts, another.
pub(super) fn check(config: &Config, problems: &mut Problems) {
    if config.redis_url.is_some()
        && config.mongodb_uri.is_none()
        && !problems.about(&["mongodb_uri"])
    {
        problems.add("redis_url", NEEDS_MONGODB, None);
    }
    if config.users_collection.is_some()
        && config.mongodb_uri.is_none()
        && !problems.about(&["mongodb_uri"])
    {
        problems.add(
            "users_collection",
            "needs mongodb_uri, whose database has it",
            None,
        );
    }
    if config.admin_public && config.internal_listen.is_none() {
        problems.add(
            "admin_public",
            "has no effect without internal_listen: the admin routes are served to clients' addresses anyway",
            None,
        );
    }
    if config.publish_max_bytes > config.max_event_bytes
        && !problems.about(&["publish_max_bytes", "max_event_bytes"])
    {
        problems.add(
            "publish_max_bytes",
            "must not be more than max_event_bytes",
            None,
        );
    }
    if config.admin_token.is_some() && config.admin_tokens.has("admin") {
        problems.add(
            "admin_tokens",
            "has a token with the name admin, which is that of admin_token",
            None,
        );
    }
    edge(config, problems);
    keys(config, problems);
    webhooks::check(config, problems);
}

const NEEDS_MONGODB: &str = "needs mongodb_uri: servers that share conversations must keep them in one \
     place, and what is in data_dir is seen by one server only";

/// What stands in front of HTTP.
fn edge(config: &Config, problems: &mut Problems) {
    let files = [
        ("tls_cert_file", config.tls_cert_file.is_some()),
        ("tls_key_file", config.tls_key_file.is_some()),
    ];
    if let [(set, true), (missing, false)] | [(missing, false), (set, true)] = files
        && !problems.about(&[set, missing])
    {
        problems.add(set, format!("needs {missing}"), None);
    }
    if config.proxy_protocol == ProxyProtocol::Required
        && config.trusted_proxies.is_empty()
        && !problems.about(&["trusted_proxies"])
    {
        problems.add(
            "proxy_protocol",
            "needs trusted_proxies: nobody else may connect then",
            None,
        );
    }
}

/// How tokens are verified.
fn keys(config: &Config, problems: &mut Problems) {
    const KEYS: [&str; 2] = ["jwt_public_key_file", "jwks_url"];
    if problems.about(&["jwt_algorithms"]) || problems.about(&KEYS) {
        return;
    }
    let asymmetric = |algorithm: &JwtAlgorithm| *algorithm != JwtAlgorithm::Hs256;
    let by_key = config.jwt_algorithms.iter().find(|a| asymmetric(a));
    let has_key = config.jwt_public_key_file.is_some() || config.jwks_url.is_some();
    match by_key {
        Some(algorithm) if !has_key => problems.add(
            "jwt_algorithms",
            format!("{algorithm} needs jwt_public_key_file or jwks_url"),
            None,
        ),
        None if config.jwt_public_key_file.is_some() => problems.add(KEYS[0], UNUSED_KEY, None),
        None if config.jwks_url.is_some() => problems.add(KEYS[1], UNUSED_KEY, None),
        _ => {}
    }
}

const UNUSED_KEY: &str = "has no effect unless jwt_algorithms lists RS256, ES256 or EdDSA";
