//! How a setting of each type is read and written: the interface, and the types of the standard
//! library. A type of this module implements the interface beside its definition.
//!
//! A message here never repeats the value it is about: whether that may be shown is decided in one
//! place, by [`SettingType::ECHO`].

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::path::expanded;
use super::raw::Raw;

/// The longest time a setting may have; longer ones overflow when added to a clock.
pub(crate) const MAX_DURATION: Duration = Duration::from_secs(366 * 24 * 3600);

/// The highest number a setting may have (1 TiB); sums of higher ones could overflow.
const MAX_NUMBER: u64 = 1 << 40;

/// A type that a setting can have.
pub(super) trait SettingType: Sized + PartialEq {
    /// Whether a refused value may be repeated in the problem.
    const ECHO: bool = true;
    /// Whether several environment variables add up; otherwise they must agree.
    const UNION: bool = false;
    /// Whether an empty environment variable is a value; else it counts as one that is not set.
    const EMPTY: bool = false;
    /// Whether a variable counts to the last byte; else quotes and white space around it do not.
    const VERBATIM: bool = false;

    /// Reads a value. The error describes a valid one and does not repeat the value.
    fn parse(raw: &Raw) -> Result<Self, String>;

    /// The value as text for an environment variable; redacted for secrets.
    fn to_text(&self) -> String;

    /// The value as a literal for a TOML file.
    fn to_toml(&self) -> String {
        quoted(&self.to_text())
    }
}

/// The text as a TOML string.
pub(super) fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// The items as a TOML list of strings.
pub(super) fn quoted_list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<_> = items.map(|item| quoted(&item)).collect();
    format!("[{}]", items.join(", "))
}

/// Digits in groups of three, from five digits on.
fn grouped(digits: &str) -> String {
    if digits.len() < 5 {
        return digits.to_owned();
    }
    let mut out = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push('_');
        }
        out.push(digit);
    }
    out
}

/// What else could be written, for what was meant to be a number of bytes.
fn or_size(raw: &Raw) -> &'static str {
    let is_sized = |text: &str| {
        text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(char::is_alphabetic)
    };
    match raw.text() {
        Ok(text) if is_sized(text.trim()) => ", or a size such as 64KiB, 10MB or 1GiB",
        _ => "",
    }
}

/// Whole numbers from 0 to a maximum.
macro_rules! numbers {
    ($($number:ty: $max:expr;)+) => { $(
        impl SettingType for $number {
            fn parse(raw: &Raw) -> Result<Self, String> {
                raw.integer()
                    .and_then(|number| Self::try_from(number).ok())
                    .filter(|number| *number <= $max)
                    .ok_or_else(|| format!("must be a whole number from 0 to {}{}", $max, or_size(raw)))
            }

            fn to_text(&self) -> String {
                self.to_string()
            }

            fn to_toml(&self) -> String {
                grouped(&self.to_text())
            }
        }
    )+ };
}

numbers! {
    u16: Self::MAX;
    u32: Self::MAX;
    u64: MAX_NUMBER;
    usize: MAX_NUMBER as Self;
}

impl SettingType for NonZeroU32 {
    fn parse(raw: &Raw) -> Result<Self, String> {
        u32::parse(raw)
            .ok()
            .and_then(Self::new)
            .ok_or_else(|| format!("must be a whole number from 1 to {}", u32::MAX))
    }

    fn to_text(&self) -> String {
        self.to_string()
    }

    fn to_toml(&self) -> String {
        grouped(&self.to_text())
    }
}

impl SettingType for bool {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let text = match raw {
            Raw::Boolean(value) => return Ok(*value),
            Raw::Text(text) => text.trim().to_ascii_lowercase(),
            Raw::Integer(number) => number.to_string(),
            _ => String::new(),
        };
        match text.as_str() {
            "true" | "on" | "yes" | "1" | "y" | "t" | "enabled" => Ok(true),
            "false" | "off" | "no" | "0" | "n" | "f" | "disabled" => Ok(false),
            _ => Err("must be true or false (or on, off)".to_owned()),
        }
    }

    fn to_text(&self) -> String {
        self.to_string()
    }

    fn to_toml(&self) -> String {
        self.to_text()
    }
}

const NO_DURATION: &str = "must be a time with its unit, such as \"250ms\", \"10s\" or \"5m\"";

/// Reads a time as it is written everywhere: in settings, in options of commands and over REST.
///
/// # Errors
/// What a time has to look like.
pub fn parse_duration(text: &str) -> Result<Duration, &'static str> {
    let text = text.trim();
    // Taken for months, where minutes are meant.
    let has_months = text.contains('M');
    let parsed = humantime::parse_duration(text).ok();
    parsed.filter(|_| !has_months).ok_or(NO_DURATION)
}

impl SettingType for Duration {
    fn parse(raw: &Raw) -> Result<Self, String> {
        if matches!(raw, Raw::Integer(0)) {
            return Ok(Self::ZERO);
        }
        let time = parse_duration(raw.text().map_err(|_| NO_DURATION)?)?;
        if time > MAX_DURATION {
            return Err("must be at most a year".to_owned());
        }
        Ok(time)
    }

    fn to_text(&self) -> String {
        humantime::format_duration(*self).to_string()
    }
}

impl SettingType for String {
    fn parse(raw: &Raw) -> Result<Self, String> {
        raw.text().map(|text| text.trim().to_owned())
    }

    fn to_text(&self) -> String {
        self.clone()
    }
}

impl SettingType for PathBuf {
    // It may be a key by mistake.
    const ECHO: bool = false;

    fn parse(raw: &Raw) -> Result<Self, String> {
        Ok(expanded(Path::new(raw.text()?.trim()))?)
    }

    fn to_text(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

/// Not set when the text is empty.
impl<T: SettingType> SettingType for Option<T> {
    const ECHO: bool = T::ECHO;
    const UNION: bool = T::UNION;
    const VERBATIM: bool = T::VERBATIM;

    fn parse(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text.trim().is_empty() => Ok(None),
            raw => T::parse(raw).map(Some),
        }
    }

    fn to_text(&self) -> String {
        self.as_ref().map(T::to_text).unwrap_or_default()
    }
}
