//! The servers: how each is started on its core, known to be up, and stopped. It sends them no load. What each can do is
//! in `kind`, what npm installs for them in `packages`.

mod kind;
mod packages;

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use tempfile::TempDir;

pub(crate) use self::kind::{Kind, own_binary};
pub(crate) use self::packages::folder as folder_of;
use crate::cpus::{Placement, Side};
use crate::databases::Databases;
use crate::process_usage;
use crate::row::{MAX_SESSION_MEMBERS, Row};

/// At least 32 bytes, as the relay demands. Used on the loopback interface for the length of a run.
const JWT_SECRET: &str = "benchmark-secret-benchmark-secret-benchmark-secret";
/// A relay that runs under another program is many times slower.
const START_DEADLINE: Duration = Duration::from_secs(60);
/// A server that many clients leave is slow to answer.
const HEALTH_TIMEOUT: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// A server is idle when it uses less than [`IDLE_CPU`] in this time.
const IDLE_TIME: Duration = Duration::from_millis(100);
const IDLE_CPU: Duration = Duration::from_millis(20);
/// It is at rest when it was idle so many times in a row.
const LOOKS_AT_REST: u32 = 5;
const IDLE_DEADLINE: Duration = Duration::from_secs(30);

/// Where servers run, and what the relay is.
pub(crate) struct Stage {
    pub(crate) placement: Placement,
    /// The binary of the relay.
    pub(crate) relay: String,
    /// What servers run under: a program and its arguments, or nothing.
    pub(crate) under: Vec<String>,
    /// More settings of the relay, as environment variables.
    pub(crate) settings: Vec<(&'static str, String)>,
}

impl Stage {
    /// The relay as it is, with its binary if it is not the one that Cargo has built.
    pub(crate) fn new(relay: Option<&Path>) -> Result<Self> {
        let relay = match relay {
            // Servers run in folders of their own.
            Some(relay) => std::path::absolute(relay)?
                .to_str()
                .context("the path of the relay is not UTF-8")?
                .to_owned(),
            None => env!("CARGO_BIN_EXE_sealed-relay").to_owned(),
        };
        Ok(Self {
            placement: Placement::choose(),
            relay,
            under: Vec::new(),
            settings: Vec::new(),
        })
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut words = self.under.iter().map(String::as_str).chain([program]);
        let first = words.next().unwrap_or(program);
        let mut command = self.placement.command(Side::Server, first);
        command.args(words).args(arguments);
        command
    }
}

/// A server, of one process or several; it ends when this is dropped.
pub(crate) struct Running {
    nodes: Vec<Node>,
    /// What its processes share.
    databases: Option<Databases>,
}

impl Running {
    /// Starts a server and waits until it answers.
    pub(crate) fn start(kind: Kind, row: Row, stage: &Stage) -> Result<Self> {
        let databases = row
            .wants_mongodb()
            .then(|| Databases::start(&stage.placement))
            .transpose()?;
        let mut nodes = Vec::new();
        for number in 0..row.nodes() {
            let shared = databases.as_ref();
            nodes.push(Node::start(kind, row, stage, (number, shared))?);
        }
        Ok(Self { nodes, databases })
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.address).collect()
    }

    pub(crate) fn pids(&self) -> Vec<u32> {
        self.nodes.iter().map(|node| node.child.id()).collect()
    }

    /// The process of the Redis that its processes share.
    pub(crate) fn redis(&self) -> Option<u32> {
        (self.nodes.len() > 1)
            .then_some(self.databases.as_ref()?)
            .map(Databases::redis_pid)
    }

    /// Waits until the server has seen off the clients of a round, as far as it ever comes to rest.
    pub(crate) fn wait_until_idle(&self) -> Result<()> {
        self.wait_for_quiet(1)
    }

    /// Waits until it has also done what it puts off for a moment, such as storing its audit.
    pub(crate) fn wait_until_at_rest(&self) -> Result<()> {
        self.wait_for_quiet(LOOKS_AT_REST)
    }

    /// How many connections it says it has.
    pub(crate) fn connections(&self) -> Result<u64> {
        let address = self.addresses().first().copied().context("no address")?;
        let answer = health(address)?;
        let (_, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        let health: serde_json::Value = serde_json::from_str(body)?;
        health
            .get("connections")
            .and_then(serde_json::Value::as_u64)
            .context("/health does not say it")
    }

    /// Tells it to end, and waits until it has; how long that took.
    pub(crate) fn terminate(mut self, deadline: Duration) -> Result<Duration> {
        let start = Instant::now();
        for node in &mut self.nodes {
            let pid = node.child.id().to_string();
            let status = Command::new("kill").args(["-TERM", &pid]).status()?;
            ensure!(status.success(), "`kill`: {status}");
        }
        for node in &mut self.nodes {
            while node.child.try_wait()?.is_none() {
                ensure!(start.elapsed() < deadline, "it does not end");
                std::thread::sleep(LOOK_EVERY);
            }
        }
        Ok(start.elapsed())
    }

    fn wait_for_quiet(&self, looks: u32) -> Result<()> {
        let deadline = Instant::now() + IDLE_DEADLINE;
        let mut used = process_usage::cpu_time(&self.pids())?;
        let mut quiet = 0;
        while quiet < looks {
            std::thread::sleep(IDLE_TIME);
            let now = process_usage::cpu_time(&self.pids())?;
            quiet = if now - used < IDLE_CPU { quiet + 1 } else { 0 };
            ensure!(
                quiet > 0 || Instant::now() < deadline,
                "still busy after {IDLE_DEADLINE:?} without work"
            );
            used = now;
        }
        Ok(())
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
        stage: &Stage,
        (number, databases): (usize, Option<&Databases>),
    ) -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let address = free_address()?;
        let log = File::create(folder.path().join("log"))?;
        let mut command = kind.command(stage, address)?;
        set_environment(&mut command, row, address, folder.path());
        if kind == Kind::Relay {
            command.envs(stage.settings.iter().map(|(name, value)| (name, value)));
        }
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
            Kind::Floor => TcpStream::connect(self.address).is_ok(),
            _ => healthy(self.address).unwrap_or(false),
        }
    }

    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        // Node says last which version it is.
        let is_error = |line: &&str| line.contains("Error:");
        log.lines()
            .rfind(is_error)
            .or_else(|| log.lines().last())
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

/// The same for all of them; each takes what it knows. Nothing else of this environment reaches a server, and it runs in an
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
    Ok(health(address)?.starts_with("HTTP/1.1 200"))
}

fn health(address: SocketAddr) -> Result<String> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(HEALTH_TIMEOUT))?;
    stream.write_all(b"GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer)
}
