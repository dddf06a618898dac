//! The client for browsers: served from its package, and a folder without it prevents the start.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use tempfile::TempDir;
use test_support::javascript;

use super::cli::{relay, stderr};
use crate::clients;
use crate::config::problem;

/// The suite of `tests/js` that is run here.
pub(crate) const SUITE: &str = "http/client-files";

/// A folder with the files of the published package, a link out of it, and a file that is none of them.
fn folder_with_client() -> TempDir {
    let folder = TempDir::new().unwrap();
    let package = javascript::folder().join("node_modules/socket.io-client/dist");
    for file in package.read_dir().unwrap() {
        let file = file.unwrap();
        fs::copy(file.path(), folder.path().join(file.file_name())).unwrap();
    }
    let map = folder.path().join("socket.io.min.js.map");
    fs::remove_file(&map).unwrap();
    symlink(package.join("socket.io.min.js.map"), &map).unwrap();
    fs::write(folder.path().join("private.js"), "private").unwrap();
    folder
}

#[test]
fn the_files_of_the_package_are_served() {
    if !javascript::is_ready(SUITE) {
        return;
    }
    let folder = folder_with_client();
    let settings = [
        ("RATE_LIMITS", "off"),
        ("CLIENT_FILES", folder.path().to_str().unwrap()),
    ];
    clients::run(SUITE, &settings, &[]);
}

#[test]
fn a_folder_without_the_client_is_a_problem() {
    let folder = TempDir::new().unwrap();
    let of = |path: &Path| problem("", &[("CLIENT_FILES", path.to_str().unwrap())]);
    let absent = of(&folder.path().join("absent"));
    assert!(
        absent.contains("client_files: must be a folder that is there"),
        "{absent}"
    );
    let empty = of(folder.path());
    assert!(empty.contains("socket.io.js is missing"), "{empty}");
    symlink("/etc/hostname", folder.path().join("socket.io.js")).unwrap();
    let linked = of(folder.path());
    assert!(linked.contains("out of the folder"), "{linked}");
    let env = [("CLIENT_FILES", folder.path().to_str().unwrap())];
    let checked = relay(folder.path(), &["check-config"], &env);
    assert_eq!(checked.status.code(), Some(1), "{}", stderr(&checked));
    assert!(stderr(&checked).contains("client_files"));
}
