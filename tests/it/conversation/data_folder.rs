//! Files of the data folder are deleted, replaced or damaged, or its disk is full: what is acknowledged is in the files
//! that a restart opens, and the server says that it does not work.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::{create, history, rest, server_in, settings};
use crate::program;
use test_support::harness::Relay;
use test_support::raw::http;
use test_support::scene::{Bystanders, stop};
use test_support::wait::{until, until_ready_says};

const ROOM: &str = "\"room\"";
const USERS: [&str; 2] = ["ann", "ben"];
const DATABASE: &str = "conversations.db";
const LOG: &str = "conversations.db-wal";
const NOT_WRITTEN: &str = "conversations cannot be written";
/// As many as were lost when this was found.
const POSTS: usize = 50;

/// Does something to a data folder.
type Harm = fn(&Path);

/// Posts this many messages; those that were acknowledged.
async fn post(relay: &Relay, count: usize, content: &str) -> usize {
    let mut acknowledged = 0;
    for number in 0..count {
        let body = format!(r#"{{"conversationId":{ROOM},"content":"{content} {number}"}}"#);
        let answer = rest(relay, USERS[0], "POST", "/api/messages", &body).await;
        match answer.status {
            201 => acknowledged += 1,
            500.. => {}
            _ => panic!("{answer:?}"),
        }
    }
    acknowledged
}

async fn stored(relay: &Relay) -> usize {
    history(relay, USERS[0], ROOM, 200).await.len()
}

/// A server with a conversation and some messages, of which this many are acknowledged.
async fn begin(data: &Path) -> (Relay, usize) {
    let relay = server_in(data, &[]);
    create(&relay, ROOM, &USERS).await;
    assert_eq!(post(&relay, 5, "before").await, 5);
    (relay, 5)
}

/// Nothing is acknowledged any more, and that is said once.
async fn refuses(relay: &Relay, reason: &str) {
    assert_eq!(post(relay, POSTS, "lost").await, 0);
    until_ready_says(relay, Some(reason)).await;
    relay.logs(NOT_WRITTEN, 1);
    let health = http::get(relay, "/health").await;
    assert_eq!(health.status, 200, "{health:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_acknowledged_that_goes_to_a_lost_file() {
    const GONE: &str = "the database of conversations is gone";
    let harms: [(&str, Harm); 7] = [
        ("the folder is deleted", |data| {
            fs::remove_dir_all(data).unwrap()
        }),
        ("the folder is replaced", |data| {
            fs::rename(data, data.with_extension("old")).unwrap();
            fs::create_dir(data).unwrap();
        }),
        ("the database is deleted", |data| {
            fs::remove_file(data.join(DATABASE)).unwrap()
        }),
        ("the database is replaced", |data| {
            fs::copy(data.join(DATABASE), data.join("copy")).unwrap();
            fs::rename(data.join("copy"), data.join(DATABASE)).unwrap();
        }),
        ("the database is cut off", |data| {
            fs::write(data.join(DATABASE), "").unwrap()
        }),
        ("its log is deleted", |data| {
            fs::remove_file(data.join(LOG)).unwrap()
        }),
        ("its log is cut off", |data| {
            fs::write(data.join(LOG), "").unwrap()
        }),
    ];
    for (harm, harms) in harms {
        println!("{harm}");
        let folder = TempDir::new().unwrap();
        let data = folder.path().join("data");
        fs::create_dir(&data).unwrap();
        let (mut relay, _) = begin(&data).await;
        harms(&data);
        refuses(&relay, GONE).await;
        relay.kill();
        relay.wait();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_file_is_noticed_while_nobody_writes() {
    let data = TempDir::new().unwrap();
    let (mut relay, _) = begin(data.path()).await;
    fs::remove_file(data.path().join(DATABASE)).unwrap();
    fs::remove_file(data.path().join("relay.db")).unwrap();
    until("it is logged", async || {
        relay.log_lines(NOT_WRITTEN) == 1 && relay.log_lines("audit records cannot be written") == 1
    })
    .await;
    until_ready_says(&relay, Some("the audit's database does not take records")).await;
    relay.kill();
    relay.wait();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_folder_that_comes_back_is_used_again_and_has_all_that_was_acknowledged() {
    let folder = TempDir::new().unwrap();
    let (data, aside) = (folder.path().join("data"), folder.path().join("aside"));
    fs::create_dir(&data).unwrap();
    let (mut relay, mut acknowledged) = begin(&data).await;
    fs::rename(&data, &aside).unwrap();
    refuses(&relay, "is gone").await;
    fs::rename(&aside, &data).unwrap();
    until_ready_says(&relay, None).await;
    acknowledged += post(&relay, 5, "after").await;
    assert_eq!(acknowledged, 10);
    relay.kill();
    relay.wait();
    let mut relay = server_in(&data, &[]);
    assert_eq!(stored(&relay).await, acknowledged);
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_are_made_anew_may_be_deleted() {
    let data = TempDir::new().unwrap();
    let (mut relay, mut acknowledged) = begin(data.path()).await;
    for file in ["conversations.db-shm", "relay.db-shm"] {
        fs::remove_file(data.path().join(file)).unwrap();
    }
    fs::remove_dir_all(data.path().join("spool")).unwrap();
    acknowledged += post(&relay, POSTS, "after").await;
    until("the spool is there again", async || {
        data.path().join("spool/lock").exists()
    })
    .await;
    acknowledged += post(&relay, POSTS, "later").await;
    assert_eq!(acknowledged, 5 + 2 * POSTS);
    until_ready_says(&relay, None).await;
    relay.logs("a part of the audit's spool is gone", 1);
    relay.kill();
    relay.wait();
    let mut relay = server_in(data.path(), &[]);
    assert_eq!(stored(&relay).await, acknowledged);
    stop(&mut relay);
    let records = export(data.path());
    let sent = records.lines().filter(|line| line.contains("MESSAGE_SENT"));
    assert_eq!(sent.count(), acknowledged);
}

fn export(data: &Path) -> String {
    let mut export = program::command();
    export
        .args(["audit", "export"])
        .env_clear()
        .env("DATA_DIR", data);
    let output = export.current_dir(data).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A start that is not to succeed.
fn start(data: &Path) -> Output {
    program::command_in(data).output().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_lost_or_damaged_is_refused_at_the_start_by_name() {
    let data = TempDir::new().unwrap();
    let (mut relay, acknowledged) = begin(data.path()).await;
    stop(&mut relay);
    for file in ["relay.db", DATABASE] {
        let path = data.path().join(file);
        let whole = fs::read(&path).unwrap();
        let mut garbled = whole.clone();
        let middle = garbled.len() / 2;
        garbled[middle..].fill(0xa5);
        let damages: [(&str, Option<&[u8]>); 5] = [
            ("missing", None),
            ("empty", Some(b"")),
            ("damaged", Some(&garbled)),
            ("damaged", Some(&whole[..middle])),
            ("damaged", Some(b"no database at all")),
        ];
        for (what, content) in damages {
            match content {
                Some(content) => fs::write(&path, content).unwrap(),
                None => fs::remove_file(&path).unwrap(),
            }
            let output = start(data.path());
            let text = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{file} {what}: {text}");
            assert!(
                text.contains(file) && text.contains(what),
                "{file} {what}: {text}"
            );
        }
        fs::write(&path, whole).unwrap();
    }
    let mut relay = server_in(data.path(), &[]);
    assert_eq!(stored(&relay).await, acknowledged);
    stop(&mut relay);
}

/// Lets the files of a server grow, as if its disk had room again.
fn make_room(relay: &Relay) {
    let pid = relay.pid().to_string();
    let mut command = Command::new("prlimit");
    let status = command.args(["--pid", &pid, "--fsize=unlimited"]).status();
    assert!(status.unwrap().success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_whose_disk_is_full_at_the_start_relays_and_stores_when_there_is_room() {
    let (data, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    // No file may grow. What a full disk says to a write, too, is that the file is too large.
    let program = program::after(folder.path(), "ulimit -S -f 0");
    let settings = settings(&[("DIALECTS", "direct,conversation")]);
    let mut relay = Relay::start_in(program.to_str().unwrap(), data.path(), &settings);
    until_ready_says(&relay, Some("the disk has no room for conversations")).await;
    until_ready_says(&relay, Some("the audit's")).await;
    assert_eq!(http::get(&relay, "/health").await.status, 200);
    Bystanders::connect(&relay).await.exchange().await;
    assert_eq!(post(&relay, 3, "refused").await, 0);
    make_room(&relay);
    until_ready_says(&relay, None).await;
    create(&relay, ROOM, &USERS).await;
    assert_eq!(post(&relay, 5, "stored").await, 5);
    assert_eq!(stored(&relay).await, 5);
    stop(&mut relay);
    assert_eq!(relay.log_lines("starting without"), 2, "{}", relay.log());
    let mut relay = server_in(data.path(), &[]);
    assert_eq!(stored(&relay).await, 5);
    stop(&mut relay);
    // Of the time without room as well.
    assert!(export(data.path()).contains("SOCKET_CONNECT"));
}
