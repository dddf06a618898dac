//! The settings are reloaded by SIGHUP and by an administrator: all of them in one step, or none.

use std::fs;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::metrics::page::{INTERNAL, page};
use crate::program;
use test_support::endpoint::Endpoint;
use test_support::harness::{JWT_SECRET, Relay};
use test_support::raw::http::{self, Response};
use test_support::raw::{Client, Dial, token};
use test_support::scene::{Bystanders, all_is_well, message, stop};
use test_support::wait::until;

/// That of the tokens of all clients of these tests.
pub(super) const OLD: &str = JWT_SECRET;
const NEW: &str = "canary new secret of tokens, thirty-two bytes";
pub(super) const ADMIN: &str = "canary token of administrators, thirty-two bytes";

/// A server with a file of settings.
pub(super) struct Configured {
    data: TempDir,
    pub(super) relay: Relay,
    reloads: usize,
    env: Vec<(String, String)>,
}

impl Configured {
    pub(super) fn start(settings: &str, env: &[(&str, &str)]) -> Self {
        let data = TempDir::new().unwrap();
        let file = data.path().join("relay.toml");
        fs::write(&file, settings).unwrap();
        let of_file = [("RELAY_CONFIG", file.to_str().unwrap()), ("JWT_SECRET", "")];
        let env = [&of_file[..], env].concat();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self {
            relay: program::start_in(data.path(), &env),
            env: env.iter().map(owned).collect(),
            data,
            reloads: 0,
        }
    }

    /// Kills it, and starts it again with the settings that were written last.
    pub(super) fn kill_and_start(&mut self) {
        self.relay.kill();
        self.relay.wait();
        let env = self.env.iter().map(|(name, value)| (&**name, &**value));
        let env: Vec<_> = env.collect();
        self.relay = program::start_in(self.data.path(), &env);
        self.reloads = 0;
    }

    /// Writes other settings.
    pub(super) fn set(&self, settings: &str) {
        fs::write(self.data.path().join("relay.toml"), settings).unwrap();
    }

    /// Has them reloaded, which works.
    pub(super) fn reload(&mut self, settings: &str) {
        self.set(settings);
        self.relay.signal("-HUP");
        self.reloads += 1;
        self.relay.logs(" reloaded: ", self.reloads);
    }

    /// Has them reloaded, which fails, and says so in this line.
    fn fail(&self, settings: &str, said: &str) {
        self.set(settings);
        self.relay.signal("-HUP");
        self.relay.logs(said, 1);
    }

    /// Has an administrator reload them.
    pub(super) async fn ask(&self, settings: &str) -> (u16, Value) {
        self.set(settings);
        let answer = call(&self.relay, "POST", "/api/admin/reload", ADMIN).await;
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }
}

pub(super) async fn call(relay: &Relay, method: &str, path: &str, token: &str) -> Response {
    let bearer = format!("Bearer {token}");
    http::request(relay, method, path, &[("Authorization", &*bearer)], b"").await
}

