//! A server under callgrind: how it is called, and how its counting is switched on and off. It reads no results.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::server::{Running, Stage};

/// Has large copies made by vector instructions: of the one instruction that copies any number of bytes, callgrind counts
/// each byte.
const TUNABLES: &str = "GLIBC_TUNABLES=glibc.cpu.x86_rep_movsb_threshold=0x7fffffff:\
                        glibc.cpu.x86_rep_stosb_threshold=0x7fffffff";
/// What the relay needs to run there; the file says why.
const PRELOADED: &str = "benches/callgrind/preload.c";

pub(super) fn is_installed() -> bool {
    let version = Command::new("valgrind")
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status();
    version.is_ok_and(|status| status.success())
}

/// Has servers run under callgrind, which counts nothing at first.
pub(super) fn wrap(stage: &mut Stage, out: &Path) -> Result<()> {
    let preloaded = compile_preloaded(out.parent().context("no folder")?)?;
    let preloaded = preloaded.to_str().context("the path is not UTF-8")?;
    let preload = format!("LD_PRELOAD={preloaded}");
    let out = format!("--callgrind-out-file={}", out.display());
    let words = [
        "env",
        &preload,
        TUNABLES,
        "valgrind",
        "--tool=callgrind",
        "--instr-atstart=no",
        &out,
    ];
    stage.under = words.map(str::to_owned).to_vec();
    Ok(())
}

/// By the compiler that links Rust programs, too.
fn compile_preloaded(folder: &Path) -> Result<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(PRELOADED);
    let library = folder.join("preload.so");
    let status = Command::new("cc")
        .args(["-shared", "-fPIC", "-o"])
        .args([&library, &source])
        .status()
        .context("`cc` cannot be run")?;
    ensure!(status.success(), "`cc`: {status}");
    Ok(library)
}

/// Counts from now on.
pub(super) fn begin(server: &Running) -> Result<()> {
    command(server, &["instrumentation", "on"])
}

/// Counts no more, and writes what was counted.
pub(super) fn end(server: &Running) -> Result<()> {
    command(server, &["instrumentation", "off"])?;
    command(server, &["dump"])
}

/// Tells callgrind something, through the program that comes with valgrind.
fn command(server: &Running, words: &[&str]) -> Result<()> {
    let pid = server.pids().first().copied().context("no process")?;
    let address = server.addresses().first().copied().context("no address")?;
    // It looks for a file whose name is made of its environment, which must be that of the relay.
    let output = Command::new("vgdb")
        .arg(format!("--pid={pid}"))
        .args(words)
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"))
        .env("HOST", address.ip().to_string())
        .output()
        .context("`vgdb`, a part of valgrind, cannot be run")?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "vgdb: {}", said.trim());
    Ok(())
}
