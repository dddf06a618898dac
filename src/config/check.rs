//! Checks that a type alone cannot make: ranges, and settings that need one another.

use super::choices::JwtAlgorithm;
use super::problems::Problems;
use super::secret::Secret;
use super::settings::Config;
use super::types::SettingType;
use crate::stores::drivers::mongo::Mongo;
use crate::stores::drivers::redis::Redis;

/// Refuses a value that its type allows; the error says what would be right.
pub(super) type Check<'a, T> = &'a dyn Fn(&T) -> Result<(), String>;

/// The shortest secret that is accepted, in bytes.
pub(super) const SECRET_MIN_BYTES: usize = 32;

/// Refuses values below `min`.
pub(super) fn at_least<T: SettingType + PartialOrd>(min: T) -> impl Fn(&T) -> Result<(), String> {
    move |value| match *value >= min {
        true => Ok(()),
        false => Err(format!("must be at least {}", min.to_text())),
    }
}

/// Refuses values outside `min` to `max`, both allowed.
pub(super) fn between<T: SettingType + PartialOrd>(
    min: T,
    max: T,
) -> impl Fn(&T) -> Result<(), String> {
    move |value| match *value >= min && *value <= max {
        true => Ok(()),
        false => Err(format!(
            "must be from {} to {}",
            min.to_text(),
            max.to_text()
        )),
    }
}

/// Refuses a secret that could be guessed.
pub(super) fn long_enough(secret: &Option<Secret>) -> Result<(), String> {
    match secret {
        Some(secret) if secret.expose().len() < SECRET_MIN_BYTES => Err(format!(
            "must have at least {SECRET_MIN_BYTES} bytes, and has {}",
            secret.expose().len()
        )),
        _ => Ok(()),
    }
}

/// Refuses a name that would not fit in a log line or a record.
pub(super) fn node_name(name: &str) -> Result<(), String> {
    let fits = (1..=128).contains(&name.len()) && !name.contains(char::is_control);
    match fits {
        true => Ok(()),
        false => Err("must have 1 to 128 bytes and no control characters".to_owned()),
    }
}

/// Refuses what is no URI of a MongoDB. What is wrong with it is not said: it may hold a password.
pub(super) fn mongodb_uri(uri: &Option<Secret>) -> Result<(), String> {
    match uri {
        Some(uri) if !Mongo::is_uri(uri.expose()) => {
            Err("must be a valid mongodb:// or mongodb+srv:// URI".to_owned())
        }
        _ => Ok(()),
    }
}

/// Refuses what is no URL of a Redis. What is wrong with it is not said: it may hold a password.
pub(super) fn redis_url(url: &Option<Secret>) -> Result<(), String> {
    match url {
        Some(url) if !Redis::is_url(url.expose()) => Err(
            "must be a valid redis://, rediss://, redis-sentinel:// or redis-cluster:// URL"
                .to_owned(),
        ),
        _ => Ok(()),
    }
}

/// Refuses a prefix that would change what a Redis cluster makes of a name.
pub(super) fn redis_prefix(prefix: &str) -> Result<(), String> {
    let fits = (1..=64).contains(&prefix.len());
    match fits && !prefix.contains(|c: char| c.is_control() || matches!(c, '{' | '}')) {
        true => Ok(()),
        false => Err("must have 1 to 64 bytes, no braces and no control characters".to_owned()),
    }
}

/// Settings that need, or make no sense without, one another.
pub(super) fn across(config: &Config, problems: &mut Problems) {
    if config.redis_url.is_some()
        && config.mongodb_uri.is_none()
        && !problems.about(&["mongodb_uri"])
    {
        problems.add("redis_url", NEEDS_MONGODB, None);
    }
    keys(config, problems);
}

const NEEDS_MONGODB: &str = "needs mongodb_uri: servers that share conversations must keep them in one \
     place, and what is in data_dir is seen by one server only";

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
