//! The published Admin UI in a browser shows who is connected and disconnects one.
//!
//! Owns having its packages installed and run; what is looked at is in `tests/admin-ui`.

use std::path::Path;
use std::process::Command;

use test_support::javascript;

use crate::program;

#[test]
fn it_shows_who_is_connected_and_no_rooms_and_disconnects_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/admin-ui");
    if !javascript::is_ready_in(&folder, "admin-ui") {
        return;
    }
    let output = Command::new("node")
        .arg(folder.join("run.mjs"))
        .arg("--relay")
        .arg(program::path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
}
