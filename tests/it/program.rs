//! The built server, as these tests start it.

use std::path::Path;
use std::process::Command;

use test_support::harness::Relay;

/// Where it is. Only the package's own integration tests know.
const PROGRAM: &str = env!("CARGO_BIN_EXE_sealed-relay");

/// Its command line.
pub(crate) fn command() -> Command {
    Command::new(PROGRAM)
}

/// A server with an empty data directory; `env` as in [`Relay::start`].
pub(crate) fn start(env: &[(&str, &str)]) -> Relay {
    Relay::start(PROGRAM, env)
}

/// The same, in a data directory that outlives it.
pub(crate) fn start_in(data: &Path, env: &[(&str, &str)]) -> Relay {
    Relay::start_in(PROGRAM, data, env)
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
