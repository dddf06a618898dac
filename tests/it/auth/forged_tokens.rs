//! Tokens that must not be accepted.

use crate::program::server;
use crate::transport::hostile::{Outcome, Stage, outcome};
use test_support::raw::token::{for_user, now, sign, sign_with, unsigned};
use test_support::raw::{Client, Dial};
use test_support::scene::{Bystanders, message, stop};

const HS256: &str = r#"{"alg":"HS256","typ":"JWT"}"#;

/// Tries a token on a new connection: `Ok`, or what the relay answered (`closed` when it just closed).
async fn enter(stage: &Stage, token: &str) -> Result<(), String> {
    let mut client = Client::open(&stage.relay, Dial::default())
        .await
        .expect("a WebSocket");
    client.enter(token).await
}

fn claims(user: &str, more: &str) -> String {
    format!("{{\"userId\":{user}{more}}}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn forged_and_expired_tokens_are_refused() {
    let mut stage = Stage::set(&[("JWT_LEEWAY", "0s")]).await;
    let good = claims("\"mallory\"", &format!(",\"exp\":{}", now() + 3600));
    let header = |alg: &str| format!(r#"{{"alg":"{alg}","typ":"JWT"}}"#);
    let exp = |exp: &str| sign(HS256, &claims("\"mallory\"", &format!(",\"exp\":{exp}")));
    let nbf = |nbf: &str| {
        sign(
            HS256,
            &claims(
                "\"mallory\"",
                &format!(",\"exp\":{},\"nbf\":{nbf}", now() + 3600),
            ),
        )
    };
    let hour = now() + 3600;
    let user = |user: &str| sign(HS256, &claims(user, &format!(",\"exp\":{hour}")));
    let long = format!("\"{}\"", "u".repeat(10_000));
    let refused = [
        (
            "none",
            format!("{}.", unsigned(&header("none"), &good)),
            "Invalid token",
        ),
        (
            "None",
            format!("{}.", unsigned(&header("None"), &good)),
            "Invalid token",
        ),
        (
            "none, signed",
            sign(&header("none"), &good),
            "Invalid token",
        ),
        (
            "another algorithm",
            sign(&header("RS256"), &good),
            "Invalid token",
        ),
        (
            "an unknown algorithm",
            sign(&header("HS1"), &good),
            "Invalid token",
        ),
        ("no algorithm", sign("{}", &good), "Invalid token"),
        (
            "an empty secret",
            sign_with(HS256, &good, b""),
            "Invalid token",
        ),
        (
            "another secret",
            sign_with(HS256, &good, b"another secret of more than 32 bytes"),
            "Invalid token",
        ),
        (
            "a path",
            sign_with(
                r#"{"alg":"HS256","kid":"../../../../dev/null"}"#,
                &good,
                b"",
            ),
            "Invalid token",
        ),
        (
            "SQL",
            sign_with(
                r#"{"alg":"HS256","kid":"x' UNION SELECT 'key'--"}"#,
                &good,
                b"key",
            ),
            "Invalid token",
        ),
        (
            "an embedded key",
            sign_with(
                r#"{"alg":"HS256","jwk":{"kty":"oct","k":"a2V5"}}"#,
                &good,
                b"key",
            ),
            "Invalid token",
        ),
        ("no signature", unsigned(HS256, &good), "Invalid token"),
        (
            "an empty signature",
            format!("{}.", unsigned(HS256, &good)),
            "Invalid token",
        ),
        (
            "four parts",
            format!("{}.x", sign(HS256, &good)),
            "Invalid token",
        ),
        ("dots", "..".to_owned(), "Invalid token"),
        ("claims that are none", sign(HS256, "[]"), "Invalid token"),
        (
            "no exp",
            sign(HS256, &claims("\"mallory\"", "")),
            "Invalid token",
        ),
        ("a string exp", exp(&format!("\"{hour}\"")), "Invalid token"),
        ("a null exp", exp("null"), "Invalid token"),
        ("a negative exp", exp("-1"), ""),
        ("exp 0", exp("0"), "Token expired"),
        (
            "expired a second ago",
            exp(&(now() - 1).to_string()),
            "Token expired",
        ),
        ("valid in an hour", nbf(&hour.to_string()), "Invalid token"),
        ("valid never", nbf("99999999999999999999"), "Invalid token"),
        (
            "no user",
            sign(HS256, &format!("{{\"exp\":{hour}}}")),
            "Invalid token",
        ),
        ("an empty user", user("\"\""), "Invalid token"),
        ("a NUL", user("\"a\\u0000b\""), "Invalid token"),
        ("a newline", user("\"a\\nb\""), "Invalid token"),
        ("an escape", user("\"a\\u001b[31m\""), "Invalid token"),
        ("a user of 10 KB", user(&long), "Invalid token"),
        ("an object", user("{\"$ne\":null}"), "Invalid token"),
        ("an array", user("[\"mallory\"]"), "Invalid token"),
        ("true", user("true"), "Invalid token"),
        ("a fraction", user("1.5"), "Invalid token"),
    ];
    for (what, token, message) in refused {
        let answer = enter(&stage, &token).await.expect_err(what);
        assert!(
            answer.starts_with('4') && answer.contains(message),
            "{what}: {answer}"
        );
    }
    stage.unharmed("forged tokens").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unusual_times_and_sizes_do_no_harm() {
    let mut stage = Stage::set(&[]).await;
    for exp in [
        "99999999999999999999",
        "1e300",
        "9223372036854775807",
        "18446744073709551615",
        "1e9",
        "4102444800.5",
    ] {
        let token = sign(HS256, &claims("\"mallory\"", &format!(",\"exp\":{exp}")));
        let mut client = Client::open(&stage.relay, Dial::default()).await.unwrap();
        "mallory".clone_into(&mut client.user);
        if client.enter(&token).await.is_ok() {
            let alive = outcome(&mut client).await;
            assert!(
                matches!(alive, Outcome::Alive(_)),
                "exp {exp} was accepted and the connection closed"
            );
        }
        stage.unharmed(exp).await;
    }
    for nbf in ["-1", "\"0\"", "0.5", "-99999999999999999999", "null"] {
        let text = claims(
            "\"mallory\"",
            &format!(",\"exp\":{},\"nbf\":{nbf}", now() + 3600),
        );
        // Whether it is accepted does not matter.
        enter(&stage, &sign(HS256, &text)).await.ok();
        stage.unharmed(nbf).await;
    }
    let large = sign(
        HS256,
        &claims(
            "\"mallory\"",
            &format!(
                ",\"exp\":{},\"x\":\"{}\"",
                now() + 3600,
                "x".repeat(1_000_000)
            ),
        ),
    );
    assert_eq!(
        enter(&stage, &large).await,
        Err("closed".to_owned()),
        "a token of a megabyte"
    );
    stage.unharmed("a token of a megabyte").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_not_even_a_token_is_refused() {
    let mut stage = Stage::set(&[]).await;
    let deep = format!("{{\"token\":{}{}}}", "[".repeat(10_000), "]".repeat(10_000));
    let hellos = [
        "",
        "{}",
        "[]",
        "null",
        "1",
        "\"x\"",
        "{",
        r#"{"token":null}"#,
        r#"{"token":1}"#,
        r#"{"token":{}}"#,
        r#"{"token":""}"#,
        r#"{"token":["a"]}"#,
        r#"{"token":{"$gt":""}}"#,
        r#"{"token":"Bearer "}"#,
        &deep,
    ];
    for hello in hellos {
        let mut client = Client::open(&stage.relay, Dial::default()).await.unwrap();
        client.writer.text(format!("40{hello}")).await.unwrap();
        if let Ok(packet) = client.reader.packet().await {
            let known = ["Invalid token", "Authentication token required"]
                .iter()
                .any(|text| packet.text.contains(text));
            assert!(
                packet.text.starts_with('4') && known,
                "{hello:.40}: {}",
                packet.text
            );
        }
        stage.unharmed(&format!("{hello:.40}")).await;
    }
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_public_key_is_no_secret() {
    const PUBLIC_KEY: &str = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n";
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("public.pem");
    std::fs::write(&file, PUBLIC_KEY).unwrap();
    let env = [
        ("JWT_ALGORITHMS", "EdDSA"),
        ("JWT_PUBLIC_KEY_FILE", file.to_str().unwrap()),
    ];
    let mut relay = server(&env);
    let good = claims("\"mallory\"", &format!(",\"exp\":{}", now() + 3600));
    for (header, secret) in [
        (HS256, PUBLIC_KEY.as_bytes()),
        (HS256, PUBLIC_KEY.trim_end().as_bytes()),
        (r#"{"alg":"EdDSA"}"#, PUBLIC_KEY.as_bytes()),
        (HS256, test_support::harness::JWT_SECRET.as_bytes()),
    ] {
        let mut client = Client::open(&relay, Dial::default()).await.unwrap();
        let answer = client
            .enter(&sign_with(header, &good, secret))
            .await
            .expect_err(header);
        assert!(answer.contains("Invalid token"), "{answer}");
    }
    stop(&mut relay);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_users_token_does_not_change_who_is_speaking() {
    let mut stage = Stage::set(&[]).await;
    let mut friend = Client::connect(&stage.relay, "friend").await;
    let mut mallory = Client::connect(&stage.relay, "mallory").await;
    mallory
        .emit(
            "authenticate",
            &format!("{{\"token\":\"{}\"}}", for_user("bystander-alice")),
        )
        .await;
    mallory
        .writer
        .emit("send_message", &message("friend", 1))
        .await
        .ok();
    mallory
        .writer
        .emit("send_message", &message("friend", 2))
        .await
        .ok();
    mallory.closed().await;
    let sender = Client::connect(&stage.relay, "honest").await;
    sender.emit("send_message", &message("friend", 3)).await;
    loop {
        let received = friend.event("receive_message").await;
        assert_ne!(
            received.get("senderId"),
            "bystander-alice",
            "{}",
            received.text
        );
        if received.get("seq") == 3 {
            break;
        }
    }
    stage.unharmed("another user's token").await;
    stage.strike();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unusual_user_ids_are_users_like_others() {
    let mut relay = server(&[]);
    let long = "u".repeat(128);
    for (one, other) in [
        ("a_b", "c:d"),
        ("_", ":"),
        ("__proto__", "constructor"),
        ("é漢😀", " "),
        (&long, "x/../y"),
    ] {
        Bystanders::named(&relay, one, other).await.exchange().await;
    }
    stop(&mut relay);
}
