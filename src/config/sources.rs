//! The sources of settings: the environment, `.env` and the name of this machine.
//!
//! It must not know any setting.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::problems::Problems;

/// The file that adds to the environment, in the working directory.
const DOTENV: &str = ".env";

/// The variable that names the configuration file when the command line does not.
pub(super) const FILE_VARIABLE: &str = "RELAY_CONFIG";

/// What [`Config::load`](super::Config::load) reads. The default is empty: every setting then has its default.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file named on the command line; else `RELAY_CONFIG` may name one.
    pub file: Option<PathBuf>,
    /// The environment. An empty variable counts as unset.
    pub env: BTreeMap<String, String>,
    /// The variables of `.env`, which never override the environment.
    pub dotenv: BTreeMap<String, String>,
    /// The name of this machine, the default of `node_name`.
    pub host_name: Option<String>,
    /// Variables of the environment whose value is not valid UTF-8.
    pub not_utf8: Vec<String>,
    /// Problems found while reading the sources; they become part of the result of loading.
    pub problems: Problems,
}

impl Sources {
    /// The environment of this process, `.env` in the working directory and the machine's name.
    #[must_use]
    pub fn from_process(file: Option<PathBuf>) -> Self {
        let mut sources = Self {
            file,
            ..Self::default()
        };
        sources.read_environment();
        sources.read_dotenv(Path::new(DOTENV));
        sources.host_name = host_name();
        sources
    }

    fn read_environment(&mut self) {
        for (name, value) in std::env::vars_os() {
            let Some(name) = name.to_str().map(str::to_owned) else {
                continue;
            };
            match value.into_string() {
                Ok(value) => {
                    self.env.insert(name, value);
                }
                Err(_) => self.not_utf8.push(name),
            }
        }
    }

    fn read_dotenv(&mut self, path: &Path) {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return,
            Err(error) => {
                let message = format!("cannot be read: {error}");
                self.problems.add(path.display().to_string(), message, None);
                return;
            }
        };
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
        for item in dotenvy::from_read_iter(text.as_bytes()) {
            match item {
                // As in a shell's environment file, the first of a name counts.
                Ok((name, value)) => {
                    self.dotenv.entry(name).or_insert(value);
                }
                Err(_) => {
                    let message = dotenv_message(text);
                    self.problems.add(path.display().to_string(), message, None);
                    return;
                }
            }
        }
    }

    /// A variable that is set and not empty, with its origin.
    pub(super) fn variable(&self, name: &str) -> Option<(&str, String)> {
        self.first_set(name, |value| !value.is_empty())
    }

    /// A variable that is set, though it may be empty, with its origin.
    pub(super) fn variable_or_empty(&self, name: &str) -> Option<(&str, String)> {
        self.first_set(name, |_| true)
    }

    fn first_set(&self, name: &str, counts: impl Fn(&str) -> bool) -> Option<(&str, String)> {
        let value = self.env.get(name).filter(|value| counts(value));
        let in_environment = value.map(|value| (value, format!("environment variable {name}")));
        let value = self.dotenv.get(name).filter(|value| counts(value));
        let in_dotenv = value.map(|value| (value, format!("{name} in {DOTENV}")));
        let (value, origin) = in_environment.or(in_dotenv)?;
        Some((value, origin))
    }

    /// The names of all variables that are set and not empty, each with its origin.
    pub(super) fn names(&self) -> impl Iterator<Item = (&str, String)> {
        let all = self.env.keys().chain(self.dotenv.keys());
        let names = all.map(String::as_str).collect::<BTreeSet<_>>();
        names
            .into_iter()
            .filter_map(|name| Some((name, self.variable(name)?.1)))
    }

    /// The configuration file to read, if one was named.
    pub(super) fn named_file(&self) -> Option<PathBuf> {
        let from_variable = || Some(PathBuf::from(self.variable(FILE_VARIABLE)?.0));
        self.file.clone().or_else(from_variable)
    }
}

/// Shows counts only: the environment contains secrets.
impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("env", &self.env.len())
            .field("dotenv", &self.dotenv.len())
            .field("not_utf8", &self.not_utf8)
            .field("host_name", &self.host_name)
            .field("problems", &self.problems)
            .finish()
    }
}

/// The problem with `.env`, by line number: the line itself may contain a secret.
fn dotenv_message(text: &str) -> String {
    let lines: Vec<_> = text.split_inclusive('\n').collect();
    let fails = |count: &usize| {
        let start = lines[..*count].concat();
        dotenvy::from_read_iter(start.as_bytes()).any(|item| item.is_err())
    };
    // The line from which on every longer text fails: a quote may stay open over several lines.
    match (1..=lines.len()).rev().take_while(fails).last() {
        Some(number) => {
            format!("line {number} is not NAME=value (quote a value that has spaces, # or $)")
        }
        None => "is not a list of NAME=value lines".to_owned(),
    }
}

/// The host name of this machine, if it can be read.
fn host_name() -> Option<String> {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let mut names = files
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok());
    let name = names.find(|name| !name.trim().is_empty())?;
    Some(name.trim().to_owned())
}
