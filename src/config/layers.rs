//! Merges the sources into one value for each setting, with its origin.
//!
//! Owns precedence and unknown keys. Which values are valid is decided by the types.

use std::fmt;
use std::path::Path;

use ::config::{ConfigBuilder, ConfigError, FileFormat, Format, Map, Source, Value, ValueKind};

use super::path::expanded;
use super::problems::{Problem, Problems};
use super::raw::{Raw, unquoted};
use super::setting::Setting;
use super::settings::SETTINGS;
use super::sources::{FILE_VARIABLE, Sources};
use super::types::SettingType as _;
use super::values::Values;

/// Reads the file and the environment, which overrides the file.
pub(super) fn gather(sources: &Sources) -> (Values, Problems) {
    let mut problems = sources.problems.clone();
    for name in &sources.not_utf8 {
        if is_variable(name) {
            problems.add(name, "is not valid UTF-8", None);
        }
    }
    let builder = ConfigBuilder::<::config::builder::DefaultState>::default()
        .add_source(host_layer(sources))
        .add_source(file_layer(sources, &mut problems))
        .add_source(environment_layer(sources, &mut problems));
    let merged = builder.build().and_then(|merged| merged.collect());
    let values = merged.unwrap_or_else(|error| {
        problems.add("configuration", error.to_string(), None);
        Map::new()
    });
    let values = values.into_iter().map(|(name, value)| {
        let source = value.origin().unwrap_or_default().to_owned();
        (name, (raw(value.kind), source))
    });
    (Values::new(values.collect()), problems)
}

/// One source's values by setting name.
#[derive(Clone)]
struct Layer(Map<String, Value>);

impl Source for Layer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, Value>, ConfigError> {
        Ok(self.0.clone())
    }
}

/// Shows no values, which include secrets.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

fn host_layer(sources: &Sources) -> Layer {
    let name = sources.host_name.iter().map(|name| {
        let origin = "the name of this machine".to_owned();
        let value = Value::new(Some(&origin), name.as_str());
        ("node_name".to_owned(), value)
    });
    Layer(name.collect())
}

fn environment_layer(sources: &Sources, problems: &mut Problems) -> Layer {
    let mut layer = Map::new();
    for setting in SETTINGS {
        let names = setting.variables();
        let found: Vec<_> = names
            .iter()
            .filter_map(|name| given(setting, sources, name))
            .filter(|(value, _)| !is_foreign(setting, value))
            .collect();
        let Some((first, _)) = found.first() else {
            continue;
        };
        let origins: Vec<_> = found.iter().map(|(_, origin)| origin.as_str()).collect();
        let origin = origins.join(", ");
        if !setting.union && found.iter().any(|(value, _)| value != first) {
            problems.add(
                setting.name,
                "is given twice, and differently",
                Some(origin),
            );
            continue;
        }
        let values = found.iter().map(|(value, _)| *value);
        let text = if setting.union {
            values.collect::<Vec<_>>().join(",")
        } else {
            (*first).to_owned()
        };
        layer.insert(setting.name.to_owned(), Value::new(Some(&origin), text));
    }
    Layer(layer)
}

/// A variable of a setting, as it counts, with its origin.
fn given<'a>(setting: &Setting, sources: &'a Sources, name: &str) -> Option<(&'a str, String)> {
    let (value, origin) = match setting.empty {
        true => sources.variable_or_empty(name)?,
        false => sources.variable(name)?,
    };
    let value = if setting.verbatim {
        value
    } else {
        unquoted(value)
    };
    (setting.empty || !value.is_empty()).then_some((value, origin))
}

/// Whether a variable is meant for other software: by `DEBUG` one chooses what libraries of Node log, and it is set
/// for all of an environment.
fn is_foreign(setting: &Setting, value: &str) -> bool {
    setting.name == "debug" && bool::parse(&Raw::Text(value.to_owned())).is_err()
}

/// The variables that are ignored because they are meant for other software.
pub(super) fn ignored(sources: &Sources) -> Vec<Problem> {
    let variables = SETTINGS.iter().flat_map(|setting| {
        let names = setting.variables().into_iter();
        names.map(move |name| (setting, name))
    });
    let ignored = variables.filter_map(|(setting, name)| {
        let (value, origin) = given(setting, sources, &name)?;
        is_foreign(setting, value).then(|| Problem {
            setting: setting.name.to_owned(),
            message: "is ignored: it is neither true nor false".to_owned(),
            source: Some(origin),
        })
    });
    ignored.collect()
}

