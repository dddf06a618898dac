//! Runs a suite of `tests/js` with the machine's Node.
//!
//! Owns finding Node and installing the pinned client. Where that is impossible the suite is skipped and says why;
//! with `CI=true` it fails instead.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The first Node whose test runner has every option used here.
const OLDEST_NODE: u32 = 20;

/// Says whether suites can run; when not, says why on the terminal (past the capture of test output), or fails in CI.
pub fn is_ready(suite: &str) -> bool {
    static READY: OnceLock<Result<(), String>> = OnceLock::new();
    is_prepared(suite, READY.get_or_init(|| prepare(&folder())))
}

/// The same of what is in another folder, which has its own list of packages.
pub fn is_ready_in(folder: &Path, suite: &str) -> bool {
    is_prepared(suite, &prepare(folder))
}

fn is_prepared(suite: &str, prepared: &Result<(), String>) -> bool {
    let Err(reason) = prepared else {
        return true;
    };
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "{suite} cannot run: {reason}"
    );
    let notice = format!("SKIPPED client suite {suite}: {reason}\n");
    std::io::stderr().write_all(notice.as_bytes()).unwrap();
    false
}

/// How long a suite may take. A suite that is asked to do more than usual is given more by `SUITE_TIMEOUT`, in seconds.
const TIMEOUT_SECONDS: u64 = 240;

/// Runs `tests/js/<suite>.test.mjs` against the server at `url`; `env` is added to its environment.
pub fn run(suite: &str, url: &str, jwt_secret: &str, env: &[(&str, &str)]) {
    let timeout = std::env::var("SUITE_TIMEOUT").map_or(TIMEOUT_SECONDS, |seconds| {
        seconds.parse().expect("SUITE_TIMEOUT in seconds")
    });
    let output = Command::new("node")
        .args(["--test", "--test-reporter=spec"])
        .arg(format!("--test-timeout={timeout}000"))
        .arg(format!("{suite}.test.mjs"))
        .current_dir(folder())
        .envs(env.iter().copied())
        .env("RELAY_PROGRAM", relay_program())
        .env("RELAY_URL", url)
        .env("JWT_SECRET", jwt_secret)
        .output()
        .unwrap();
    let report = String::from_utf8_lossy(&output.stdout);
    println!("{report}{}", String::from_utf8_lossy(&output.stderr));
    assert!(
        output.status.success(),
        "the client suite {suite} failed: {}",
        output.status
    );
    assert!(passed(&report) > 0, "the client suite {suite} ran no test");
}

/// The program, beside the folder of the tests: it writes what the suites compare with.
fn relay_program() -> PathBuf {
    let test = std::env::current_exe().unwrap();
    test.parent().unwrap().with_file_name("sealed-relay")
}

/// Where the suites are.
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../js")
}

/// The number in the report's line `ℹ pass 12`.
fn passed(report: &str) -> u32 {
    let number = report.lines().find_map(|line| line.split_once("ℹ pass "));
    number
        .and_then(|(_, number)| number.trim().parse().ok())
        .unwrap_or(0)
}

fn prepare(folder: &Path) -> Result<(), String> {
    let version = succeed(Command::new("node").arg("--version"))?;
    let major = version
        .trim_start_matches('v')
        .split('.')
        .next()
        .and_then(|major| major.parse::<u32>().ok());
    if major.is_none_or(|major| major < OLDEST_NODE) {
        return Err(format!(
            "Node {OLDEST_NODE} or newer is needed, found {}",
            version.trim()
        ));
    }
    if is_installed(folder) {
        return Ok(());
    }
    succeed(
        Command::new("npm")
            .args(["ci", "--no-audit", "--no-fund", "--ignore-scripts"])
            .current_dir(folder),
    )
    .map(drop)
}

/// npm writes its own record last: one not older than the lock file means a complete installation of it.
fn is_installed(folder: &Path) -> bool {
    let modified = |path: &str| {
        folder
            .join(path)
            .metadata()
            .and_then(|meta| meta.modified())
            .ok()
    };
    let installed = modified("node_modules/.package-lock.json");
    installed.is_some() && installed >= modified("package-lock.json")
}

fn succeed(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .output()
        .map_err(|error| format!("cannot run {name}: {error}"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    Err(format!(
        "{name} failed ({}): {}",
        output.status,
        String::from_utf8_lossy(&output.stderr).trim()
    ))
}
