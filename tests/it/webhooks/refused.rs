//! Endpoints that cannot be: those of a private network, in every form of an address, and those without a good secret.

use super::SECRET;
use crate::program::{command_in, server_in};
use test_support::canary::canary;
use test_support::endpoint::Endpoint;
use test_support::raw::Client;
use test_support::scene::{message, stop};

/// What a start says of these settings, of which at least one is wrong.
fn refused(env: &[(&str, &str)]) -> String {
    let data = tempfile::tempdir().unwrap();
    let out = command_in(data.path())
        .envs(env.iter().copied())
        .output()
        .unwrap();
    assert!(!out.status.success(), "{env:?}");
    String::from_utf8_lossy(&[out.stdout, out.stderr].concat()).into_owned()
}

#[test]
fn an_address_within_the_network_is_refused_at_the_start_in_every_form() {
    for host in [
        "127.0.0.1",
        "0x7f.1",
        "2130706433",
        "[::1]",
        "[::ffff:10.0.0.1]",
        "192.168.1.1",
    ] {
        let url = format!("https://{host}/hook");
        let said = refused(&[("WEBHOOK_URL", &url), ("WEBHOOK_SECRETS", SECRET)]);
        assert!(said.contains("webhook_url"), "{said}");
        assert!(said.contains("webhook_private_networks"), "{host}: {said}");
    }
    for host in [
        "169.254.169.254",
        "0.0.0.0",
        "[fe80::1]",
        "[::ffff:169.254.169.254]",
    ] {
        let url = format!("https://{host}/hook");
        let said = refused(&[
            ("WEBHOOK_URL", &url),
            ("WEBHOOK_SECRETS", SECRET),
            ("WEBHOOK_PRIVATE_NETWORKS", "true"),
        ]);
        assert!(said.contains("link-local, unspecified"), "{host}: {said}");
    }
}

#[test]
fn a_wrong_secret_url_or_type_is_refused_and_no_secret_is_shown() {
    let mark = canary();
    let secret = format!("whsec_{mark}");
    let url = ("WEBHOOK_URL", "https://example.com/hook");
    let cases: [(&[(&str, &str)], &str); 5] = [
        (&[url, ("WEBHOOK_SECRETS", &secret)], "webhook_secrets"),
        (&[url], "needs webhook_secrets"),
        (
            &[("WEBHOOK_SECRETS", SECRET)],
            "no effect without webhook_url",
        ),
        (
            &[
                ("WEBHOOK_URL", "http://example.com/"),
                ("WEBHOOK_SECRETS", SECRET),
            ],
            "must be https://",
        ),
        (
            &[
                url,
                ("WEBHOOK_SECRETS", SECRET),
                ("WEBHOOK_EVENTS", "user.*"),
            ],
            "must be one of user.online",
        ),
    ];
    for (env, expected) in cases {
        let said = refused(env);
        assert!(said.contains(expected), "{expected}: {said}");
        assert!(
            !said.contains(&mark) && !said.contains(&SECRET[6..]),
            "{said}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_name_of_an_address_within_the_network_is_not_connected_to() {
    let (data, endpoint) = (tempfile::tempdir().unwrap(), Endpoint::start().await);
    let url = format!("https://localhost:{}/hook", endpoint.port());
    let settings = [
        ("WEBHOOK_URL", url.as_str()),
        ("WEBHOOK_SECRETS", SECRET),
        ("HTTPS_PROXY", &endpoint.url()),
    ];
    let mut relay = server_in(data.path(), &settings);
    let mut alice = Client::connect(&relay, "alice").await;
    alice.emit("send_message", &message("bob", 1)).await;
    alice.event("message:sent").await;
    relay.logs("address_refused", 1);
    stop(&mut relay);
    let log = relay.log();
    assert!(
        log.contains("needs webhook_private_networks = true"),
        "{log}"
    );
    // Its path may hold a secret.
    assert!(log.contains("webhook_url = "), "{log}");
    assert!(!log.contains("/hook"), "{log}");
    assert_eq!(endpoint.connections(), 0);
}
