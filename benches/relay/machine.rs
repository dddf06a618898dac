//! What the figures were measured on and with.

use std::process::Command;

use crate::server::folder_of;

/// One line for the reader of the table.
pub(crate) fn describe() -> String {
    [
        cpu(),
        kernel(),
        version_of("node"),
        package("node", "socket.io"),
        package("node", "better-sqlite3"),
        package("uws", "uwebsockets"),
        package("bun", "@socket.io/bun-engine"),
        package("bun", "@oven/bun-linux-x64"),
        version_of("rustc"),
        build(),
    ]
    .join(", ")
}

fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let names = info
        .lines()
        .filter(|line| line.starts_with("model name"))
        .filter_map(|line| line.split_once(": "));
    let name = names
        .map(|(_, name)| name.trim())
        .next()
        .unwrap_or("unknown CPU")
        .to_owned();
    let cores = std::thread::available_parallelism()
        .map_or_else(|_| "?".to_owned(), |cores| cores.to_string());
    format!("{name}, {cores} cores")
}

fn kernel() -> String {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!("Linux {}", release.trim())
}

fn version_of(program: &str) -> String {
    match Command::new(program).arg("--version").output() {
        Ok(output) if output.status.success() => {
            let version = String::from_utf8_lossy(&output.stdout).trim().to_owned();
            if version.starts_with(program) {
                version
            } else {
                format!("{program} {version}")
            }
        }
        _ => format!("no {program}"),
    }
}

fn package(folder: &str, name: &str) -> String {
    let description = folder_of(folder).join("node_modules").join(name);
    let package = std::fs::read(description.join("package.json")).unwrap_or_default();
    let package: serde_json::Value = serde_json::from_slice(&package).unwrap_or_default();
    match package.get("version").and_then(serde_json::Value::as_str) {
        Some(version) => format!("{name} {version}"),
        None => format!("no {name}"),
    }
}

fn build() -> String {
    let build = if cfg!(debug_assertions) {
        "debug build: these figures mean nothing"
    } else {
        "release build"
    };
    build.to_owned()
}
