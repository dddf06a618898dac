//! The three servers: how each is started on its core, known to be up, and stopped. It sends them no load.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;
use serde::Serialize;
use tempfile::TempDir;

use crate::cpus::{Placement, Side};
use crate::databases::Databases;
use crate::process_usage;
use crate::row::{MAX_SESSION_MEMBERS, Row};

/// At least 32 bytes, as the relay demands. Used on the loopback interface for the length of a run.
const JWT_SECRET: &str = "benchmark-secret-benchmark-secret-benchmark-secret";
const START_DEADLINE: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A server is idle when it uses less than [`IDLE_CPU`] in this time.
const IDLE_TIME: Duration = Duration::from_millis(100);
const IDLE_CPU: Duration = Duration::from_millis(20);
const IDLE_DEADLINE: Duration = Duration::from_secs(30);

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
            Self::Node => install_node_packages(),
            Self::Relay | Self::Floor => Ok(()),
        }
    }

    fn command(self, placement: &Placement, address: SocketAddr) -> Result<Command> {
        let mut command = match self {
            Self::Relay => placement.command(Side::Server, env!("CARGO_BIN_EXE_sealed-relay")),
            Self::Node => placement.command(Side::Server, "node"),
            Self::Floor => placement.command(Side::Server, &own_binary()?),
        };
        match self {
            Self::Relay => {}
            Self::Node => {
                command.arg(node_folder().join("server.mjs"));
            }
            Self::Floor => {
                command.args(["floor", &address.to_string()]);
            }
        }
        Ok(command)
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

/// Where the Node server and its packages are.
pub(crate) fn node_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/node")
}

fn install_node_packages() -> Result<()> {
    let folder = node_folder();
    if are_installed(&folder) {
        return Ok(());
    }
    eprintln!(
        "installing the packages of the Node server (minutes, where better-sqlite3 has to be built) …"
    );
    let npm = Command::new("npm")
        .args(["ci", "--no-audit", "--no-fund"])
        .current_dir(folder)
        .stdout(Stdio::null())
        .status();
    let status = npm.context("`npm` cannot be run")?;
    ensure!(status.success(), "`npm ci` in benches/node: {status}");
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

/// A server, of one process or several; it ends when this is dropped.
pub(crate) struct Running {
    nodes: Vec<Node>,
    /// What its processes share.
    _databases: Option<Databases>,
}

impl Running {
    /// Starts a server and waits until it answers.
    pub(crate) fn start(kind: Kind, row: Row, placement: &Placement) -> Result<Self> {
        let databases = row.wants_mongodb().then(Databases::start).transpose()?;
        let mut nodes = Vec::new();
        for number in 0..row.nodes() {
            let shared = databases.as_ref();
            nodes.push(Node::start(kind, row, placement, (number, shared))?);
        }
        Ok(Self {
            nodes,
            _databases: databases,
        })
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.child.id()).collect()
    }

    /// Waits until the server has seen off the clients of a round, as far as it ever comes to rest.
    pub(crate) fn wait_until_idle(&self) -> Result<()> {
        let deadline = Instant::now() + IDLE_DEADLINE;
        let mut used = process_usage::cpu_time(&self.pids())?;
        loop {
            std::thread::sleep(IDLE_TIME);
            let now = process_usage::cpu_time(&self.pids())?;
            if now - used < IDLE_CPU {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "still busy {IDLE_DEADLINE:?} after its clients have gone"
            );
            used = now;
        }
    }
}

/// A process of a server; it ends when this is dropped.
struct Node {
    child: Child,
    address: SocketAddr,
    kind: Kind,
    /// Its data and its log.
    folder: TempDir,
}

impl Node {
    fn start(
        kind: Kind,
        row: Row,
        placement: &Placement,
        (number, databases): (usize, Option<&Databases>),
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let log = File::create(folder.path().join("log"))?;
        let mut command = kind.command(placement, address)?;
        set_environment(&mut command, row, address, folder.path());
        if let Some(databases) = databases {
            databases.name(&mut command, number);
        }
        command
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        let child = command.spawn()?;
        let mut node = Self {
            child,
            address,
            kind,
            folder,
        };
        node.wait_until_up()?;
        Ok(node)
    }

    fn wait_until_up(&mut self) -> Result<()> {
        let deadline = Instant::now() + START_DEADLINE;
        while !self.is_up() {
            if let Some(status) = self.child.try_wait()? {
                bail!("ended at once, {status}{}", self.last_words());
            }
            ensure!(
                Instant::now() < deadline,
                "not up after {START_DEADLINE:?}{}",
                self.last_words()
            );
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    fn is_up(&self) -> bool {
        match self.kind {
            Kind::Relay | Kind::Node => healthy(self.address).unwrap_or(false),
            Kind::Floor => TcpStream::connect(self.address).is_ok(),
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        log.lines()
            .last()
            .map(|line| format!(": {line}"))
            .unwrap_or_default()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // It may have ended already, which is as good.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The same for all three; each takes what it knows. Nothing else of this environment reaches a server, and it runs in an
/// empty folder, so that no `.env` and no configuration file changes the figures.
fn set_environment(command: &mut Command, row: Row, address: SocketAddr, folder: &Path) {
    command
        .env_clear()
        .envs(std::env::vars_os().filter(|(name, _)| name == "PATH"));
    command
        .env("HOST", address.ip().to_string())
        .env("PORT", address.port().to_string());
    command
        .env("JWT_SECRET", JWT_SECRET)
        .env("DATA_DIR", folder.join("data"));
    command
        .env("DIALECTS", row.dialect())
        .env("PRESENCE_AUDIENCE", "peers")
        .env("RATE_LIMITS", "off");
    command
        .env("MAX_CONNECTIONS_PER_IP", "100000")
        .env("MAX_CONNECTIONS_PER_USER", "100000")
        .env("SESSION_MAX_MEMBERS", MAX_SESSION_MEMBERS.to_string());
    command.env("NODE_ENV", "production");
}

fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?)
}

/// Whether `GET /health` is answered with 200.
fn healthy(address: SocketAddr) -> Result<bool> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(Duration::from_secs(1)))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut status = [0; 12];
    stream.read_exact(&mut status)?;
    Ok(status == *b"HTTP/1.1 200")
}
