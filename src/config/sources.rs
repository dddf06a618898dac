//! The sources of settings: the environment, `.env` and the name of this machine.
//!
//! It must not know any setting.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::dotenv;
use super::problems::{Problem, Problems};
use super::raw::unquoted;

/// The file that adds to the environment, in the working directory.
const DOTENV: &str = ".env";

/// What every program takes as it is.
const QUOTE: &str = "put a value that has spaces, #, $, \\ or quotes in single quotes";

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
    /// What is to be said of variables of `.env`, of which some are settings.
    pub notes: Vec<Problem>,
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
        for read in dotenv::read(&text) {
            let variable = match read {
                Ok(variable) => variable,
                Err(number) => {
                    let message = format!("line {number} is not NAME=value ({QUOTE})");
                    self.problems.add(path.display().to_string(), message, None);
                    return;
                }
            };
            if variable.is_ambiguous {
                self.note(
                    &variable.name,
                    format!("is taken as it is written; {QUOTE}"),
                );
            }
            let first = self.dotenv.get(&variable.name);
            match first.is_some_and(|first| *first != variable.value) {
                true => self.note(
                    &variable.name,
                    "is given twice; the first counts".to_owned(),
                ),
                false => {
                    self.dotenv.insert(variable.name, variable.value);
                }
            }
        }
    }

    fn note(&mut self, name: &str, message: String) {
        self.notes.push(Problem {
            setting: name.to_owned(),
            message,
            source: Some(format!("{name} in {DOTENV}")),
        });
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
        let from_variable = || Some(PathBuf::from(unquoted(self.variable(FILE_VARIABLE)?.0)));
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

/// The host name of this machine, if it can be read.
fn host_name() -> Option<String> {
    let files = ["/proc/sys/kernel/hostname", "/etc/hostname"];
    let mut names = files
        .iter()
        .filter_map(|path| std::fs::read_to_string(path).ok());
    let name = names.find(|name| !name.trim().is_empty())?;
    Some(name.trim().to_owned())
}
