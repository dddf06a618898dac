//! Imports of a backend that are cut off, by a kill or a stop, and the command that sends a file: what was counted is stored.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rusqlite::Connection;
use serde_json::Value;

use crate::clients::ADMIN_TOKEN;
use crate::program;
use test_support::harness::Relay;
use test_support::mongo::Database;
use test_support::raw::http;

const LINES: usize = 100_000;

fn relay(data: &Path) -> Relay {
    let settings = [("DIALECTS", "direct,chat"), ("ADMIN_TOKEN", ADMIN_TOKEN)];
    program::start_in(data, &settings)
}

/// A folder with the token, and this file.
struct Files {
    folder: tempfile::TempDir,
    lines: PathBuf,
}

impl Files {
    fn new(text: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("token"), format!("{ADMIN_TOKEN}\n")).unwrap();
        let lines = folder.path().join("lines");
        std::fs::write(&lines, text).unwrap();
        Self { folder, lines }
    }

    fn command(&self, relay: &Relay, file: &Path) -> Command {
        let mut command = program::command();
        let token = self.folder.path().join("token");
        command
            .arg("import")
            .arg(file)
            .args(["--url", relay.url(), "--token-file"])
            .arg(token)
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn import(&self, relay: &Relay) -> Output {
        self.command(relay, &self.lines).output().unwrap()
    }
}

fn users(count: usize) -> String {
    let line =
        |number| format!("{{\"type\":\"user\",\"id\":\"u{number}\",\"name\":\"User {number}\"}}\n");
    (0..count).map(line).collect()
}

/// Ten people each in as many conversations as it takes.
fn conversations(lines: usize) -> String {
    let mut text = String::new();
    for number in 0..lines / 11 {
        text +=
            &format!("{{\"type\":\"conversation\",\"id\":\"c{number}\",\"createdBy\":\"u0\"}}\n");
        for user in 0..10 {
            text += &format!(
                "{{\"type\":\"participant\",\"conversationId\":\"c{number}\",\"userId\":\"u{user}\",\"joinedAt\":\"2020-01-01\"}}\n"
            );
        }
    }
    text
}

fn stored(data: &Path, table: &str) -> u64 {
    let db = Connection::open(data.join("conversations.db")).unwrap();
    let count = format!("SELECT count(*) FROM {table}");
    let count: i64 = db.query_row(&count, [], |row| row.get(0)).unwrap();
    u64::try_from(count).unwrap()
}

/// The number of lines in what the command says of its progress.
fn lines_of(said: &str) -> Option<u64> {
    said.split_once(" lines: ")?.0.parse().ok()
}

/// Waits until the command says that so many lines are done; the last number that it says, once `then` was done.
fn interrupted(mut child: Child, lines: u64, then: impl FnOnce()) -> (u64, Output) {
    let mut said = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut last = 0;
    while last < lines {
        let line = said.next().unwrap().unwrap();
        last = lines_of(&line).unwrap_or(last);
    }
    then();
    for line in said {
        last = lines_of(&line.unwrap()).unwrap_or(last);
    }
    (last, child.wait_with_output().unwrap())
}

