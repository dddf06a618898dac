//! Every kind of problem with a configuration.

use super::{load, problem};

#[test]
fn all_problems_are_listed_with_their_setting_and_source() {
    let file = r#"
        port = 70000
        dialects = ["direct", "telegraph"]
        ping_intervall = "25s"
        ping_timeout = 20
        log_level = true
        max_attachments = 2.5
        [server]
        host = "0.0.0.0"
    "#;
    let env = [
        ("JWT_SECRET", "too-short-canary"),
        ("RATE_LIMITS", "maybe"),
        ("MESSAGE_BURST", "0"),
        ("MESSAGE_RATE", "30"),
        ("JOIN_RATE", "0/s"),
        ("TRUSTED_PROXIES", "10.0.0.300"),
        ("CORS_ORIGIN", "localhost:5173"),
        ("TRANSPORTS", "polling,polling"),
        ("JWKS_URL", "https://canary:canary@keys.example/set"),
        ("WRITE_DEADLINE", "999ms"),
        ("GUEST_TIMEOUT", "2years"),
        ("MONGODB_URI", "postgres://canary@localhost"),
        ("REDIS_URL", "http://canary@localhost"),
        ("REDIS_PREFIX", "{x}"),
        ("NODE_NAME", "a\nb"),
    ];
    let problems = load(file, &env).unwrap_err();
    let settings: Vec<_> = problems.iter().map(|p| p.setting.as_str()).collect();
    for setting in [
        "port",
        "dialects",
        "ping_intervall",
        "ping_timeout",
        "log_level",
        "max_attachments",
        "server",
        "jwt_secret",
        "rate_limits",
        "message_burst",
        "message_rate",
        "join_rate",
        "trusted_proxies",
        "allowed_origins",
        "transports",
        "jwks_url",
        "write_deadline",
        "guest_timeout",
        "mongodb_uri",
        "redis_url",
        "redis_prefix",
        "node_name",
    ] {
        assert!(
            settings.contains(&setting),
            "{setting} is missing in:\n{problems}"
        );
    }
    assert_eq!(problems.len(), 22, "{problems}");
    let text = problems.to_string();
    assert_eq!(text.lines().count(), 22, "one line each:\n{text}");
    assert!(!text.contains("canary"), "a secret is in:\n{text}");
    assert!(problems.iter().all(|p| p.source.is_some()), "{text}");
    assert!(
        text.contains("port: must be a whole number from 0 to 65535, not 70000 ("),
        "{text}"
    );
    assert!(
        text.contains("(environment variable MESSAGE_BURST)"),
        "{text}"
    );
    assert!(text.contains("relay.toml)"), "{text}");
    assert!(text.contains("did you mean ping_interval?"), "{text}");
    assert!(
        text.contains("settings are not grouped in tables"),
        "{text}"
    );
    assert!(
        text.contains("redis_url: must be a valid redis://, rediss://, redis-sentinel://"),
        "{text}"
    );
}

#[test]
fn redis_needs_mongodb_and_says_why() {
    let redis = ("REDIS_URL", "redis://canary@localhost");
    let alone = problem("", &[redis]);
    assert!(
        alone.contains("redis_url: needs mongodb_uri: servers that share conversations"),
        "{alone}"
    );
    assert!(!alone.contains("canary"), "{alone}");
    let both = [redis, ("MONGODB_URI", "mongodb://localhost")];
    assert!(load("", &both).is_ok());
}

#[test]
fn a_file_that_is_named_must_be_there_and_be_toml() {
    let missing = problem("", &[("RELAY_CONFIG", "/nonexistent/relay.toml")]);
    assert!(
        missing.starts_with("/nonexistent/relay.toml: cannot be read"),
        "{missing}"
    );

    let broken = problem("port = 1\njwt_secret = \"canary\nhost = 1", &[]);
    assert!(broken.contains("is not valid TOML: line 2"), "{broken}");
    assert!(!broken.contains("canary"), "the line is shown: {broken}");

    let twice = problem("port = 1\nport = 2", &[]);
    assert!(twice.contains("line 2"), "{twice}");
}

#[test]
fn numbers_stay_within_what_can_be_added_up() {
    let config = load("", &[("RECEIVER_BUDGET", "1_099_511_627_776")]).unwrap();
    assert_eq!(config.receiver_budget, 1 << 40);
    for wrong in [
        "1099511627777",
        "18446744073709551616",
        "-1",
        "1e6",
        "0x10000",
    ] {
        let problem = problem("", &[("RECEIVER_BUDGET", wrong)]);
        assert!(problem.contains("from 0 to 1099511627776"), "{problem}");
    }
    let low = problem("receiver_budget = 65535", &[]);
    assert!(low.contains("at least 65536, not 65535"), "{low}");
    let shown = problem("admin_ui_max_sockets = 10001", &[]);
    assert!(shown.contains("from 0 to 10000"), "{shown}");
}

#[test]
fn a_near_miss_of_a_setting_or_its_variable_gets_a_suggestion() {
    for (key, setting) in [
        ("prot", "port"),
        ("Host", "host"),
        ("data-dir", "data_dir"),
        ("cors_origin", "allowed_origins"),
        ("JWT_ACCESS_SECRET", "jwt_secret"),
    ] {
        let problem = problem(&format!("{key} = \"x\""), &[]);
        assert!(
            problem.contains(&format!("did you mean {setting}?")),
            "{problem}"
        );
    }
    let unlike = problem("zebra_crossing = 1", &[]);
    assert!(!unlike.contains("did you mean"), "{unlike}");
}
