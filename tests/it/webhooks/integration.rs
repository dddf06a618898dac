//! The code of `docs/integration.md` does what it says there, with a stand-in for a push service.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::json;

use super::{SECRET, UNDELIVERED, telling};
use crate::clients::ADMIN_TOKEN;
use test_support::canary::canary;
use test_support::endpoint::Endpoint;
use test_support::harness::Relay;
use test_support::ports::free_port;
use test_support::raw::{Client, http};
use test_support::scene::{message, stop};

/// The only block of this language in the document.
fn code(language: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/integration.md");
    let document = std::fs::read_to_string(path).unwrap();
    let begin = format!("\n```{language}\n");
    let mut blocks = document.split(&begin).skip(1);
    let block = blocks.next().unwrap().split("\n```\n").next().unwrap();
    assert!(blocks.next().is_none(), "one block of {language}");
    block.to_owned() + "\n"
}

/// A program that ends with the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// Runs the endpoint of the document. `None`: the program for it is missing.
fn run(program: &str, file: &Path, env: &[(&str, &str)]) -> Option<Running> {
    let child = Command::new(program)
        .arg(file)
        .envs(env.iter().copied())
        .stdout(Stdio::piped())
        .spawn();
    let mut child = match child {
        Ok(child) => child,
        Err(error) => {
            assert!(
                std::env::var("CI").as_deref() != Ok("true"),
                "{program}: {error}"
            );
            return None;
        }
    };
    let mut said = String::new();
    let out = child.stdout.take().unwrap();
    BufReader::new(out).read_line(&mut said).unwrap();
    assert_eq!(said, "ready\n");
    Some(Running(child))
}

async fn send(relay: &Relay, to: &str, mark: &str, seq: u32) {
    let mut alice = Client::connect(relay, "alice").await;
    let marked = format!(r#"{{"messageId":"m-{seq}","x":"{mark}","#);
    let sent = message(to, seq).replacen('{', &marked, 1);
    alice.emit("send_message", &sent).await;
    alice.event("message:sent").await;
}

async fn check(program: &str, language: &str) {
    let (data, push) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let (port, mark) = (free_port(), canary());
    let url = format!("http://127.0.0.1:{port}/relay");
    let settings = [UNDELIVERED, &[("ADMIN_TOKEN", ADMIN_TOKEN)]].concat();
    let mut relay = telling(data.path(), &url, &settings);
    let relay_url = relay.url().to_owned();
    let devices = json!({ "bob": push.url(), "carol": push.url() }).to_string();
    let port = port.to_string();
    let env = [
        ("PORT", port.as_str()),
        ("WEBHOOK_SECRETS", SECRET),
        ("RELAY_URL", &relay_url),
        ("RELAY_TOKEN", ADMIN_TOKEN),
        ("DEVICES", &devices),
    ];
    let extension = if language == "js" { "mjs" } else { "py" };
    let file = data.path().join(format!("endpoint.{extension}"));
    std::fs::write(&file, code(language)).unwrap();
    let Some(_running) = run(program, &file, &env) else {
        return;
    };
    let _carol = Client::connect(&relay, "carol").await;
    send(&relay, "carol", &mark, 1).await;
    send(&relay, "bob", &mark, 2).await;
    push.asked(1).await;
    let address = format!("127.0.0.1:{port}");
    let forged = [
        ("webhook-id", "x"),
        ("webhook-timestamp", "1"),
        ("webhook-signature", "v1,AAAA"),
        ("Content-Type", "application/json"),
    ];
    let body = br#"{"type":"message.undelivered","data":{"userId":"bob","urgent":true}}"#;
    let answer = http::request_at(&address, "POST", "/relay", &forged, body).await;
    assert_eq!(answer.status, 401);
    send(&relay, "bob", &mark, 3).await;
    push.asked(2).await;
    stop(&mut relay);
    let told = push.told();
    assert_eq!(
        told.len(),
        2,
        "who is there is not woken, nor by who forges"
    );
    for push in told {
        assert_eq!(push.body, "");
        assert_eq!(push.headers["urgency"], "high");
        assert_eq!(push.headers["topic"], "messages");
        let said = format!("{:?}", push.headers);
        for secret in [mark.as_str(), "alice", "bob", "m-2"] {
            assert!(!said.contains(secret), "{said}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_endpoint_in_node_wakes_devices_and_says_nothing() {
    check("node", "js").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_endpoint_in_python_wakes_devices_and_says_nothing() {
    check("python3", "python").await;
}
