//! TLS by the relay itself.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use super::certificates::{Certificates, are_ready, settings};
use crate::clients::ADMIN_TOKEN;
use crate::metrics::page::{INTERNAL, page};
use crate::program::{self, command_in};
use test_support::harness::{JWT_SECRET, Relay};
use test_support::javascript;
use test_support::scene::stop;
use test_support::wait::until;

fn start(made: &Certificates, more: &[(&str, &str)]) -> Relay {
    program::server(&[&made.settings()[..], more].concat())
}

fn certificates() -> Option<Certificates> {
    are_ready().then(super::certificate)
}

#[test]
fn both_versions_are_spoken_and_one_protocol() {
    let Some(made) = certificates() else { return };
    let mut relay = start(&made, &[]);
    assert!(relay.url().starts_with("https://"), "{}", relay.url());
    for (version, name) in [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")] {
        let (is_fine, said) = made.client(relay.url(), &[version, "-alpn", "h2,http/1.1"]);
        assert!(is_fine && said.contains(name), "{said}");
        assert!(said.contains("ALPN protocol: http/1.1"), "{said}");
        assert!(said.contains("HTTP/1.1 200 OK"), "{said}");
    }
    let (is_fine, said) = made.client(relay.url(), &["-tls1_3", "-alpn", "h2"]);
    assert!(!is_fine && !said.contains("HTTP/1.1"), "{said}");
    stop(&mut relay);
}

#[test]
fn a_file_is_imported_over_tls_where_the_authority_is_trusted() {
    let Some(made) = certificates() else { return };
    let mut relay = start(&made, &[("ADMIN_TOKEN", ADMIN_TOKEN)]);
    let folder = tempfile::tempdir().unwrap();
    let [lines, token] = ["lines", "token"].map(|name| folder.path().join(name));
    fs::write(&lines, "{\"type\":\"user\",\"id\":\"ann\"}\n").unwrap();
    fs::write(&token, ADMIN_TOKEN).unwrap();
    let authority = made.authority();
    for (is_trusted, code) in [(false, 1), (true, 0)] {
        let mut import = program::command();
        import
            .arg("import")
            .arg(&lines)
            .args(["--url", relay.url()]);
        import.arg("--token-file").arg(&token);
        if is_trusted {
            import.arg("--ca-file").arg(&authority);
        }
        let output = import.output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{output:?}");
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handshakes_that_fail_or_do_not_end_are_counted_and_closed() {
    let Some(made) = certificates() else { return };
    let more = [
        INTERNAL,
        ("REQUEST_TIMEOUT", "1s"),
        ("CONNECT_TIMEOUT", "1s"),
    ];
    let relay = start(&made, &more);
    let address = relay.url().trim_start_matches("https://");
    let failures = "relay_tls_handshake_failures_total";
    assert_eq!(page(&relay).await.value(failures), 0.0);
    let mut wrong = TcpStream::connect(address).unwrap();
    wrong
        .write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
        .unwrap();
    let mut answer = Vec::new();
    wrong
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    // It is told by an alert, or by the end alone.
    let _ = wrong.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP"), "{answer:?}");
    let mut silent = TcpStream::connect(address).unwrap();
    silent
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    assert_eq!(silent.read(&mut [0]).unwrap(), 0, "it is closed");
    until("both are counted", async || {
        page(&relay).await.value(failures) == 2.0
    })
    .await;
    let expiry = page(&relay)
        .await
        .value("relay_tls_certificate_expiry_timestamp_seconds");
    let left = expiry - test_support::raw::token::now() as f64;
    assert!(
        (29.0 * 86_400.0..=30.0 * 86_400.0).contains(&left),
        "{left}"
    );
    assert!(made.client(relay.url(), &[]).0);
}

#[test]
fn a_renewed_certificate_is_used_and_connections_stay() {
    if !javascript::is_ready("transport/tls") {
        return;
    }
    let Some(mut made) = certificates() else {
        return;
    };
    let mut relay = start(&made, &[]);
    let serial = |made: &Certificates| {
        let (_, said) = made.client(relay.url(), &["-showcerts"]);
        let (_, rest) = said.split_once("-----BEGIN CERTIFICATE-----").unwrap();
        rest.split_once("-----END").unwrap().0.to_owned()
    };
    let first = serial(&made);
    let authority = made.authority();
    let done = made.path("done");
    let client = {
        let (url, env) = (relay.url().to_owned(), [authority, done.clone()]);
        std::thread::spawn(move || {
            let [authority, done] = env.each_ref().map(|path| path.to_str().unwrap());
            let env = [("AUTHORITY", authority), ("DONE", done)];
            javascript::run("transport/tls", &url, JWT_SECRET, &env);
        })
    };
    made.renew(40);
    relay.logs("the certificate was renewed", 1);
    let second = serial(&made);
    assert_ne!(first, second);
    // One that does not belong to its key is not used.
    fs::copy(made.authority(), made.certificate()).unwrap();
    relay.logs("the certificate from before is still used", 1);
    assert_eq!(serial(&made), second);
    relay.signal("-HUP");
    relay.logs("not reloaded, nothing has changed: tls_cert_file", 1);
    assert_eq!(serial(&made), second);
    fs::write(&done, "").unwrap();
    client.join().unwrap();
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn flow_control_and_deadlines_hold_as_without() {
    const SUITE: &str = "transport/tls-slow";
    if !javascript::is_ready(SUITE) {
        return;
    }
    let Some(made) = certificates() else { return };
    let more = [
        INTERNAL,
        ("RECEIVER_BUDGET", "262144"),
        ("WRITE_DEADLINE", "2s"),
        ("OFFLINE_GRACE", "0s"),
        ("MAX_CONNECTIONS_PER_IP", "10000"),
    ];
    let relay = start(&made, &more);
    let authority = made.authority();
    let env = [("AUTHORITY", authority.to_str().unwrap())];
    javascript::run(SUITE, relay.url(), JWT_SECRET, &env);
    let closed = "relay_connections_closed_total{reason=\"slow_consumer\"}";
    assert_eq!(page(&relay).await.value(closed), 1.0);
}

#[test]
fn what_cannot_be_used_prevents_the_start() {
    let Some(mut made) = certificates() else {
        return;
    };
    let data = tempfile::tempdir().unwrap();
    let check = |made: &Certificates, names: [&str; 2]| {
        let [certificate, key] = names.map(|name| made.path(name));
        let mut check: Command = command_in(data.path());
        let set = settings(&certificate, &key);
        let given = set.into_iter().filter(|(_, path)| !path.ends_with("none"));
        let output = check.arg("check-config").envs(given).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.success(), said)
    };
    assert!(check(&made, ["relay.pem", "relay.key"]).0);
    for (files, expected) in [
        (["relay.pem", "none"], "tls_cert_file: needs tls_key_file"),
        (["none", "relay.key"], "tls_key_file: needs tls_cert_file"),
        (
            ["ca.pem", "relay.key"],
            "the certificate and the key cannot be used",
        ),
        (["missing", "relay.key"], "cannot be read"),
        (["relay.key", "relay.key"], "has no certificate"),
        (["relay.pem", "relay.pem"], "has no private key"),
    ] {
        let (is_fine, said) = check(&made, files);
        assert!(!is_fine && said.contains(expected), "{files:?}: {said}");
    }
    made.renew(-1);
    let (is_fine, said) = check(&made, ["relay.pem", "relay.key"]);
    assert!(
        !is_fine && said.contains("the certificate expired"),
        "{said}"
    );
}
