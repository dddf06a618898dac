//! Settings: the sources that they come from, their values, and the files that are generated from them.

mod compose;
mod forms;
mod generated;
mod problems;
mod settings;
mod signing_secret;

use std::fs;
use std::path::{Path, PathBuf};

use sealed_relay::{Config, Problems, Sources};
use tempfile::TempDir;

const SECRET: &str = "canary-secret-canary-secret-canary-secret";

/// Loads from a file with this text (none when empty) and these variables, nothing else.
pub(crate) fn load(file: &str, env: &[(&str, &str)]) -> Result<Config, Problems> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("relay.toml");
    let mut sources = from_env(env);
    if !file.is_empty() {
        fs::write(&path, file).unwrap();
        sources.file = Some(path);
    }
    Config::load(&sources)
}

pub(crate) fn from_env(env: &[(&str, &str)]) -> Sources {
    let owned = |(name, value): &(&str, &str)| (String::from(*name), String::from(*value));
    Sources {
        env: env.iter().map(owned).collect(),
        ..Sources::default()
    }
}

/// The one problem of a configuration that must have exactly one.
pub(crate) fn problem(file: &str, env: &[(&str, &str)]) -> String {
    let problems = load(file, env).expect_err("the configuration was accepted");
    assert_eq!(problems.len(), 1, "{problems}");
    problems.to_string()
}

pub(crate) fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}
