//! Load balancers in front of relays, made from the files in `config/` with the addresses of a test.
//!
//! Owns the process and its files. Where a balancer is not installed, its tests are skipped and say why; with
//! `CI=true` they fail instead.

use std::fs::File;
use std::io::Write as _;
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use test_support::harness::Relay;
use test_support::memory::resident;
use test_support::ports::free_port;

const DEADLINE: Duration = Duration::from_secs(20);

/// Runs its arguments until its input ends: so the balancer ends with the test process, whatever ends that.
/// nginx ends its workers when it is asked to end, and would leave them behind if it were killed.
const WATCHED: &str = r#"
exec 3<&0
"$@" 3<&- &
balancer=$!
(cat <&3; kill $balancer) &
wait $balancer
"#;

/// Which program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Nginx,
    HaProxy,
}

/// A running balancer; ended when dropped.
pub(super) struct Balancer {
    watched: Child,
    kind: Kind,
    port: u16,
    folder: TempDir,
}

impl Kind {
    fn program(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::HaProxy => "haproxy",
        }
    }

    /// Whether it can be started; when not, says why on the terminal, or fails in CI.
    pub(super) fn is_ready(self) -> bool {
        let program = self.program();
        let found = Command::new(program).arg("-v").output();
        if found.is_ok_and(|output| output.status.success()) {
            return true;
        }
        let reason = format!("{program} is needed (Debian: {program})");
        assert!(
            std::env::var("CI").as_deref() != Ok("true"),
            "tests of {program} cannot run: {reason}"
        );
        let notice = format!("SKIPPED a test of {program}: {reason}\n");
        std::io::stderr().write_all(notice.as_bytes()).unwrap();
        false
    }

    /// Its file in `config/`, with what is of this place.
    fn configuration(self, relays: &[&Relay], port: u16, folder: &Path) -> String {
        let folder = folder.display();
        let listen = format!("127.0.0.1:{port}");
        match self {
            Self::Nginx => with_relays("nginx.conf", relays)
                .replace("listen 8080", &format!("listen {listen}"))
                .replace("/run/nginx.pid", &format!("{folder}/pid"))
                .replace("/dev/stderr crit", &format!("{folder}/log info"))
                .replace("/dev/stdout", &format!("{folder}/log"))
                .replace(
                    "http {\n",
                    &format!("http {{\n{}", temporary_folders(folder)),
                ),
            Self::HaProxy => {
                with_relays("haproxy.cfg", relays).replace("bind :8080", &format!("bind {listen}"))
            }
        }
    }
}

/// For nginx, which makes all of them when it starts.
fn temporary_folders(folder: impl std::fmt::Display) -> String {
    ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|what| format!("{what}_temp_path {folder}/{what};\n"))
        .concat()
}

/// A file of `config/`. It names two relays. What it says of the second, in one line each, is said of as many as there are.
fn with_relays(file: &str, relays: &[&Relay]) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("config")
        .join(file);
    let file = std::fs::read_to_string(file).unwrap();
    let mut configuration = String::new();
    for line in file.lines() {
        let numbers = match () {
            () if line.contains("relay-1") => 1..=1.min(relays.len()),
            () if line.contains("relay-2") => 2..=relays.len(),
            () => 0..=0,
        };
        for number in numbers {
            let mut line = line.to_owned();
            if number > 0 {
                let address = relays[number - 1].url().trim_start_matches("http://");
                line = line
                    .replace("relay-1:3000", address)
                    .replace("relay-2:3000", address)
                    .replace("relay-2", &format!("relay-{number}"));
            }
            configuration.push_str(&line);
            configuration.push('\n');
        }
    }
    configuration
}

/// Starts the process on the configuration in a folder.
fn launch(kind: Kind, folder: &Path) -> Child {
    let log = File::options()
        .append(true)
        .open(folder.join("log"))
        .unwrap();
    Command::new("sh")
        .args(["-c", WATCHED, "sh", kind.program()])
        .args(match kind {
            Kind::Nginx => ["-g", "daemon off;", "-c"].as_slice(),
            Kind::HaProxy => &["-db", "-f"],
        })
        .arg(folder.join("configuration"))
        .stdin(Stdio::piped())
        .stdout(log.try_clone().unwrap())
        .stderr(log)
        .spawn()
        .unwrap()
}

impl Balancer {
    /// Starts one in front of these; the first has the name `relay-1`, and so on. Waits until it listens.
    pub(super) fn start(kind: Kind, relays: &[&Relay]) -> Self {
        Self::start_with(kind, relays, &[])
    }

    /// The same, with other texts in its file for some that it has.
    pub(super) fn start_with(kind: Kind, relays: &[&Relay], changes: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let file = folder.path().join("configuration");
        let mut configuration = kind.configuration(relays, port, folder.path());
        for (text, other) in changes {
            assert!(configuration.contains(text), "{text}: {configuration}");
            configuration = configuration.replace(text, other);
        }
        std::fs::write(&file, configuration).unwrap();
        File::create(folder.path().join("log")).unwrap();
        let mut balancer = Self {
            watched: launch(kind, folder.path()),
            kind,
            port,
            folder,
        };
        balancer.wait();
        balancer
    }

    /// Ends it and starts it again, in the same place. All connections through it are gone.
    pub(super) fn restart(&mut self) {
        self.end();
        self.watched = launch(self.kind, self.folder.path());
        self.wait();
    }

    fn wait(&mut self) {
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect(self.address()).is_err() {
            let ended = self.watched.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "it does not listen; its log:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn end(&mut self) {
        drop(self.watched.stdin.take());
        // It fails only when it has ended already.
        let _ = self.watched.wait();
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        ([127, 0, 0, 1], self.port).into()
    }

    /// The same as `http://127.0.0.1:<port>`.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// What it logged so far, requests included.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    /// Resident memory of all its processes, in MiB.
    pub(super) fn resident(&self) -> f64 {
        descendants(self.watched.id())
            .into_iter()
            .map(resident)
            .sum()
    }
}

/// All processes that this one started, and those that they did.
fn descendants(pid: u32) -> Vec<u32> {
    let children = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
    let children = children.unwrap_or_default();
    let children = children.split_whitespace().map(|pid| pid.parse().unwrap());
    children
        .flat_map(|child| [vec![child], descendants(child)].concat())
        .collect()
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.end();
    }
}