/// Enters with a token that is signed with this secret.
pub(super) async fn enter(relay: &Relay, secret: &str) -> Result<Client, String> {
    let claims = json!({ "userId": "ann", "exp": token::now() + 600 }).to_string();
    let token = token::sign_with(r#"{"alg":"HS256"}"#, &claims, secret.as_bytes());
    let mut client = Client::open(relay, Dial::default()).await.unwrap();
    client.enter(&token).await.map(|()| client)
}

pub(super) fn settings(secret: &str, more: &str) -> String {
    format!(
        "dialects = [\"direct\"]\njwt_secret = \"{secret}\"\nadmin_token = \"{ADMIN}\"\n{more}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn secrets_are_changed_without_a_restart_and_connections_stay() {
    let mut server = Configured::start(&settings(OLD, ""), &[INTERNAL]);
    let mut ann = enter(&server.relay, OLD).await.unwrap();
    ann.event("auth:success").await;
    assert!(enter(&server.relay, NEW).await.is_err());
    server.reload(&settings(NEW, "").replace("canary token", "another token"));
    assert!(enter(&server.relay, OLD).await.is_err());
    let mut again = enter(&server.relay, NEW).await.unwrap();
    again.event("auth:success").await;
    ann.emit("send_message", &message("ann", 1)).await;
    ann.event("receive_message").await;
    let audit = "/api/admin/audit";
    let relay = &server.relay;
    assert_eq!(
        call(relay, "GET", audit, ADMIN).await.status,
        404,
        "it is served inside"
    );
    relay.logs("settings=\"jwt_secret, admin_token\"", 1);
    stop(&mut server.relay);
    assert!(
        !server.relay.log().contains("canary"),
        "{}",
        server.relay.log()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_a_problem_nothing_changes_and_each_is_named_with_its_source() {
    let mut server = Configured::start(&settings(OLD, ""), &[INTERNAL]);
    let mut bystanders = Bystanders::connect(&server.relay).await;
    let wrong = settings(NEW, "log_level = \"loud\"\nmesage_rate = \"1/s\"");
    server.fail(
        &wrong,
        "mesage_rate: is not a setting; did you mean message_rate?",
    );
    server.relay.logs("log_level: must be one of", 1);
    let log = server.relay.log();
    let lines = log.lines().filter(|line| line.contains("not reloaded"));
    let lines: Vec<_> = lines.collect();
    assert_eq!(lines.len(), 2, "{log}");
    assert!(
        lines
            .iter()
            .all(|line| line.contains("ERROR") && line.contains("relay.toml"))
    );
    assert!(enter(&server.relay, NEW).await.is_err());
    let metrics = page(&server.relay).await;
    assert_eq!(metrics.value("relay_config_reload_successful"), 0.0);
    let before = metrics.value("relay_config_reload_timestamp_seconds");
    assert!(before > 0.0);
    server.reload(&settings(NEW, ""));
    enter(&server.relay, NEW).await.unwrap();
    let metrics = page(&server.relay).await;
    assert_eq!(metrics.value("relay_config_reload_successful"), 1.0);
    assert!(metrics.value("relay_config_reload_timestamp_seconds") >= before);
    all_is_well(&mut server.relay, &mut bystanders).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_administrator_is_told_what_changed_what_needs_a_restart_and_what_is_wrong() {
    let server = Configured::start(&settings(OLD, ""), &[]);
    let other = settings(
        OLD,
        "message_rate = \"1/h\"\nallow_eio3 = true\nping_interval = \"30s\"",
    );
    let answer = server.ask(&other).await;
    let expected =
        json!({ "changed": ["message_rate"], "needRestart": ["allow_eio3", "ping_interval"] });
    assert_eq!(answer, (200, expected));
    server
        .relay
        .logs("settings=\"allow_eio3, ping_interval\"", 1);
    let answer = server.ask(&settings(OLD, "offset_rate = 0")).await;
    let problem = &answer.1["problems"][0];
    assert_eq!(
        (answer.0, &problem["setting"]),
        (422, &json!("offset_rate"))
    );
    assert!(
        problem["message"]
            .as_str()
            .unwrap()
            .starts_with("must be a whole number")
    );
    assert!(problem["source"].as_str().unwrap().ends_with("relay.toml"));
    assert_eq!(answer.1["problems"].as_array().unwrap().len(), 1);
    let answer = server.ask(&settings(OLD, "")).await;
    assert_eq!(
        answer,
        (
            200,
            json!({ "changed": ["message_rate"], "needRestart": [] })
        )
    );
    until("the audit has it", async || {
        let records = call(&server.relay, "GET", "/api/admin/audit", ADMIN)
            .await
            .body;
        records.matches("settings reloaded").count() == 2
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn limits_hold_from_the_next_event_of_open_connections() {
    let mut server = Configured::start(&settings(OLD, ""), &[]);
    let mut ann = enter(&server.relay, OLD).await.unwrap();
    ann.event("auth:success").await;
    // A connection is told only one error a second.
    let mut other = enter(&server.relay, OLD).await.unwrap();
    other.event("auth:success").await;
    let send = |seq| message("ann", seq);
    for seq in 0..4 {
        ann.emit("send_message", &send(seq)).await;
        ann.event("receive_message").await;
    }
    let narrow = "message_rate = \"1/h\"\nmessage_burst = 1";
    server.reload(&settings(OLD, narrow));
    ann.emit("send_message", &send(4)).await;
    ann.emit("send_message", &send(5)).await;
    ann.emit("send_message", &send(6)).await;
    let refused = ann.event("message:error").await;
    assert!(refused.text.contains("RATE_LIMIT"), "{}", refused.text);
    server.reload(&settings(OLD, "max_id_bytes = 2"));
    other.emit("send_message", &send(7)).await;
    let refused = other.event("message:error").await.text;
    assert!(refused.contains(r#""field":"recipientId""#), "{refused}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn routes_origins_and_logs_follow() {
    let mut server = Configured::start(&settings(OLD, ""), &[]);
    let origin = |relay: &Relay| {
        let url = relay.url().to_owned();
        async move {
            let address = url.trim_start_matches("http://").to_owned();
            let headers = [("Origin", "https://app.example")];
            http::request_at(&address, "GET", "/health", &headers, b"")
                .await
                .status
        }
    };
    assert_eq!(origin(&server.relay).await, 403);
    assert_eq!(http::get(&server.relay, "/docs").await.status, 200);
    let more = "api_docs = false\nallowed_origins = [\"https://app.example\"]\naccess_log = \"json\"\ndebug = true";
    server.reload(&settings(OLD, more));
    assert_eq!(origin(&server.relay).await, 200);
    assert_eq!(http::get(&server.relay, "/docs").await.status, 404);
    server.relay.logs("\"route\":\"/health\"", 1);
    let _ann = enter(&server.relay, OLD).await.unwrap();
    server
        .relay
        .logs("DEBUG sealed_relay::connection::life: connected", 1);
    server.reload(&settings(OLD, ""));
    assert_eq!(origin(&server.relay).await, 403);
    assert_eq!(http::get(&server.relay, "/docs").await.status, 200);
    server.relay.logs("\"route\":\"/health\"", 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_endpoint_is_told_from_the_reload_on_that_names_it() {
    const OPENED: &str = "connection.opened";
    let endpoint = Endpoint::start().await;
    let mut server = Configured::start(&settings(OLD, ""), &[]);
    let _before = enter(&server.relay, OLD).await.unwrap();
    let more = format!(
        "webhook_url = \"{}\"\nwebhook_secrets = [\"whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX\"]\n\
         webhook_events = \"{OPENED}\"\nwebhook_private_networks = true",
        endpoint.url()
    );
    server.reload(&settings(OLD, &more));
    let _told = enter(&server.relay, OLD).await.unwrap();
    endpoint.took(OPENED, 1).await;
    server.reload(&settings(OLD, ""));
    let _after = enter(&server.relay, OLD).await.unwrap();
    stop(&mut server.relay);
    assert_eq!(endpoint.taken().len(), 1);
}
