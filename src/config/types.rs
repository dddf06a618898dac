//! How each type of setting is read and written. A message here never repeats the value it is about:
//! whether that may be shown is decided in one place, by [`SettingType::ECHO`].

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;

use super::choices::Choice;
use super::origins::AllowedOrigins;
use super::rate::Rate;
use super::secret::{REDACTED, Secret};
use super::url::HttpUrl;

/// The longest time a setting may have; longer ones overflow when added to a clock.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// The highest number a setting may have (1 TiB); sums of higher ones could overflow.
const MOST: u64 = 1 << 40;

/// A value as it was given: text from the environment, or any of these from a file.
#[derive(Clone, PartialEq)]
pub(super) enum Raw {
    Text(String),
    Integer(i128),
    Boolean(bool),
    List(Vec<Raw>),
    /// Something no setting takes, by its name.
    Other(&'static str),
}

impl Raw {
    /// The value in a problem's text, shortened.
    pub(super) fn shown(&self) -> String {
        let text = match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::shown).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Other(name) => (*name).to_owned(),
        };
        if text.chars().count() <= 80 {
            return text;
        }
        text.chars().take(79).chain(['…']).collect()
    }

    fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err("must be text in quotes".to_owned()),
        }
    }

    fn integer(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Text(text) => text.trim().replace('_', "").parse().ok(),
            _ => None,
        }
    }

    /// The items of a list, or of text with commas; empty ones are dropped.
    fn items(&self) -> Result<Vec<&str>, String> {
        let items = match self {
            Self::Text(text) => text.split(',').collect(),
            Self::List(items) => items
                .iter()
                .map(Self::text)
                .collect::<Result<Vec<_>, _>>()
                .map_err(|_| "must be a list of texts in quotes".to_owned())?,
            _ => return Err("must be a list, or text with commas".to_owned()),
        };
        let items = items.into_iter().map(str::trim);
        Ok(items.filter(|item| !item.is_empty()).collect())
    }
}

/// A type that a setting can have.
pub(super) trait SettingType: Sized {
    /// Whether a refused value may be repeated in the problem.
    const ECHO: bool = true;
    /// Whether several environment variables add up; otherwise they must agree.
    const UNION: bool = false;

    /// Reads a value. The error says what would be right and does not repeat the value.
    fn parse(raw: &Raw) -> Result<Self, String>;

    /// The value as an environment variable has it; redacted for secrets.
    fn to_text(&self) -> String;