#[test]
fn what_was_counted_survives_a_kill_and_the_file_can_be_sent_again() {
    let data = tempfile::tempdir().unwrap();
    let files = Files::new(&(users(LINES / 2) + &conversations(LINES / 2)));
    let mut server = relay(data.path());
    let importing = files.command(&server, &files.lines).spawn().unwrap();
    let (counted, output) = interrupted(importing, 60_000, || server.kill());
    server.wait();
    assert_eq!(output.status.code(), Some(1));
    let all =
        |data| stored(data, "users") + stored(data, "conversations") + stored(data, "participants");
    assert!(
        all(data.path()) >= counted,
        "{} {counted}",
        all(data.path())
    );
    let server = relay(data.path());
    let output = files.import(&server);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let made = LINES / 2 / 11;
    let counts = ["users", "conversations", "participants"].map(|table| stored(data.path(), table));
    assert_eq!(
        counts,
        [LINES / 2, made, 10 * made].map(|count| count as u64)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_counted_survives_a_kill_where_mongodb_keeps_it() {
    const PEOPLE: usize = 10;
    let Some(database) = Database::new() else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let settings = [
        ("ADMIN_TOKEN", ADMIN_TOKEN),
        ("MONGODB_URI", database.uri()),
    ];
    let files = Files::new(&conversations(20_000));
    let mut server = program::start_in(data.path(), &settings);
    let importing = files.command(&server, &files.lines).spawn().unwrap();
    let (counted, output) = interrupted(importing, 250, || server.kill());
    server.wait();
    assert_eq!(output.status.code(), Some(1));
    let server = program::start_in(data.path(), &settings);
    let whole = usize::try_from(counted).unwrap() / (PEOPLE + 1);
    assert!(whole > 0);
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let headers = [("Authorization", &*bearer)];
    for number in 0..whole {
        let path = format!("/api/conversations/c{number}/participants");
        let answer = http::request(&server, "GET", &path, &headers, b"").await;
        let found: Value = serde_json::from_str(&answer.body).unwrap();
        let found = found["participants"].as_array().map_or(0, Vec::len);
        assert_eq!(found, PEOPLE, "{number} of {whole}");
    }
}

#[test]
fn it_lasts_as_long_as_there_are_lines() {
    const TIME: Duration = Duration::from_secs(4);
    let data = tempfile::tempdir().unwrap();
    // Of the time for a request, only waiting for the client counts.
    let settings = [("ADMIN_TOKEN", ADMIN_TOKEN), ("REQUEST_TIMEOUT", "1s")];
    let server = program::start_in(data.path(), &settings);
    let files = Files::new("");
    let mut command = files.command(&server, Path::new("-"));
    let mut importing = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = importing.stdin.take().unwrap();
    let (begun, mut sent) = (Instant::now(), 0);
    while begun.elapsed() < TIME {
        let lines = users(200);
        input.write_all(lines.as_bytes()).unwrap();
        sent += 200;
        sleep(Duration::from_millis(50)); // the pace of the client
    }
    drop(input);
    let output = importing.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains(&format!("{sent} lines: {sent} users")),
        "{said}"
    );
}

#[test]
fn a_stop_ends_it_and_it_says_how_far_it_came() {
    let data = tempfile::tempdir().unwrap();
    let files = Files::new(&users(LINES));
    let mut server = relay(data.path());
    let importing = files.command(&server, &files.lines).spawn().unwrap();
    let (counted, output) = interrupted(importing, 10_000, || server.signal("-TERM"));
    assert!(server.wait().success());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(stored(data.path(), "users"), counted, "what it said last");
}

/// The last line of the answer to a body that begins so, and has something behind it that is no part of a body.
fn broken_off(server: &Relay, begin: &str, behind: &str) -> Value {
    let address = server.url().trim_start_matches("http://");
    let mut tcp = TcpStream::connect(address).unwrap();
    tcp.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let length = begin.len();
    let request = format!(
        "POST /api/admin/import HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {ADMIN_TOKEN}\r\n\
         Content-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n\
         {length:x}\r\n{begin}\r\n{behind}"
    );
    tcp.write_all(request.as_bytes()).unwrap();
    let lines = BufReader::new(tcp).lines();
    let mut lines = lines.map(|line| line.unwrap());
    let last = lines.find(|line| line.starts_with(r#"{"done""#));
    serde_json::from_str(&last.unwrap()).unwrap()
}

#[test]
fn a_body_that_stalls_or_breaks_off_ends_it_with_the_lines_that_are_whole() {
    let data = tempfile::tempdir().unwrap();
    let settings = [("ADMIN_TOKEN", ADMIN_TOKEN), ("REQUEST_TIMEOUT", "1s")];
    let mut server = program::start_in(data.path(), &settings);
    let lines = "{\"type\":\"user\",\"id\":\"ann\"}\n{\"type\":\"user\",\"id\":\"be";
    for (behind, code) in [("", "REQUEST_TIMEOUT"), ("no length\r\n", "INVALID_INPUT")] {
        let last = broken_off(&server, lines, behind);
        let found = (&last["done"], &last["code"], &last["lines"], &last["users"]);
        assert_eq!(found, (&false.into(), &code.into(), &1.into(), &1.into()));
    }
    assert_eq!(stored(data.path(), "users"), 1);
    assert!(server.terminate().success());
}

#[test]
fn the_command_shows_bad_lines_and_fails_if_there_are_any() {
    let data = tempfile::tempdir().unwrap();
    let server = relay(data.path());
    let files = Files::new(
        "{\"type\":\"user\",\"id\":\"ann\"}\nnonsense\n{\"type\":\"user\",\"id\":\"ben\"}",
    );
    let output = files.import(&server);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    let bad: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&bad["line"], &bad["code"]),
        (&2.into(), &"INVALID_INPUT".into())
    );
    let said = String::from_utf8(output.stderr).unwrap();
    let last = "3 lines: 2 users, 0 conversations, 0 participants, 1 errors\n";
    assert!(said.ends_with(last), "{said}");
    let mut tried = files.command(&server, Path::new("-"));
    let mut tried = tried
        .arg("--dry-run")
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = tried.stdin.take().unwrap();
    input
        .write_all(b"{\"type\":\"user\",\"id\":\"cem\"}\n")
        .unwrap();
    drop(input);
    assert_eq!(tried.wait_with_output().unwrap().status.code(), Some(0));
    assert_eq!(
        stored(data.path(), "users"),
        2,
        "what is only tried is not stored"
    );
}

#[test]
fn a_wrong_command_line_and_a_wrong_token_are_told_apart_from_a_server_that_is_gone() {
    let data = tempfile::tempdir().unwrap();
    let mut server = relay(data.path());
    let files = Files::new(&users(3));
    let absent = files.folder.path().join("absent");
    let output = files.command(&server, &absent).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    let token = files.folder.path().join("token");
    for (text, code) in [("", 2), ("another token, which opens nothing here", 2)] {
        std::fs::write(&token, text).unwrap();
        let output = files.import(&server);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(!String::from_utf8_lossy(&output.stderr).contains("another token"));
    }
    std::fs::write(&token, ADMIN_TOKEN).unwrap();
    let mut without_url = program::command();
    let output = without_url.args(["import", "-"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
    assert!(server.terminate().success());
    let output = files.import(&server);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn lines_are_stored_many_times_as_fast_as_single_requests() {
    const SINGLE: usize = 100;
    const MANY: usize = 20_000;
    let data = tempfile::tempdir().unwrap();
    let server = relay(data.path());
    let bearer = format!("Bearer {ADMIN_TOKEN}");
    let headers = [
        ("Authorization", &*bearer),
        ("Content-Type", "application/json"),
    ];
    let begun = Instant::now();
    for number in 0..SINGLE {
        let path = format!("/api/admin/users/single{number}");
        let body = br#"{"name":"Single"}"#;
        let answer = http::request(&server, "PUT", &path, &headers, body).await;
        assert_eq!(answer.status, 200);
    }
    let single = begun.elapsed().as_secs_f64() / SINGLE as f64;
    let files = Files::new(&users(MANY));
    let begun = Instant::now();
    let output = files.import(&server);
    let many = begun.elapsed().as_secs_f64() / MANY as f64;
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    println!("a request: {single:.6} s, a line: {many:.6} s");
    assert!(single / many > 8.0, "{single} {many}");
}
