//! The servers that are compared: what each can do, and how its process is called. It starts none.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use clap::ValueEnum;
use serde::Serialize;

use super::{JWT_SECRET, Stage, packages};
use crate::row::Row;

/// A server that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The release binary of this package.
    Relay,
    /// The plain socket.io server in `benches/node`.
    Node,
    /// The same on uWebSockets.js, in `benches/uws`.
    Uws,
    /// The same on Bun, in `benches/bun`.
    Bun,
    /// The same on bare socketioxide, in `plain`.
    Socketioxide,
    /// The bare relay in `floor.rs`.
    Floor,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Relay,
        Self::Node,
        Self::Uws,
        Self::Bun,
        Self::Socketioxide,
        Self::Floor,
    ];
    /// What others use for the same.
    pub(crate) const PEERS: [Self; 4] = [Self::Node, Self::Uws, Self::Bun, Self::Socketioxide];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Relay => "sealed-relay",
            Self::Node => "Node socket.io",
            Self::Uws => "socket.io on uWebSockets.js",
            Self::Bun => "socket.io on Bun",
            Self::Socketioxide => "socketioxide",
            Self::Floor => "floor",
        }
    }

    /// The bare relay keeps nothing, so it is no floor for what is stored; of the others Node alone stores.
    pub(crate) fn can_do(self, row: Row) -> bool {
        match self {
            Self::Relay => true,
            Self::Node => !row.wants_mongodb(),
            Self::Uws | Self::Bun | Self::Socketioxide | Self::Floor => !row.wants_a_database(),
        }
    }

    /// `None` when the server takes the user id that a client names.
    pub(crate) fn jwt_secret(self) -> Option<String> {
        (self != Self::Floor).then(|| JWT_SECRET.to_owned())
    }

    /// Makes ready what the server needs once per run.
    pub(crate) fn prepare(self) -> Result<()> {
        match self {
            Self::Node => packages::install("node", packages::Scripts::Run),
            Self::Uws => packages::install("uws", packages::Scripts::Ignored),
            Self::Bun => {
                packages::install("bun", packages::Scripts::Ignored)?;
                bun().map(drop)
            }
            Self::Relay | Self::Socketioxide | Self::Floor => Ok(()),
        }
    }

    pub(super) fn command(self, stage: &Stage, address: SocketAddr) -> Result<Command> {
        let on_core = |program: &str, arguments: &[&str]| stage.command(program, arguments);
        let script = |folder: &str| {
            packages::folder(folder)
                .join("server.mjs")
                .display()
                .to_string()
        };
        let address = address.to_string();
        Ok(match self {
            Self::Relay => on_core(&stage.relay, &[]),
            Self::Node => on_core("node", &[&script("node")]),
            Self::Uws => on_core("node", &[&script("uws")]),
            Self::Bun => on_core(&bun()?, &[&script("bun")]),
            Self::Socketioxide => on_core(&own_binary()?, &["socketioxide", &address]),
            Self::Floor => on_core(&own_binary()?, &["floor", &address]),
        })
    }
}

/// The program in the package for this machine. The package `bun` itself would download or link it by a script.
fn bun() -> Result<String> {
    let machine = match std::env::consts::ARCH {
        "x86_64" => "x64",
        other => other,
    };
    let program = packages::folder("bun")
        .join(format!("node_modules/@oven/bun-linux-{machine}/bin/bun"))
        .display()
        .to_string();
    let version = Command::new(&program).arg("--version").output();
    let runs = version.is_ok_and(|output| output.status.success());
    ensure!(runs, "Bun does not run on this machine");
    Ok(program)
}

/// The program that is running.
pub(crate) fn own_binary() -> Result<String> {
    let path = std::env::current_exe()?;
    Ok(path
        .to_str()
        .context("the path of the benchmark is not UTF-8")?
        .to_owned())
}
