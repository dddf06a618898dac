//! A setting's value as a source gives it, before its type is known.
//!
//! Owns how text and lists are read from it. Whether a value may be shown is decided elsewhere, by
//! [`SettingType::ECHO`](super::types::SettingType::ECHO).

/// The most characters of a value that a problem repeats.
const MAX_VALUE_CHARS: usize = 80;

/// A value as it was given: text from the environment, or any of these from a file.
#[derive(Clone, PartialEq)]
pub(super) enum Raw {
    Text(String),
    Integer(i128),
    Boolean(bool),
    List(Vec<Raw>),
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

    /// An integer, or text that is one. `None` for anything else.
    pub(super) fn integer(&self) -> Option<i128> {
        match self {
            Self::Integer(number) => Some(*number),
            Self::Text(text) => text.trim().replace('_', "").parse().ok(),
            _ => None,
        }
    }

    /// The items of a list, or of text with commas; empty ones are dropped.
    pub(super) fn items(&self) -> Result<Vec<&str>, String> {
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
