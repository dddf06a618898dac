//! Nobody reads the log, or there is no room for it: the server goes on, ends well when it is asked to, and says how
//! many lines were lost when the log can be written again.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::program;
use test_support::harness::Relay;
use test_support::raw::{Client, http};
use test_support::scene::Bystanders;
use test_support::wait::until;

const LOST: &str = "lines of the log could not be written";

/// The server serves, and ends well and in time when it is asked to.
async fn goes_on_and_ends_well(mut relay: Relay) {
    let mut bystanders = Bystanders::connect(&relay).await;
    for _ in 0..3 {
        bystanders.exchange().await;
    }
    assert_eq!(http::get(&relay, "/ready").await.status, 200);
    drop(bystanders);
    let start = Instant::now();
    let status = relay.terminate();
    assert_eq!(status.code(), Some(0), "{status}");
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "{:?}",
        start.elapsed()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_under_the_log_ends_nothing() {
    let data = TempDir::new().unwrap();
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let relay = program::start_with_log(data.path(), &[("LOG_LEVEL", "trace")], full);
    goes_on_and_ends_well(relay).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_without_a_reader_ends_nothing() {
    let data = TempDir::new().unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let relay = program::start_with_log(data.path(), &[("LOG_LEVEL", "trace")], writer);
    drop(reader);
    goes_on_and_ends_well(relay).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standard_error_that_is_closed_at_the_start_ends_nothing() {
    let data = TempDir::new().unwrap();
    let program = program::after(data.path(), "exec 2>&-");
    let env = [("DIALECTS", "direct"), ("LOG_LEVEL", "trace")];
    let program = program.to_str().unwrap();
    let relay = Relay::start_with_log(program, data.path(), &env, Stdio::null());
    goes_on_and_ends_well(relay).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_file_that_may_not_grow_ends_nothing() {
    let data = TempDir::new().unwrap();
    let folder = TempDir::new().unwrap();
    let log = folder.path().join("log");
    // The limit is for all files: this one begins where others have room.
    let mut file = File::create(&log).unwrap();
    file.set_len(64 * 1024 * 1024).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).unwrap();
    let program = program::after(folder.path(), "ulimit -f 65536");
    let env = [("DIALECTS", "direct"), ("LOG_LEVEL", "trace")];
    let program = program.to_str().unwrap();
    let relay = Relay::start_with_log(program, data.path(), &env, file);
    goes_on_and_ends_well(relay).await;
}

/// A named pipe, whose reader comes and goes.
struct Pipe(PathBuf);

impl Pipe {
    fn make(folder: &Path) -> Self {
        let path = folder.join("log");
        assert!(
            Command::new("mkfifo")
                .arg(&path)
                .status()
                .unwrap()
                .success()
        );
        Self(path)
    }

    fn reader(&self) -> File {
        OpenOptions::new()
            .read(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&self.0)
            .unwrap()
    }

    /// For the server. There must be a reader.
    fn writer(&self) -> File {
        OpenOptions::new().write(true).open(&self.0).unwrap()
    }

    /// Leaves no room in it.
    fn fill(&self) {
        let mut options = OpenOptions::new();
        let mut filler = options
            .write(true)
            .custom_flags(libc::O_NONBLOCK)
            .open(&self.0)
            .unwrap();
        while filler.write(b"\n").is_ok() {}
    }
}

/// What can be read now is added to `text`.
fn read(reader: &mut File, text: &mut Vec<u8>) {
    let mut bytes = [0; 65_536];
    while let Ok(length @ 1..) = reader.read(&mut bytes) {
        text.extend_from_slice(&bytes[..length]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_of_the_log_that_hangs_blocks_nobody() {
    let data = TempDir::new().unwrap();
    let pipe = Pipe::make(data.path());
    let _hangs = pipe.reader();
    pipe.fill();
    let env = [("LOG_LEVEL", "trace")];
    let relay = program::start_with_log(data.path(), &env, pipe.writer());
    goes_on_and_ends_well(relay).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_fails_while_the_reader_of_its_log_hangs_ends() {
    let data = TempDir::new().unwrap();
    let pipe = Pipe::make(data.path());
    let _hangs = pipe.reader();
    pipe.fill();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let mut command = program::command();
    command
        .current_dir(data.path())
        .env("HOST", "127.0.0.1")
        .env("PORT", port);
    let mut server = command.stderr(pipe.writer()).spawn().unwrap();
    let mut ended = None;
    until("ended", async || {
        ended = server.try_wait().unwrap();
        ended.is_some()
    })
    .await;
    assert_eq!(ended.unwrap().code(), Some(1));
}

/// How many lines were logged until now, whatever became of them.
async fn logged(relay: &Relay) -> usize {
    let metrics = http::get(relay, "/metrics").await.body;
    metrics
        .lines()
        .filter(|line| line.starts_with("relay_log_lines_total{"))
        .map(|line| line.rsplit_once(' ').unwrap().1.parse::<usize>().unwrap())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lost_lines_are_counted_and_their_number_is_logged_when_it_can_be() {
    const CLIENTS: usize = 20;
    let data = TempDir::new().unwrap();
    let pipe = Pipe::make(data.path());
    let mut reader = pipe.reader();
    let env = [("LOG_LEVEL", "debug"), ("METRICS_PUBLIC", "true")];
    let mut relay = program::start_with_log(data.path(), &env, pipe.writer());
    let mut text = Vec::new();
    let mut read_before = 0;
    until("the first lines are read", async || {
        read(&mut reader, &mut text);
        let text = String::from_utf8_lossy(&text);
        read_before = text.lines().count();
        text.contains("listening") && read_before == logged(&relay).await
    })
    .await;
    drop(reader);
    for number in 0..CLIENTS {
        drop(Client::connect(&relay, &format!("lost-{number}")).await);
    }
    until("all are gone", async || {
        http::get(&relay, "/health")
            .await
            .body
            .contains(r#""connections":0"#)
    })
    .await;
    let mut reader = pipe.reader();
    let client = Client::connect(&relay, "last").await;
    let logged = logged(&relay).await;
    assert!(relay.terminate().success());
    drop(client);
    let mut text = Vec::new();
    read(&mut reader, &mut text);
    let text = String::from_utf8(text).unwrap();
    let reports = text.lines().filter(|line| line.contains(LOST)).count();
    assert_eq!(reports, 1, "{text}");
    let report = text.lines().next().unwrap();
    let lost: usize = report.split_once("lines=").unwrap().1.parse().unwrap();
    let written = text.lines().count() - reports;
    assert!(read_before + lost <= logged, "{logged}: {text}");
    assert!(read_before + lost + written >= logged, "{logged}: {text}");
    let is_last = |line: &str| line.ends_with(" stopped");
    assert!(text.lines().last().is_some_and(is_last), "{text}");
}
