//! A Redis as a process of its own. Shared by the tests of the library and those of the binary.
//!
//! Owns the process. Where there is no `redis-server` of version 7 or newer, tests are skipped and say
//! why; with `CI=true` they fail instead. `REDIS_TEST_URL` names a running Redis for those tests that do
//! not stop it.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::ports::free_port;

const DEADLINE: Duration = Duration::from_secs(60);
/// The first with sharded channels.
const MIN_VERSION: u32 = 7;

/// Starts the server with the arguments it is given, says its process id, and ends when it does. The
/// server is killed when the input ends: so it ends with the test process, whatever ends that.
const WATCHED: &str = r#"
exec 3<&0
redis-server "$@" 3<&- >/dev/null 2>&1 &
server=$!
(cat <&3; kill -9 $server) >/dev/null 2>&1 &
watcher=$!
echo $server
wait $server
kill $watcher
"#;

/// Keys and channels of one's own, on a server that all tests of this process share.
#[derive(Debug)]
pub struct Space {
    url: String,
    prefix: String,
}

impl Space {
    /// `None`: there can be none.
    pub fn new() -> Option<Self> {
        static SHARED: OnceLock<Server> = OnceLock::new();
        let prefix = format!("test-{}", uuid::Uuid::new_v4().simple());
        if let Ok(url) = std::env::var("REDIS_TEST_URL") {
            return Some(Self { url, prefix });
        }
        is_ready().then(|| {
            // It writes nothing there.
            let start = || Server::start(&std::env::temp_dir(), Durability::InMemory);
            let url = SHARED.get_or_init(start).url();
            Self { url, prefix }
        })
    }

    /// Where the server is.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// What every key and channel begins with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }
}

/// Whether a server can be started; when not, says why on the terminal, or fails in CI.
pub fn is_ready() -> bool {
    static READY: OnceLock<Result<(), String>> = OnceLock::new();
    let Err(reason) = READY.get_or_init(look) else {
        return true;
    };
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "tests of Redis cannot run: {reason}"
    );
    let notice = format!("SKIPPED a test of Redis: {reason}\n");
    std::io::stderr().write_all(notice.as_bytes()).unwrap();
    false
}

fn look() -> Result<(), String> {
    let needs = format!("redis-server {MIN_VERSION} or newer is needed (Debian: redis-server)");
    let output = Command::new("redis-server")
        .arg("--version")
        .output()
        .map_err(|error| format!("{needs}: {error}"))?;
    // Redis server v=7.0.15 sha=…
    let said = String::from_utf8_lossy(&output.stdout);
    let version = said.split_once("v=").map_or("", |(_, version)| version);
    let major = version.split('.').next().unwrap_or_default();
    match major.parse::<u32>() {
        Ok(major) if major >= MIN_VERSION => Ok(()),
        _ => Err(format!("{needs}, found {}", said.trim())),
    }
}

/// Whether a server's data are there again after it was started again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    /// Nothing is written to disk.
    InMemory,
    /// Each write is on disk before it is answered.
    EachWrite,
}

/// A server of one's own; killed when dropped.
#[derive(Debug)]
pub struct Server {
    process: Option<Process>,
    folder: PathBuf,
    durability: Durability,
    more: Vec<String>,
    port: u16,
}

#[derive(Debug)]
struct Process {
    watched: Child,
    /// The server ends when this is closed.
    input: ChildStdin,
    pid: String,
}

impl Server {
    /// Starts one on a free port. Its files, if it has any, are in the folder.
    pub fn start(folder: &Path, durability: Durability) -> Self {
        Self::start_with(folder, durability, Vec::new)
    }

    /// The same with more arguments, which are asked for again when another program has taken a port.
    pub fn start_with(
        folder: &Path,
        durability: Durability,
        more: impl Fn() -> Vec<String>,
    ) -> Self {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let mut server = Self {
                process: None,
                folder: folder.to_owned(),
                durability,
                more: more(),
                port: free_port(),
            };
            // Another program may have taken the port meanwhile.
            if server.answers() {
                return server;
            }
            assert!(Instant::now() < deadline, "redis-server does not start");
        }
    }

    /// Starts it again, on the same port.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs");
        assert!(self.answers(), "it does not start again");
    }

    /// Starts the process and waits until it answers; false when it ended instead.
    fn answers(&mut self) -> bool {
        let port = self.port.to_string();
        let appends = match self.durability {
            Durability::InMemory => "no",
            Durability::EachWrite => "yes",
        };
        let mut watched = Command::new("sh")
            .args(["-c", WATCHED, "sh"])
            // A file, if there is one, comes first.
            .args(self.more.iter().take_while(|more| !more.starts_with("--")))
            .args(["--port", &port])
            .args(["--bind", "127.0.0.1", "--save", "", "--dir"])
            .arg(&self.folder)
            .args(["--appendonly", appends, "--appendfsync", "always"])
            .args(self.more.iter().skip_while(|more| !more.starts_with("--")))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let input = watched.stdin.take().unwrap();
        let mut pid = String::new();
        let mut said = BufReader::new(watched.stdout.take().unwrap());
        said.read_line(&mut pid).unwrap();
        let deadline = Instant::now() + DEADLINE;
        while watched.try_wait().unwrap().is_none() {
            // What answers a process that has ended is another program's.
            if is_answered(self.port) && watched.try_wait().unwrap().is_none() {
                self.process = Some(Process {
                    watched,
                    input,
                    pid: pid.trim().to_owned(),
                });
                return true;
            }
            assert!(Instant::now() < deadline, "redis-server does not answer");
            sleep(Duration::from_millis(10));
        }
        false
    }

    /// Where it is.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Does a command, written in a line; the answer begins with what this returns.
    pub fn ask(&self, command: &str) -> String {
        let mut tcp = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        tcp.set_read_timeout(Some(DEADLINE)).unwrap();
        tcp.write_all(format!("{command}\r\n").as_bytes()).unwrap();
        let mut answer = vec![0; 16 * 1024];
        let length = tcp.read(&mut answer).unwrap();
        String::from_utf8_lossy(&answer[..length]).into_owned()
    }

    /// Ends it gracefully.
    pub fn stop(&mut self) {
        self.end("-TERM");
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        self.end("-KILL");
    }

    fn end(&mut self, signal: &str) {
        self.signal(signal);
        let mut process = self.process.take().unwrap();
        let deadline = Instant::now() + DEADLINE;
        while process.watched.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            sleep(Duration::from_millis(10));
        }
    }

    /// Lets it hang: connections stay, and nothing is answered.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let process = self.process.as_ref().expect("it runs");
        let sent = Command::new("kill").args([signal, &process.pid]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(mut process) = self.process.take() {
            drop(process.input);
            // It fails only when it has ended already.
            let _ = process.watched.wait();
        }
    }
}

/// Whether a Redis answers there that is done with reading its files.
fn is_answered(port: u16) -> bool {
    const PONG: &[u8] = b"+PONG";
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let Ok(mut tcp) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
        return false;
    };
    let mut answer = [0; PONG.len()];
    let waits = tcp.set_read_timeout(Some(Duration::from_secs(1)));
    let asked = waits.and_then(|()| tcp.write_all(b"PING\r\n"));
    asked.and_then(|()| tcp.read_exact(&mut answer)).is_ok() && answer == *PONG
}