    /// The value as a TOML file has it.
    fn to_toml(&self) -> String {
        quoted(&self.to_text())
    }
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn quoted_list(items: impl Iterator<Item = String>) -> String {
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

/// Whole numbers from 0 to a highest one.
macro_rules! numbers {
    ($($number:ty: $max:expr;)+) => { $(
        impl SettingType for $number {
            fn parse(raw: &Raw) -> Result<Self, String> {
                raw.integer()
                    .and_then(|number| Self::try_from(number).ok())
                    .filter(|number| *number <= $max)
                    .ok_or_else(|| format!("must be a whole number from 0 to {}", $max))
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
    u64: MOST;
    usize: MOST as Self;
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
            "true" | "on" | "yes" | "1" => Ok(true),
            "false" | "off" | "no" | "0" => Ok(false),
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

impl SettingType for Duration {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = || "must be a time with its unit, such as \"250ms\", \"10s\" or \"5m\"";
        if matches!(raw, Raw::Integer(0)) {
            return Ok(Self::ZERO);
        }
        let text = raw.text().map_err(|_| wrong())?;
        let time = humantime::parse_duration(text.trim()).map_err(|_| wrong())?;
        if time > LONGEST {
            return Err("must be at most a year".to_owned());
        }
        Ok(time)
    }

    fn to_text(&self) -> String {
        humantime::format_duration(*self).to_string()
    }
}

impl SettingType for Rate {
    fn parse(raw: &Raw) -> Result<Self, String> {
        raw.text()
            .ok()
            .and_then(Self::parse)
            .ok_or_else(|| {
                "must be a number from 1 to 1000000 and its period, such as \"30/s\", \"30/min\" or \"100/h\"".to_owned()
            })
    }

    fn to_text(&self) -> String {
        self.to_string()
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
    fn parse(raw: &Raw) -> Result<Self, String> {
        match raw.text()? {
            "" => Err("must be a path".to_owned()),
            path => Ok(Self::from(path)),
        }
    }

    fn to_text(&self) -> String {
        self.to_string_lossy().into_owned()
    }
}

impl SettingType for IpAddr {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = || "must be an IP address, such as 0.0.0.0, 127.0.0.1 or ::";
        let text = raw.text().map_err(|_| wrong())?;
        Ok(text.trim().parse().map_err(|_| wrong())?)
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl SettingType for HttpUrl {
    // It may hold a password by mistake.
    const ECHO: bool = false;

    fn parse(raw: &Raw) -> Result<Self, String> {
        Self::parse(raw.text()?.trim())
    }

    fn to_text(&self) -> String {
        self.to_string()
    }
}

impl SettingType for Secret {
    const ECHO: bool = false;

    fn parse(raw: &Raw) -> Result<Self, String> {
        // Not trimmed: other servers and signers use the bytes as they are.
        raw.text().map(Self::new)
    }

    fn to_text(&self) -> String {
        REDACTED.to_owned()
    }
}

/// Not set when the text is empty.
impl<T: SettingType> SettingType for Option<T> {
    const ECHO: bool = T::ECHO;
    const UNION: bool = T::UNION;

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

fn word<C: Choice>(text: &str) -> Result<C, String> {
    let found = C::ALL
        .iter()
        .find(|choice| choice.word().eq_ignore_ascii_case(text.trim()));
    found.copied().ok_or_else(words::<C>)
}

fn words<C: Choice>() -> String {
    let words: Vec<_> = C::ALL.iter().map(|choice| choice.word()).collect();
    format!("must be one of {}", words.join(", "))
}

impl<C: Choice> SettingType for C {
    fn parse(raw: &Raw) -> Result<Self, String> {
        raw.text().map_err(|_| words::<C>()).and_then(word)
    }

    fn to_text(&self) -> String {
        self.word().to_owned()
    }
}

/// At least one word, each once.
impl<C: Choice> SettingType for Vec<C> {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let mut choices = Self::new();
        for item in raw.items()? {
            let choice = word(item).map_err(|wrong| format!("each {wrong}"))?;
            if choices.contains(&choice) {
                return Err(format!("lists {} twice", choice.word()));
            }
            choices.push(choice);
        }
        if choices.is_empty() {
            return Err("must not be empty".to_owned());
        }
        Ok(choices)
    }

    fn to_text(&self) -> String {
        let words: Vec<_> = self.iter().map(|choice| choice.word()).collect();
        words.join(",")
    }

    fn to_toml(&self) -> String {
        quoted_list(self.iter().map(C::to_text))
    }
}

/// Networks, or single addresses.
impl SettingType for Vec<IpNet> {
    fn parse(raw: &Raw) -> Result<Self, String> {
        let wrong = "each must be an IP address or network, such as 10.0.0.1 or 10.0.0.0/8";
        raw.items()?
            .into_iter()
            .map(|item| {
                let address = item.parse::<IpAddr>().map(IpNet::from);
                address.or_else(|_| item.parse()).map_err(|_| wrong.into())
            })
            .collect()
    }

    fn to_text(&self) -> String {
        let networks: Vec<_> = self.iter().map(IpNet::to_string).collect();
        networks.join(",")
    }

    fn to_toml(&self) -> String {
        quoted_list(self.iter().map(IpNet::to_string))
    }
}

impl SettingType for AllowedOrigins {
    const UNION: bool = true;

    fn parse(raw: &Raw) -> Result<Self, String> {
        Self::parse(raw.items()?.into_iter())
    }

    fn to_text(&self) -> String {
        match self {
            Self::Any => "*".to_owned(),
            Self::List(origins) => {
                let origins: Vec<_> = origins.iter().map(|origin| origin.as_str()).collect();
                origins.join(",")
            }
        }
    }

    fn to_toml(&self) -> String {
        match self {
            Self::Any => quoted("*"),
            Self::List(origins) => quoted_list(origins.iter().map(|o| o.as_str().to_owned())),
        }
    }
}
