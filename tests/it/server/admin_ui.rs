//! The Admin UI's namespace: where it is served, and what a reload does to who is there.

use std::fs;

use tempfile::TempDir;

use crate::clients::{ADMIN_TOKEN, ADMIN_TOKENS};
use crate::metrics::page::{INTERNAL, internal_address};
use crate::program;
use test_support::harness::JWT_SECRET;
use test_support::javascript;
use test_support::raw::http;

/// The suite of `tests/js` that is run here.
pub(crate) const SUITE: &str = "http/admin-ui-reload";

const UI: [(&str, &str); 2] = [("ADMIN_TOKEN", ADMIN_TOKEN), ("ADMIN_UI", "true")];

#[test]
fn a_reload_disconnects_who_may_not_be_there_any_more() {
    if !javascript::is_ready(SUITE) {
        return;
    }
    let data = TempDir::new().unwrap();
    let file = data.path().join("relay.toml");
    let tokens: Vec<_> = ADMIN_TOKENS.split(',').map(str::trim).collect();
    fs::write(
        &file,
        format!("admin_tokens = {tokens:?}\nadmin_ui = true\n"),
    )
    .unwrap();
    let env = [
        ("RELAY_CONFIG", file.to_str().unwrap()),
        ("RATE_LIMITS", "off"),
    ];
    let mut relay = program::start_in(data.path(), &env);
    let own = [
        ("CONFIG_FILE", file.to_str().unwrap()),
        ("ALL_ADMIN_TOKENS", ADMIN_TOKENS),
    ];
    javascript::run(SUITE, relay.url(), JWT_SECRET, &own);
    assert!(relay.is_running(), "{}", relay.log());
}

/// What is answered to who polls, enters these namespaces one after the other, and sends nothing else: all packets.
async fn entering(address: &str, namespaces: [&str; 2]) -> String {
    const PATH: &str = "/socket.io/?EIO=4&transport=polling";
    let opened = http::request_at(address, "GET", PATH, &[], b"").await;
    assert_eq!(opened.status, 200, "{}", opened.body);
    let (_, sid) = opened.body.split_once("\"sid\":\"").unwrap();
    let path = format!("{PATH}&sid={}", sid.split('"').next().unwrap());
    let mut got = String::new();
    for namespace in namespaces {
        let credentials = format!("{{\"username\":\"admin\",\"password\":\"{ADMIN_TOKEN}\"}}");
        let packet = format!("40{namespace}{credentials}");
        let posted = http::request_at(address, "POST", &path, &[], packet.as_bytes()).await;
        assert_eq!(posted.status, 200, "{}", posted.body);
        got += &http::request_at(address, "GET", &path, &[], b"").await.body;
    }
    got
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_served_where_administrators_are_and_clients_are_not_served_there() {
    const NOT_HERE: &str = "Invalid namespace";
    let relay = program::start(&[UI.as_slice(), &[INTERNAL]].concat());
    let internal = internal_address(&relay);
    let seen = entering(&internal, ["", "/admin,"]).await;
    assert!(
        seen.contains(&format!("44{{\"message\":\"{NOT_HERE}\"}}")),
        "{seen}"
    );
    assert!(seen.contains("40/admin,{\"sid\":"), "{seen}");
    let public = relay.url().trim_start_matches("http://");
    let refused = format!("44/admin,{{\"message\":\"{NOT_HERE}\"}}");
    assert!(
        entering(public, ["/admin,", "/admin,"])
            .await
            .contains(&refused)
    );
    for settings in [
        UI.to_vec(),
        [UI.as_slice(), &[INTERNAL, ("ADMIN_PUBLIC", "true")]].concat(),
    ] {
        let relay = program::start(&settings);
        let public = relay.url().trim_start_matches("http://");
        let seen = entering(public, ["/admin,", "/none,"]).await;
        assert!(seen.contains("40/admin,{\"sid\":"), "{settings:?}: {seen}");
    }
    let off = program::start(&UI[..1]);
    let public = off.url().trim_start_matches("http://");
    assert!(
        entering(public, ["/admin,", "/admin,"])
            .await
            .contains(&refused)
    );
}
