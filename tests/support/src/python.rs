//! Runs scripts of `tests/python` with the machine's Python.
//!
//! Owns finding Python and installing the pinned packages in a folder of its own. Where that is impossible a script is
//! skipped and says why; with `CI=true` it fails instead.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// Runs a script with this argument and standard input; what it prints. `None`: scripts cannot run here.
pub fn run(script: &str, argument: &str, input: &str) -> Option<String> {
    static READY: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let python = match READY.get_or_init(prepare) {
        Ok(python) => python,
        Err(reason) => {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "{script} cannot run: {reason}"
            );
            let notice = format!("SKIPPED {script}: {reason}\n");
            std::io::stderr().write_all(notice.as_bytes()).unwrap();
            return None;
        }
    };
    let mut child = Command::new(python)
        .arg(folder().join(script))
        .arg(argument)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success(), "{script} failed");
    Some(String::from_utf8(output.stdout).unwrap())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../python")
}

/// Installs the packages, unless they are; the Python that has them.
fn prepare() -> Result<PathBuf, String> {
    let wanted = fs::read_to_string(folder().join("requirements.txt")).unwrap();
    let home = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let home = home.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target"));
    let home = home.join("python");
    let (python, done) = (home.join("bin/python"), home.join("installed.txt"));
    if fs::read_to_string(&done).is_ok_and(|installed| installed == wanted) {
        return Ok(python);
    }
    succeed(
        Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&home),
    )?;
    let install = ["-m", "pip", "install", "--quiet", "--requirement"];
    let requirements = folder().join("requirements.txt");
    succeed(Command::new(&python).args(install).arg(requirements))?;
    // Last: so it says that the installation is whole.
    fs::write(done, wanted).map_err(|error| error.to_string())?;
    Ok(python)
}

fn succeed(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output();
    let output = output.map_err(|error| format!("cannot run {name}: {error}"))?;
    match output.status.success() {
        true => Ok(()),
        false => {
            let said = String::from_utf8_lossy(&output.stderr);
            Err(format!("{name} failed: {}", said.trim()))
        }
    }
}
