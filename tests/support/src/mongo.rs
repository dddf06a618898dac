//! A server that speaks MongoDB's protocol, as a process of its own. Shared by the tests of the
//! library and those of the binary.
//!
//! Owns the process, and fetching what it is made of. Where that is impossible, tests are skipped and
//! say why; with `CI=true` they fail instead. `MONGODB_TEST_URI` names a real MongoDB for those tests
//! that do not stop it.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use tempfile::TempDir;

const DEADLINE: Duration = Duration::from_secs(60);

/// A database of one's own, on a server that all tests of this process share. Removed when dropped.
#[derive(Debug)]
pub struct Database {
    uri: String,
}

impl Database {
    /// `None`: there can be none.
    pub fn new() -> Option<Self> {
        static SHARED: OnceLock<(Server, TempDir)> = OnceLock::new();
        let name = format!("test_{}", uuid::Uuid::new_v4().simple());
        if let Ok(uri) = std::env::var("MONGODB_TEST_URI") {
            let uri = with_database(&uri, &name);
            return Some(Self { uri });
        }
        is_ready().then(|| {
            let start = || {
                let folder = tempfile::tempdir().unwrap();
                (Server::start(folder.path()), folder)
            };
            let uri = SHARED.get_or_init(start).0.uri(&name);
            Self { uri }
        })
    }

    /// Where it is.
    pub fn uri(&self) -> &str {
        &self.uri
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let uri = self.uri.clone();
        // The one who drops it may be in a runtime, where nobody may wait for another one.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Runtime::new().unwrap();
            runtime.block_on(async {
                let client = mongodb::Client::with_uri_str(uri).await?;
                client.default_database().unwrap().drop().await
            })
        });
        let dropped = dropping.join().unwrap();
        if !std::thread::panicking() {
            dropped.unwrap();
        }
    }
}

/// The same URI with another database.
fn with_database(uri: &str, database: &str) -> String {
    let (uri, options) = uri.split_once('?').unwrap_or((uri, ""));
    let hosts = uri.find("://").map_or(0, |at| at + 3);
    let end = uri[hosts..].find('/').map_or(uri.len(), |at| hosts + at);
    match options {
        "" => format!("{}/{database}", &uri[..end]),
        options => format!("{}/{database}?{options}", &uri[..end]),
    }
}

/// Whether a server can be started; when not, says why on the terminal, or fails in CI.
pub fn is_ready() -> bool {
    static READY: OnceLock<Result<(), String>> = OnceLock::new();
    let Err(reason) = READY.get_or_init(fetch) else {
        return true;
    };
    assert!(
        std::env::var("CI").as_deref() != Ok("true"),
        "tests of MongoDB cannot run: {reason}"
    );
    let notice = format!("SKIPPED a test of MongoDB: {reason}\n");
    std::io::stderr().write_all(notice.as_bytes()).unwrap();
    false
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("mongo")
}

/// Where its parts are stored.
fn jars() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let repository = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let target = target.unwrap_or_else(|| repository().join("target"));
    target.join("mongo-test-server")
}

fn fetch() -> Result<(), String> {
    let needs = "Java 17 or newer and Maven are needed (Debian: default-jre-headless maven)";
    let java = Command::new("java").arg("-version").output();
    if !java.is_ok_and(|output| output.status.success()) {
        return Err(needs.to_owned());
    }
    let folder = jars();
    std::fs::create_dir_all(&folder).map_err(|error| error.to_string())?;
    // Several test processes may begin at once. The system frees the lock whatever ends them.
    let lock = File::create(folder.join("lock")).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    let pom = std::fs::read(sources().join("pom.xml")).map_err(|error| error.to_string())?;
    let fetched = folder.join("pom.xml");
    if std::fs::read(&fetched).is_ok_and(|fetched| fetched == pom) {
        return Ok(());
    }
    let output = Command::new("mvn")
        .args(["-q", "-B", "dependency:copy-dependencies"])
        .arg(format!("-DoutputDirectory={}", folder.display()))
        .current_dir(sources())
        .output()
        .map_err(|error| format!("{needs}: {error}"))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stdout);
        return Err(format!("mvn failed: {}", said.trim()));
    }
    std::fs::write(fetched, pom).map_err(|error| error.to_string())
}

/// A server of one's own, on a file in a folder; killed when dropped.
#[derive(Debug)]
pub struct Server {
    process: Option<(Child, ChildStdin)>,
    file: PathBuf,
    port: u16,
}

impl Server {
    /// Starts one on a free port.
    pub fn start(folder: &Path) -> Self {
        let mut server = Self {
            process: None,
            file: folder.join("mongo.h2"),
            port: 0,
        };
        server.restart();
        server
    }

    /// Starts it again, on the same port and file.
    pub fn restart(&mut self) {
        assert!(self.process.is_none(), "it runs");
        let mut child = Command::new("java")
            // Started faster so, and small machines have several.
            .args(["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xmx512m"])
            .arg("-cp")
            .arg(jars().join("*"))
            .arg(sources().join("Launcher.java"))
            .arg(self.port.to_string())
            .arg(&self.file)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.find_map(|line| {
            line.unwrap()
                .strip_prefix("listening on ")
                .map(str::to_owned)
        });
        self.port = line.expect("it listens").parse().unwrap();
        self.process = Some((child, stdin));
    }

    /// The URI of a database on it.
    pub fn uri(&self, database: &str) -> String {
        uri(self.port, database)
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Ends it gracefully, as `kill` does.
    pub fn stop(&mut self) {
        self.signal("-TERM");
        let (mut child, stdin) = self.process.take().unwrap();
        let deadline = Instant::now() + DEADLINE;
        while child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < deadline, "it does not end");
            std::thread::sleep(Duration::from_millis(10));
        }
        drop(stdin);
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
        let (child, _) = self.process.as_ref().expect("it runs");
        let pid = child.id().to_string();
        let sent = Command::new("kill").args([signal, &pid]).status();
        assert!(sent.unwrap().success());
    }
}

/// The URI of a database on a port of this machine.
pub fn uri(port: u16, database: &str) -> String {
    // It has no retryable writes.
    format!("mongodb://127.0.0.1:{port}/{database}?retryWrites=false")
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some((child, _)) = &mut self.process {
            // Both fail only when it has ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
