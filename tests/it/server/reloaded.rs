//! What goes on over a reload, or follows it: the endpoints of webhooks, and the files of the browser's client.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use super::reload::{ADMIN, Configured, OLD, call, enter, settings};
use crate::metrics::page::{INTERNAL, page};
use crate::webhooks::SECRET;
use test_support::endpoint::{Answer, Endpoint};
use test_support::harness::Relay;
use test_support::raw::http;
use test_support::scene::stop;
use test_support::wait::until;

const OPENED: &str = "connection.opened";

/// Settings by which this endpoint is told of these.
fn telling(endpoint: &Endpoint, events: &str) -> String {
    let more = format!(
        "webhook_url = \"{}\"\nwebhook_secrets = [\"{SECRET}\"]\nwebhook_events = \"{events}\"\n\
         webhook_private_networks = true\noffline_grace = \"0s\"",
        endpoint.url()
    );
    settings(OLD, &more)
}

/// How the only endpoint is.
async fn state(relay: &Relay) -> Value {
    let listed = call(relay, "GET", "/api/admin/webhooks", ADMIN).await.body;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    listed["webhooks"][0].clone()
}

/// How often it was asked, by what became of it.
async fn attempts(relay: &Relay, outcome: &str) -> f64 {
    let labels = format!("endpoint=\"default\",outcome=\"{outcome}\"");
    let name = format!("relay_webhook_attempts_total{{{labels}}}");
    page(relay).await.value(&name)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_that_stays_keeps_its_counts_and_is_asked_again_after_410() {
    let hook = Endpoint::start().await;
    let env = [INTERNAL, ("ADMIN_PUBLIC", "true")];
    let mut server = Configured::start(&telling(&hook, OPENED), &env);
    hook.answer(Answer::status(410));
    let _one = enter(&server.relay, OLD).await.unwrap();
    until("it is gone", async || {
        state(&server.relay).await["state"] == "disabled"
    })
    .await;
    let _two = enter(&server.relay, OLD).await.unwrap();
    hook.answer(Answer::status(200));
    server.reload(&telling(&hook, OPENED));
    assert_eq!(hook.took(OPENED, 2).await.len(), 2);
    until("it is counted", async || {
        attempts(&server.relay, "delivered").await == 2.0
    })
    .await;
    assert_eq!(attempts(&server.relay, "status").await, 1.0);
    server.reload(&telling(&hook, "connection.opened,connection.closed"));
    let now = state(&server.relay).await;
    assert_eq!(now["events"], json!([OPENED, "connection.closed"]));
    assert_eq!(
        (&now["state"], &now["pending"]),
        (&json!("active"), &json!(0))
    );
    assert_eq!(attempts(&server.relay, "delivered").await, 2.0);
    let _three = enter(&server.relay, OLD).await.unwrap();
    hook.took(OPENED, 3).await;
    stop(&mut server.relay);
    let told = hook.told().iter().filter(|told| told.taken).count();
    assert_eq!(told, hook.taken().len(), "nothing is told again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_online_at_a_kill_is_told_as_offline_if_a_reload_began_it() {
    let hook = Endpoint::start().await;
    let mut server = Configured::start(&settings(OLD, ""), &[]);
    server.reload(&telling(&hook, "user.online,user.offline"));
    let _ann = enter(&server.relay, OLD).await.unwrap();
    hook.took("user.online", 1).await;
    server.kill_and_start();
    let told = hook.took("user.offline", 1).await;
    assert_eq!(told[0].what().1, "user:ann");
    stop(&mut server.relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_files_of_the_client_are_read_again_and_stay_where_there_is_a_problem() {
    const PATH: &str = "/socket.io/socket.io.js";
    let folder = TempDir::new().unwrap();
    let program = folder.path().join("socket.io.js");
    fs::write(&program, "one").unwrap();
    let with = settings(OLD, &format!("client_files = {:?}", folder.path()));
    let server = Configured::start(&settings(OLD, ""), &[]);
    let served = async || {
        let answer = http::get(&server.relay, PATH).await;
        (answer.status, answer.body)
    };
    assert_eq!(served().await.0, 404);
    let changed = json!({ "changed": ["client_files"], "needRestart": [] });
    assert_eq!(server.ask(&with).await, (200, changed.clone()));
    assert_eq!(served().await, (200, "one".to_owned()));
    fs::write(&program, "two").unwrap();
    assert_eq!(served().await.1, "one", "it is read at a reload only");
    assert_eq!(server.ask(&with).await, (200, changed.clone()));
    assert_eq!(served().await.1, "two");
    let nothing = json!({ "changed": [], "needRestart": [] });
    assert_eq!(server.ask(&with).await, (200, nothing));
    fs::remove_file(&program).unwrap();
    let (status, refused) = server.ask(&with).await;
    let problem = &refused["problems"][0];
    assert_eq!((status, &problem["setting"]), (422, &json!("client_files")));
    assert_eq!(served().await, (200, "two".to_owned()));
    assert_eq!(server.ask(&settings(OLD, "")).await, (200, changed));
    assert_eq!(served().await.0, 404);
}
