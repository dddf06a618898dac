//! The servers that are compared: what each can do, and how its process is called. It starts none.

use std::net::SocketAddr;
use std::process::Command;

use anyhow::{Context as _, Result};
use clap::ValueEnum;
use serde::Serialize;

use super::{JWT_SECRET, Stage, packages};
use crate::cpus::Side;
use crate::row::Row;

/// A server that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Kind {
    /// The release binary of this package.
    Relay,
    /// The plain socket.io server in `benches/node`.
    Node,
    /// The bare relay in `floor.rs`.
    Floor,
}

impl Kind {
    pub(crate) const ALL: [Self; 3] = [Self::Relay, Self::Node, Self::Floor];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Relay => "sealed-relay",
            Self::Node => "Node socket.io",
            Self::Floor => "floor",
        }
    }

    /// The bare relay keeps nothing, so it is no floor for what is stored.
    pub(crate) fn can_do(self, row: Row) -> bool {
        match self {
            Self::Relay => true,
            Self::Node => !row.wants_mongodb(),
            Self::Floor => !row.wants_a_database(),
        }
    }

    /// `None` when the server takes the user id that a client names.
    pub(crate) fn jwt_secret(self) -> Option<String> {
        (self != Self::Floor).then(|| JWT_SECRET.to_owned())
    }

    /// Makes ready what the server needs once per run.
    pub(crate) fn prepare(self) -> Result<()> {
        match self {
            Self::Node => packages::install("node"),
            Self::Relay | Self::Floor => Ok(()),
        }
    }

    pub(super) fn command(self, stage: &Stage, address: SocketAddr) -> Result<Command> {
        let on_core = |program: &str| stage.placement.command(Side::Server, program);
        Ok(match self {
            Self::Relay => stage.relay_command(),
            Self::Node => {
                let mut command = on_core("node");
                command.arg(packages::folder("node").join("server.mjs"));
                command
            }
            Self::Floor => {
                let mut command = on_core(&own_binary()?);
                command.args(["floor", &address.to_string()]);
                command
            }
        })
    }
}

/// The program that is running.
pub(crate) fn own_binary() -> Result<String> {
    let path = std::env::current_exe()?;
    Ok(path
        .to_str()
        .context("the path of the benchmark is not UTF-8")?
        .to_owned())
}
