//! A setting's value as a source gives it, before its type is known.
//!
//! Owns how text and lists are read from it. Whether a value may be shown is decided elsewhere, by
//! [`SettingType::ECHO`](super::types::SettingType::ECHO).

use std::collections::BTreeMap;

/// The most characters of a value that a problem repeats.
const MAX_VALUE_CHARS: usize = 80;

/// What may stand behind a number of bytes, in any case, and how many it means.
const SIZES: [(&str, i128); 6] = [
    ("kib", 1 << 10),
    ("mib", 1 << 20),
    ("gib", 1 << 30),
    ("kb", 1_000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
];

/// A value as it was given: text from the environment, or any of these from a file.
#[derive(Clone, PartialEq)]
pub(super) enum Raw {
    Text(String),
    Integer(i128),
    Boolean(bool),
    List(Vec<Raw>),
    Table(BTreeMap<String, Raw>),
    /// A type that no setting has, by its name.
    Other(&'static str),
}

impl Raw {
    /// The value for the text of a problem, shortened to 80 characters.
    pub(super) fn for_problem(&self) -> String {
        let text = match self {
            Self::Text(text) => format!("{text:?}"),
            Self::Integer(number) => number.to_string(),
            Self::Boolean(value) => value.to_string(),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::for_problem).collect();
                format!("[{}]", items.join(", "))
            }
            Self::Table(_) => "a table".to_owned(),
            Self::Other(name) => (*name).to_owned(),
        };
        if text.chars().count() <= MAX_VALUE_CHARS {
            return text;
        }
        text.chars()
            .take(MAX_VALUE_CHARS - 1)
            .chain(['…'])
            .collect()
    }

    /// The text of a text.
    pub(super) fn text(&self) -> Result<&str, String> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err("must be text in quotes".to_owned()),
        }
    }

    /// An integer, or text that is one, perhaps with a unit of bytes. `None` for anything else.
    pub(super) fn integer(&self) -> Option<i128> {
        let text = match self {
            Self::Integer(number) => return Some(*number),
            Self::Text(text) => text.trim().to_ascii_lowercase(),
            _ => return None,
        };
        let sized = SIZES.iter().find_map(|(unit, bytes)| {
            let number = text.strip_suffix(unit)?;
            Some((number.trim_end(), *bytes))
        });
        let (number, bytes) = sized.unwrap_or((&text, 1));
        let number: i128 = number.replace('_', "").parse().ok()?;
        number.checked_mul(bytes)
    }

    /// The items of a list, or of text with commas; empty ones are dropped.
    pub(super) fn items(&self) -> Result<Vec<&str>, String> {
        self.split(|c| c == ',')
    }

    /// The same where no item has spaces or semicolons, which then separate items as well.
    pub(super) fn words(&self) -> Result<Vec<&str>, String> {
        self.split(|c| c == ',' || c == ';' || c.is_whitespace())
    }

    fn split(&self, ends_item: fn(char) -> bool) -> Result<Vec<&str>, String> {
        let items = match self {
            Self::Text(text) => listed(text).split(ends_item).map(unquoted).collect(),
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

/// The items of a list that is written as in a file, in brackets and with each item in quotes.
fn listed(text: &str) -> &str {
    let text = text.trim();
    let inner = text
        .strip_prefix('[')
        .and_then(|inner| inner.strip_suffix(']'));
    let is_list = |inner: &&str| inner.trim_start().starts_with(['"', '\'']);
    inner.filter(is_list).unwrap_or(text)
}

/// The text without the quotes around it, which some programs pass on from files of variables.
pub(super) fn unquoted(text: &str) -> &str {
    let text = text.trim();
    let inner = |quote: char| text.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(text)
}
