//! Variables that are no settings, and were probably meant to be: named like one but for case, `-`, a prefix, or up
//! to two letters. Their values are never shown.

use super::layers::distance;
use super::problems::Problem;
use super::settings::SETTINGS;
use super::sources::{FILE_VARIABLE, Sources};

/// What stands before a variable that is taken for one of this program's.
const PREFIXES: [&str; 2] = ["SEALED_RELAY_", "RELAY_"];
/// What other programs call it.
const ELSEWHERE: [(&str, &str); 5] = [
    ("TRUST_PROXY", "TRUSTED_PROXIES"),
    ("JWT_SECRET_KEY", "JWT_SECRET"),
    ("ACCESS_TOKEN_SECRET", "JWT_SECRET"),
    ("JWT_PUBLIC_KEY", "JWT_PUBLIC_KEY_FILE"),
    ("CORS_ALLOWED_ORIGINS", "ALLOWED_ORIGINS"),
];
/// The beginning of what Kubernetes sets for each of its services, which may be called `relay`.
const SERVICE: &str = "tcp://";
/// Shorter names are too often near by chance.
const MIN_CHARS: usize = 8;
/// How many letters may be wrong.
const MAX_DISTANCE: usize = 2;

/// One note for each.
pub(super) fn near_misses(sources: &Sources) -> Vec<Problem> {
    let ours: Vec<String> = SETTINGS.iter().flat_map(|one| one.variables()).collect();
    let is_ours = |name: &str| name == FILE_VARIABLE || ours.iter().any(|one| one == name);
    let names = sources.names().filter(|(name, _)| !is_ours(name));
    let notes = names.filter_map(|(name, origin)| {
        let meant = meant(name, &ours)?;
        let is_set = is_set(meant, sources);
        let value = sources.variable(name)?.0;
        let is_service = value.starts_with(SERVICE) && name.ends_with("_PORT");
        (!is_set && !is_service).then(|| Problem {
            setting: name.to_owned(),
            message: format!("is no setting; did you mean {meant}?"),
            source: Some(origin),
        })
    });
    notes.collect()
}

/// Whether the setting of this variable is set, by it or another of its variables.
fn is_set(variable: &str, sources: &Sources) -> bool {
    let mut all = SETTINGS.iter().map(|one| one.variables());
    let of_setting = all.find(|names| names.iter().any(|name| name == variable));
    let mut names = of_setting.unwrap_or_default().into_iter();
    names.any(|name| sources.variable(&name).is_some())
}

/// The variable that a name was probably meant to be.
fn meant<'a>(name: &str, ours: &'a [String]) -> Option<&'a String> {
    let plain = name.to_ascii_uppercase().replace('-', "_");
    let bare = PREFIXES
        .iter()
        .find_map(|prefix| plain.strip_prefix(prefix));
    let same = |text: &str| ours.iter().find(|one| *one == text);
    let near = || {
        let near = ours.iter().map(|one| (distance(&plain, one), one));
        let near = near.min_by_key(|(distance, _)| *distance)?;
        (name.len() >= MIN_CHARS && near.0 <= MAX_DISTANCE).then_some(near.1)
    };
    let elsewhere = || {
        let mut others = ELSEWHERE.iter();
        same(others.find(|(other, _)| *other == plain)?.1)
    };
    same(&plain)
        .or_else(|| same(bare?))
        .or_else(elsewhere)
        .or_else(near)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notes(names: &[&str]) -> Vec<String> {
        let env = names
            .iter()
            .map(|name| ((*name).to_owned(), "canary".to_owned()));
        let sources = Sources {
            env: env.collect(),
            ..Sources::default()
        };
        let notes = near_misses(&sources);
        notes.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn what_was_meant_is_found_by_case_prefix_and_letters() {
        for (name, meant) in [
            ("MONGODB_URL", "MONGODB_URI"),
            ("ALLOWED_ORIGIN", "ALLOWED_ORIGINS"),
            ("jwt-secret", "JWT_SECRET"),
            ("Port", "PORT"),
            ("RELAY_PORT", "PORT"),
            ("SEALED_RELAY_DATA_DIR", "DATA_DIR"),
            ("REDIS_URI", "REDIS_URL"),
            ("TRUST_PROXY", "TRUSTED_PROXIES"),
            ("JWT_PUBLIC_KEY", "JWT_PUBLIC_KEY_FILE"),
        ] {
            let notes = notes(&[name]);
            let text = format!(
                "{name}: is no setting; did you mean {meant}? (environment variable {name})"
            );
            assert_eq!(notes, [text]);
        }
    }

    #[test]
    fn what_is_for_others_is_left_alone() {
        let others = [
            "PATH",
            "HOME",
            "HOSTNAME",
            "NODE_ENV",
            "POST",
            "LANG",
            "PWD",
            "TERM",
            "USER",
            "RELAY_CONFIG",
            "RUST_LOG",
            "SHLVL",
            "LOGNAME",
            "XDG_DATA_DIRS",
        ];
        assert_eq!(notes(&others), [""; 0]);
        assert_eq!(notes(&["MONGODB_URL", "MONGODB_URI"]), [""; 0]);
        assert_eq!(notes(&["MONGODB_URL", "MONGO_URI"]), [""; 0]);
        let service = Sources {
            env: [("RELAY_PORT".to_owned(), "tcp://10.0.0.1:3000".to_owned())].into(),
            ..Sources::default()
        };
        assert!(near_misses(&service).is_empty());
    }
}
