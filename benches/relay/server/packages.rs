//! The packages of the servers that are not ours: each is a folder below `benches` with its own lock file. npm installs
//! what that file pins, once; nothing else is fetched.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Where a server of that name and its packages are.
pub(crate) fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("benches")
        .join(name)
}

/// Whether a package may run programs of its own while it is installed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Scripts {
    Run,
    Ignored,
}

pub(super) fn install(name: &str, scripts: Scripts) -> Result<()> {
    let folder = folder(name);
    if are_installed(&folder) {
        return Ok(());
    }
    eprintln!("installing the packages of benches/{name} (some minutes, if one has to be built) …");
    let npm = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .args((scripts == Scripts::Ignored).then_some("--ignore-scripts"))
        .current_dir(folder)
        .stdout(Stdio::null())
        .status();
    let status = npm.context("`npm` cannot be run")?;
    ensure!(status.success(), "`npm ci` in benches/{name}: {status}");
    Ok(())
}

/// Whether npm has installed what the lock file says now: it writes a list of its own when it is done.
fn are_installed(folder: &Path) -> bool {
    let changed = |file: &str| folder.join(file).metadata()?.modified();
    match (
        changed("node_modules/.package-lock.json"),
        changed("package-lock.json"),
    ) {
        (Ok(installed), Ok(locked)) => installed >= locked,
        _ => false,
    }
}
