//! Paths as people write them. A shell would replace `~` and variables; nobody does in a file or in the environment of a
//! service, and a folder of that name would be made.

use std::path::{Component, Path, PathBuf};

/// The path that is meant: `~` is the home folder of whoever runs this.
///
/// # Errors
/// What to write instead.
pub(super) fn expanded(path: &Path) -> Result<PathBuf, &'static str> {
    let text = path.to_string_lossy();
    if text.is_empty() || text.contains(char::is_control) {
        return Err("must be a path");
    }
    if text.contains("://") {
        return Err("must be a path, without file://");
    }
    let is_variable = |part: Component<'_>| {
        let part = part.as_os_str().to_string_lossy();
        part.starts_with('$') || (part.len() > 2 && part.starts_with('%') && part.ends_with('%'))
    };
    if path.components().any(is_variable) {
        return Err("must be the path itself: variables in it, such as $HOME, are not replaced");
    }
    match path.strip_prefix("~") {
        Ok(below) => {
            let home = std::env::home_dir().filter(|home| !home.as_os_str().is_empty());
            let home =
                home.ok_or("must be a path without ~, since there is no home folder here")?;
            Ok(home.join(below))
        }
        Err(_) if text.starts_with('~') => {
            Err("must be a path without ~, which stands for the own home folder only (~/relay)")
        }
        Err(_) => Ok(path.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str) -> Result<PathBuf, &'static str> {
        expanded(Path::new(path))
    }

    #[test]
    fn the_home_folder_is_found_and_nothing_else_is_replaced() {
        let home = std::env::home_dir().expect("a home folder");
        assert_eq!(of("~"), Ok(home.clone()));
        assert_eq!(of("~/relay/x"), Ok(home.join("relay/x")));
        for same in [
            "./data", "/data", "data", "./~/x", "a~", "a$b", "100%", "./~x",
        ] {
            assert_eq!(of(same), Ok(PathBuf::from(same)), "{same}");
        }
        for wrong in [
            "",
            "~ann/relay",
            "$HOME/relay",
            "${HOME}/relay",
            "/srv/$NAME",
            "%APPDATA%/relay",
            "file:///srv/relay",
            "-----BEGIN PUBLIC KEY-----\nMIIB",
        ] {
            assert!(of(wrong).is_err(), "{wrong}");
        }
    }
}
