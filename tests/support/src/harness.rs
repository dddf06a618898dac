//! Starts the built server as a process of its own and watches it.
//!
//! Owns the process, its log and its data directory; knows nothing of clients or events.

use std::io::{BufRead, BufReader, Read};
use std::net::{Ipv4Addr, TcpStream};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::thread::{JoinHandle, sleep, spawn};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ports::free_port;

/// The secret every server of these tests signs and verifies with.
pub const JWT_SECRET: &str = "a secret for tests, longer than thirty-two bytes";

const START_DEADLINE: Duration = Duration::from_secs(20);
/// Longer than the default `drain_timeout`: a server that needs more than that fails its test by its status.
const STOP_DEADLINE: Duration = Duration::from_secs(30);

/// A running server on a free port of this machine; killed when dropped.
pub struct Relay {
    child: Child,
    url: String,
    log: Arc<Mutex<String>>,
    readers: Vec<JoinHandle<()>>,
    /// Deleted with the server, when the test did not bring its own.
    _data: Option<TempDir>,
}

impl Relay {
    /// Starts this program with an empty data directory. `env` is all it sees of the environment beside the basics,
    /// and may override those.
    pub fn start(program: &str, env: &[(&str, &str)]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut relay = Self::start_in(program, data.path(), env);
        relay._data = Some(data);
        relay
    }

    /// As `start`, in a data directory that outlives the server.
    pub fn start_in(program: &str, data: &Path, env: &[(&str, &str)]) -> Self {
        let mut child = command(program, data, env)
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, addresses) = channel();
        let readers = vec![
            follow(child.stdout.take().unwrap(), &log, lines.clone()),
            follow(child.stderr.take().unwrap(), &log, lines),
        ];
        // From here on dropping `relay` stops the process, also when the wait below fails.
        let mut relay = Self {
            child,
            url: String::new(),
            log,
            readers,
            _data: None,
        };
        match addresses.recv_timeout(START_DEADLINE) {
            Ok(url) => relay.url = url,
            Err(reason) => panic!(
                "the server named no address ({reason}); its log:\n{}",
                relay.log()
            ),
        }
        relay
    }

    /// As `start_in`, with its log on `stderr`, which the test brings: `log` does not have it.
    pub fn start_with_log(
        program: &str,
        data: &Path,
        env: &[(&str, &str)],
        stderr: impl Into<Stdio>,
    ) -> Self {
        let port = free_port();
        let mut child = command(program, data, env)
            .env("PORT", port.to_string())
            .stderr(stderr)
            .spawn()
            .unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (lines, _) = channel();
        let readers = vec![follow(child.stdout.take().unwrap(), &log, lines)];
        let mut relay = Self {
            child,
            url: format!("http://127.0.0.1:{port}"),
            log,
            readers,
            _data: None,
        };
        let deadline = Instant::now() + START_DEADLINE;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            assert!(relay.is_running(), "the server ended at the start");
            assert!(Instant::now() < deadline, "the server does not listen");
            sleep(Duration::from_millis(10));
        }
        relay
    }

    /// Where it listens: `http://127.0.0.1:<port>`, or `https://…`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Everything it wrote to stdout and stderr so far; all of it after `terminate`.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    /// How many lines of the log contain this text.
    pub fn log_lines(&self, text: &str) -> usize {
        let log = self.log();
        log.lines().filter(|line| line.contains(text)).count()
    }

    /// Waits until so many lines of the log contain this text: they may come a moment after what they are about.
    pub fn logs(&self, text: &str, lines: usize) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while self.log_lines(text) != lines {
            assert!(
                Instant::now() < deadline,
                "not {lines} lines with {text:?} in the log:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(10));
        }
    }

    /// Sends SIGTERM and waits for the end.
    pub fn terminate(&mut self) -> ExitStatus {
        self.signal("-TERM");
        self.wait()
    }

    /// Sends this signal, such as `-HUP`.
    pub fn signal(&self, signal: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(
            sent.unwrap().success(),
            "the server ended by itself; its log:\n{}",
            self.log()
        );
    }

    /// Ends the process at once, whatever it is doing. `wait` is still to be called.
    pub fn kill(&self) {
        self.signal("-KILL");
    }

    /// Lets it hang: its connections stay.
    pub fn pause(&self) {
        self.signal("-STOP");
    }

    /// Lets it go on.
    pub fn resume(&self) {
        self.signal("-CONT");
    }

    /// Waits for the end, which something else brings about.
    pub fn wait(&mut self) -> ExitStatus {
        let deadline = Instant::now() + STOP_DEADLINE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "still running long after SIGTERM; its log:\n{}",
                self.log()
            );
            sleep(Duration::from_millis(10));
        };
        for reader in self.readers.drain(..) {
            reader.join().unwrap();
        }
        status
    }
}

/// The server on a free port, with this data and these variables.
pub fn command(program: &str, data: &Path, env: &[(&str, &str)]) -> Command {
    let mut command = Command::new(program);
    command
        .current_dir(data)
        .env_clear()
        .env("HOST", "127.0.0.1")
        .env("PORT", "0")
        .env("DATA_DIR", data)
        .env("JWT_SECRET", JWT_SECRET)
        .envs(env.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    command
}

impl Drop for Relay {
    fn drop(&mut self) {
        // Both fail only when the process has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Copies a stream to the log; a line that names the address goes to `addresses` too.
fn follow(
    stream: impl Read + Send + 'static,
    log: &Arc<Mutex<String>>,
    addresses: Sender<String>,
) -> JoinHandle<()> {
    let log = Arc::clone(log);
    spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        while stream
            .read_until(b'\n', &mut line)
            .is_ok_and(|length| length > 0)
        {
            let text = String::from_utf8_lossy(&line);
            log.lock().unwrap().push_str(&text);
            if let Some(url) = address(&text) {
                // Nobody listens any more once the first was taken.
                let _ = addresses.send(url);
            }
            line.clear();
        }
    })
}

fn address(line: &str) -> Option<String> {
    let start = line
        .find("http://")
        .or_else(|| line.find("https://"))
        .filter(|_| line.contains("listening"))?;
    let url = &line[start..];
    let end = url
        .find(|c: char| !c.is_ascii_alphanumeric() && !":/.[]".contains(c))
        .unwrap_or(url.len());
    Some(url[..end].trim_end_matches('/').to_owned())
}