/// What is to be said of variables that are settings, though they are accepted: what other programs would read
/// differently, and what was probably not meant to be part of a value.
pub(super) fn doubtful(sources: &Sources) -> Vec<Problem> {
    let notes = sources.notes.iter();
    let of_settings = notes.filter(|note| {
        let is_overridden = sources
            .env
            .get(&note.setting)
            .is_some_and(|value| !value.is_empty());
        let is_setting = is_variable(&note.setting) || note.setting == FILE_VARIABLE;
        is_setting && !is_overridden
    });
    let verbatim = SETTINGS.iter().filter(|setting| setting.verbatim);
    let framed = verbatim.flat_map(Setting::variables).filter_map(|name| {
        let value = sources.env.get(&name)?;
        (unquoted(value) != value).then(|| Problem {
            message: "has quotes or white space around it, which are part of it".to_owned(),
            source: Some(format!("environment variable {name}")),
            setting: name,
        })
    });
    of_settings.cloned().chain(framed).collect()
}

fn file_layer(sources: &Sources, problems: &mut Problems) -> Layer {
    let Some(path) = sources.named_file() else {
        return Layer(Map::new());
    };
    let read = expanded(&path).map_err(str::to_owned);
    match read.and_then(|path| read_file(&path)) {
        Ok(values) => Layer(only_known(values, &path, problems)),
        Err(message) => {
            problems.add(path.display().to_string(), message, None);
            Layer(Map::new())
        }
    }
}

fn read_file(path: &Path) -> Result<Map<String, Value>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    let origin = path.display().to_string();
    FileFormat::Toml
        .parse(Some(&origin), &text)
        .map_err(|error| {
            // The parser's full text shows the line, which may hold a secret.
            match error.downcast_ref::<toml::de::Error>() {
                Some(error) => match error.span() {
                    Some(span) => {
                        let before = text.get(..span.start).unwrap_or(&text);
                        let line = before.matches('\n').count() + 1;
                        format!("is not valid TOML: line {line}: {}", error.message())
                    }
                    None => format!("is not valid TOML: {}", error.message()),
                },
                None => "has a number that is too large".to_owned(),
            }
        })
}

fn only_known(
    values: Map<String, Value>,
    path: &Path,
    problems: &mut Problems,
) -> Map<String, Value> {
    let mut known = Map::new();
    for (key, value) in values {
        if SETTINGS.iter().any(|setting| setting.name == key) {
            known.insert(key, value);
            continue;
        }
        let mut message = "is not a setting".to_owned();
        if let Some(nearest) = nearest(&key) {
            message = format!("{message}; did you mean {nearest}?");
        }
        if matches!(value.kind, ValueKind::Table(_)) {
            message = format!("{message} (settings are not grouped in tables)");
        }
        problems.add(key, message, Some(path.display().to_string()));
    }
    known
}

/// Whether a setting has an environment variable of this name.
fn is_variable(name: &str) -> bool {
    let mut settings = SETTINGS.iter();
    settings.any(|setting| setting.variables().iter().any(|variable| variable == name))
}

/// The setting that an unknown key was probably meant to be.
fn nearest(key: &str) -> Option<&'static str> {
    let key = key.to_ascii_lowercase().replace('-', "_");
    let variable = key.to_ascii_uppercase();
    let by_variable = |setting: &&Setting| setting.variables().contains(&variable);
    if let Some(setting) = SETTINGS.iter().find(by_variable) {
        return Some(setting.name);
    }
    let by_distance = SETTINGS
        .iter()
        .map(|setting| (distance(&key, setting.name), setting.name));
    by_distance
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(2))
        .map(|(_, name)| name)
}

/// The Levenshtein distance of two words.
pub(super) fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    for (i, from_char) in from.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, to_char) in to.iter().enumerate() {
            let replaced = diagonal + usize::from(from_char != *to_char);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[to.len()]
}

fn raw(kind: ValueKind) -> Raw {
    match kind {
        ValueKind::String(text) => Raw::Text(text),
        ValueKind::Boolean(value) => Raw::Boolean(value),
        ValueKind::I64(number) => Raw::Integer(number.into()),
        ValueKind::U64(number) => Raw::Integer(number.into()),
        ValueKind::I128(number) => Raw::Integer(number),
        ValueKind::U128(_) => Raw::Other("a very large number"),
        ValueKind::Array(items) => {
            Raw::List(items.into_iter().map(|item| raw(item.kind)).collect())
        }
        ValueKind::Float(_) => Raw::Other("a number with a fraction"),
        ValueKind::Table(table) => {
            let members = table.into_iter();
            Raw::Table(members.map(|(key, value)| (key, raw(value.kind))).collect())
        }
        ValueKind::Nil => Raw::Other("nothing"),
    }
}
