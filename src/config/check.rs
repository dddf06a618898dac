//! Checks of one setting's value that its type alone cannot make, such as ranges.
//!
//! Checks that need several settings are in `consistency`.

use std::time::Duration;

use super::secret::Secret;
use super::types::SettingType;

/// Refuses a value that its type allows; the error describes a valid one.
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

/// Refuses values that are none of these.
pub(super) fn one_of<T: SettingType + PartialEq>(
    values: &'static [T],
) -> impl Fn(&T) -> Result<(), String> {
    move |value| match values.contains(value) {
        true => Ok(()),
        false => {
            let values: Vec<_> = values.iter().map(T::to_text).collect();
            Err(format!("must be one of {}", values.join(", ")))
        }
    }
}

/// Refuses a value as `check` does, and not that there is none.
pub(super) fn if_set<T>(
    check: impl Fn(&T) -> Result<(), String>,
) -> impl Fn(&Option<T>) -> Result<(), String> {
    move |value| value.as_ref().map_or(Ok(()), &check)
}

/// Refuses times that are too short to be meant, but not zero.
pub(super) fn zero_or_at_least(min: Duration) -> impl Fn(&Duration) -> Result<(), String> {
    move |value| match value.is_zero() || *value >= min {
        true => Ok(()),
        false => Err(format!("must be 0 or at least {}", min.to_text())),
    }
}

/// Refuses a size that hardly holds anything, but not zero.
pub(super) fn zero_or_some_bytes(size: &Option<u64>) -> Result<(), String> {
    const MIN: u64 = 1 << 20;
    match size {
        Some(1..MIN) => Err(format!("must be 0 or at least {MIN}")),
        _ => Ok(()),
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

/// Refuses a prefix that would change the hash slot of a key in a Redis cluster.
pub(super) fn redis_prefix(prefix: &str) -> Result<(), String> {
    let fits = (1..=64).contains(&prefix.len());
    match fits && !prefix.contains(|c: char| c.is_control() || matches!(c, '{' | '}')) {
        true => Ok(()),
        false => Err("must have 1 to 64 bytes, no braces and no control characters".to_owned()),
    }
}
