//! The built server, as these tests start it.

use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use test_support::harness::{self, Relay};

/// Where it is. Only the package's own integration tests know.
const PROGRAM: &str = env!("CARGO_BIN_EXE_sealed-relay");

/// The same for what starts it by itself.
pub(crate) fn path() -> &'static Path {
    Path::new(PROGRAM)
}

/// Its command line.
pub(crate) fn command() -> Command {
    Command::new(PROGRAM)
}

/// The same as a server in this data directory, which is not started yet.
pub(crate) fn command_in(data: &Path) -> Command {
    harness::command(PROGRAM, data, &[])
}

/// A server with an empty data directory; `env` as in [`Relay::start`].
pub(crate) fn start(env: &[(&str, &str)]) -> Relay {
    Relay::start(PROGRAM, env)
}

/// The same, in a data directory that outlives it.
pub(crate) fn start_in(data: &Path, env: &[(&str, &str)]) -> Relay {
    Relay::start_in(PROGRAM, data, env)
}

/// As [`start_in`], for `direct`, with its log on `stderr`.
pub(crate) fn start_with_log(
    data: &Path,
    more: &[(&str, &str)],
    stderr: impl Into<Stdio>,
) -> Relay {
    Relay::start_with_log(PROGRAM, data, &direct(more), stderr)
}

/// A program in `folder` that is the server after a shell has run `before`, such as `ulimit -f 0;`.
pub(crate) fn after(folder: &Path, before: &str) -> PathBuf {
    let path = folder.join("relay");
    let script = format!("#!/bin/sh\n{before}\nexec '{PROGRAM}' \"$@\"\n");
    std::fs::write(&path, script).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    path
}

/// A server for `direct` without rate limits.
pub(crate) fn server(more: &[(&str, &str)]) -> Relay {
    start(&direct(more))
}

/// The same, in a data directory that outlives it.
pub(crate) fn server_in(data: &Path, more: &[(&str, &str)]) -> Relay {
    start_in(data, &direct(more))
}

fn direct<'a>(more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [&[("DIALECTS", "direct"), ("RATE_LIMITS", "off")], more].concat()
}
