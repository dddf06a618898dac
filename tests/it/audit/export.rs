//! `audit export`, from the embedded database and from MongoDB.

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use tempfile::tempdir;

use super::faults::load::Load;
use crate::program;
use crate::program::server_in;
use test_support::harness::JWT_SECRET;
use test_support::mongo::Database;
use test_support::raw::{Client, Dial, token};
use test_support::scene::stop;

/// More than is read at once.
const MESSAGES: usize = 1_100;

fn export(data: &Path, env: &[(&str, &str)], arguments: &[&str]) -> Output {
    program::command()
        .args(["audit", "export"])
        .args(arguments)
        .current_dir(data)
        .env_clear()
        .env("DATA_DIR", data)
        .env("JWT_SECRET", JWT_SECRET)
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

fn text(output: &Output) -> &str {
    assert!(output.status.success(), "{output:?}");
    std::str::from_utf8(&output.stdout).unwrap()
}

fn records(data: &Path, env: &[(&str, &str)], arguments: &[&str]) -> Vec<Value> {
    let output = export(data, env, arguments);
    let lines = text(&output).lines().map(serde_json::from_str);
    lines.collect::<Result<_, _>>().unwrap()
}

async fn is_exported(env: &[(&str, &str)]) {
    let data = tempdir().unwrap();
    let data = data.path();
    let mut relay = server_in(data, env);
    let mut load = Load::begin(&relay, "one, two").await;
    load.goes_on(MESSAGES).await;
    let sent = load.end().await;
    stop(&mut relay);
    let all = records(data, env, &[]);
    assert!(all.is_sorted_by_key(|record| record["_id"].as_str().unwrap()));
    for sent in sent {
        let own = all
            .iter()
            .filter(|record| record["eventType"] == "MESSAGE_SENT" && record["user"] == *sent.user);
        let own: Vec<_> = own
            .map(|record| record["details"]["seq"].as_u64())
            .collect();
        assert_eq!(own, (0..sent.count).map(Some).collect::<Vec<_>>());
    }

    // A time parts them: those before it, and those from it on.
    let middle = all[all.len() / 2]["createdAt"].as_str().unwrap();
    let before = records(data, env, &["--to", middle]);
    let from = records(data, env, &["--from", middle, "--format", "jsonl"]);
    assert!(!before.is_empty() && !from.is_empty());
    assert!(
        before
            .iter()
            .all(|record| record["createdAt"].as_str().unwrap() < middle)
    );
    assert_eq!([before, from].concat(), all);
    assert!(records(data, env, &["--to", "2020-01-01"]).is_empty());
    for number in ["1577836800", "1577836800000"] {
        assert!(records(data, env, &["--to", number]).is_empty(), "{number}");
        assert_eq!(records(data, env, &["--from", number]), all, "{number}");
    }
    let refused = export(data, env, &["--from", "0"]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");

    let output = export(data, env, &["--format", "csv"]);
    let mut csv = csv::Reader::from_reader(text(&output).as_bytes());
    let names = csv.headers().unwrap().clone();
    let mut rows = csv.records();
    for record in &all {
        let row = rows.next().unwrap().unwrap();
        for (name, field) in names.iter().zip(&row) {
            let expected = match &record[name] {
                Value::Null => String::new(),
                Value::String(text) => text.clone(),
                Value::Object(_) => {
                    let details: Value = serde_json::from_str(field).unwrap();
                    assert_eq!(details, record[name]);
                    continue;
                }
                other => other.to_string(),
            };
            assert_eq!(field, expected, "{name}");
        }
    }
    assert!(rows.next().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_whose_reader_is_gone_ends_well() {
    let data = tempdir().unwrap();
    let mut relay = server_in(data.path(), &[]);
    let mut load = Load::begin(&relay, "one").await;
    load.goes_on(10).await;
    load.end().await;
    stop(&mut relay);
    for format in ["jsonl", "csv"] {
        let (_, broken_pipe) = std::io::pipe().unwrap();
        let mut export = program::command();
        export.args(["audit", "export", "--format", format]);
        export.current_dir(data.path()).env("DATA_DIR", data.path());
        let output = export.stdout(broken_pipe).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        assert!(output.stderr.is_empty(), "{output:?}");
    }
}

/// What a spreadsheet would compute, and a terminal would turn around, is text that is seen.
#[tokio::test(flavor = "multi_thread")]
async fn names_are_no_formulas_and_hide_nothing() {
    let data = tempdir().unwrap();
    let data = data.path();
    let mut relay = server_in(data, &[]);
    let names = [
        ("=cmd|'/c calc'!A1", "'=cmd|'/c calc'!A1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("al\u{202e}ice", "al\u{fffd}ice"),
        ("a,\"b", "a,\"b"),
    ];
    for (name, _) in names {
        let claims =
            serde_json::json!({"userId": "=1+1", "username": name, "exp": token::now() + 60});
        let token = token::sign(r#"{"alg":"HS256"}"#, &claims.to_string());
        let dial = Dial::default().header("User-Agent", "\t=1+1");
        let mut client = Client::open(&relay, dial).await.unwrap();
        client.enter(&token).await.unwrap();
        client.event("auth:success").await;
    }
    // An id is recorded as it is.
    let claims = serde_json::json!({"userId": "bo\u{202e}b", "exp": token::now() + 60});
    let token = token::sign(r#"{"alg":"HS256"}"#, &claims.to_string());
    let mut client = Client::open(&relay, Dial::default()).await.unwrap();
    client.enter(&token).await.unwrap();
    client.event("auth:success").await;
    drop(client);
    stop(&mut relay);

    let output = export(data, &[], &["--format", "csv"]);
    let csv = text(&output);
    assert!(!csv.contains('\u{202e}'), "{csv}");
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let header = reader.headers().unwrap().clone();
    let column = |name| header.iter().position(|column| column == name).unwrap();
    let (user, username) = (column("user"), column("username"));
    let rows: Vec<_> = reader.records().map(Result::unwrap).collect();
    for (name, expected) in names {
        let found = rows
            .iter()
            .any(|row| &row[username] == expected && &row[user] == "'=1+1");
        assert!(found, "{name}: {csv}");
    }
    assert!(
        rows.iter()
            .any(|row| &row[user] == "bo?b" && &row[username] == "bo\u{fffd}b")
    );
    let jsonl = export(data, &[], &[]);
    assert!(!text(&jsonl).contains('\u{202e}'));
    let all = records(data, &[], &[]);
    assert!(
        all.iter()
            .any(|record| record["username"] == "=cmd|'/c calc'!A1")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_the_embedded_database_are_exported() {
    is_exported(&[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn records_of_mongodb_are_exported() {
    if let Some(database) = Database::new() {
        is_exported(&[("MONGODB_URI", database.uri())]).await;
    }
}

#[test]
fn what_is_no_time_and_no_database_is_an_error() {
    let data = tempdir().unwrap();
    for (arguments, code) in [(&["--from", "yesterday"][..], 2), (&[], 1)] {
        let output = export(data.path(), &[], arguments);
        assert_eq!(output.status.code(), Some(code), "{output:?}");
        assert!(output.stdout.is_empty() && !output.stderr.is_empty());
    }
}
