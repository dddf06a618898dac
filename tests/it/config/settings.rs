//! The values of settings: precedence, every form, aliases.

use std::fs;
use std::time::Duration;

use sealed_relay::{
    AllowedOrigins, Config, Dialect, JwtAlgorithm, LogFormat, LogLevel, Period, Sources,
};
use tempfile::TempDir;

use super::{SECRET, from_env, load, problem};

#[test]
fn with_nothing_given_every_setting_has_its_default() {
    let config = load("", &[]).unwrap();
    assert_eq!(config.to_toml(), Config::default().to_toml());
    assert_eq!(
        (config.host.to_string(), config.port),
        ("0.0.0.0".to_owned(), 3000)
    );
    assert_eq!(config.dialects, Dialect::ALL);
    assert_eq!(config.ping_interval, Duration::from_secs(25));
    assert_eq!(config.ping_timeout, Duration::from_secs(20));
    assert_eq!(config.max_event_bytes, 10_000_000);
    assert_eq!(config.receiver_budget, 8 << 20);
    assert_eq!(config.message_rate.count().get(), 30);
    assert_eq!(config.message_rate.interval(), Duration::from_secs(1) / 30);
    assert_eq!(config.failed_auth_rate.period(), Period::Minute);
    assert!(config.rate_limits && config.jwt_secret.is_none() && config.needs_jwt_secret());
}

#[test]
fn the_environment_wins_over_dotenv_which_wins_over_the_file() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("relay.toml");
    fs::write(&path, "port = 1\nmax_attachments = 1\nlog_level = \"warn\"").unwrap();
    let mut sources = from_env(&[("PORT", "3"), ("MAX_ATTACHMENTS", "")]);
    sources.file = Some(path);
    let dotenv = [("PORT", "2"), ("MAX_ATTACHMENTS", "2")];
    sources.dotenv = from_env(&dotenv).env;
    let config = Config::load(&sources).unwrap();
    assert_eq!(config.port, 3);
    assert_eq!(
        config.max_attachments, 2,
        "an empty variable counts as unset"
    );
    assert_eq!(config.log_level, LogLevel::Warn);
}

#[test]
fn the_prefix_of_collections_may_be_empty_in_a_file_and_in_a_variable() {
    let prefix = |file: &str, env: &[_]| load(file, env).unwrap().mongodb_prefix;
    assert_eq!(prefix("", &[]).as_str(), "relay_");
    assert!(prefix("mongodb_prefix = \"\"", &[]).is_empty());
    assert!(prefix("", &[("MONGODB_PREFIX", "")]).is_empty());
    let file = "mongodb_prefix = \"one.\"";
    assert_eq!(prefix(file, &[]).as_str(), "one.");
    assert!(prefix(file, &[("MONGODB_PREFIX", "")]).is_empty());
    for wrong in ["a$", "a b", "system.", ".a", &"x".repeat(33)] {
        let problem = problem("", &[("MONGODB_PREFIX", wrong)]);
        assert!(problem.contains("mongodb_prefix: must have"), "{problem}");
    }
}

#[test]
fn every_form_of_value_is_read() {
    let file = r#"
        host = "::1"
        dialects = "chat, direct"
        transports = ["polling"]
        jwt_leeway = "0"
        auth_expiring_notice = 0
        trusted_proxies = ["10.0.0.0/8", "127.0.0.1"]
        message_rate = "30/min"
        rate_limits = "off"
        log_format = "JSON"
        max_event_bytes = 1_000_000
    "#;
    let config = load(file, &[("FILE_BURST", "1_000"), ("PING_TIMEOUT", "250ms")]).unwrap();
    assert_eq!(config.host.to_string(), "::1");
    assert_eq!(config.dialects, [Dialect::Chat, Dialect::Direct]);
    assert_eq!(config.transports.len(), 1);
    assert!(config.jwt_leeway.is_zero() && config.auth_expiring_notice.is_zero());
    let local = "127.0.0.1".parse().unwrap();
    assert!(config.trusted_proxies[1].contains::<&std::net::IpAddr>(&local));
    assert_eq!(config.message_rate.interval(), Duration::from_secs(2));
    assert!(!config.rate_limits);
    assert_eq!(config.log_format, LogFormat::Json);
    assert_eq!(config.max_event_bytes, 1_000_000);
    assert_eq!(config.file_burst.get(), 1000);
    assert_eq!(config.ping_timeout, Duration::from_millis(250));
}

#[test]
fn a_secret_has_an_alias_and_the_two_must_agree() {
    let secret = |env: &[_]| load("", env).map(|config| config.jwt_secret.unwrap());
    let alias = ("JWT_ACCESS_SECRET", SECRET);
    assert_eq!(secret(&[alias]).unwrap().expose(), SECRET);
    assert_eq!(
        secret(&[alias, ("JWT_SECRET", SECRET)]).unwrap().expose(),
        SECRET
    );
    let other = "another-secret-that-is-long-enough-too";
    let conflict = secret(&[alias, ("JWT_SECRET", other)]).unwrap_err();
    assert!(conflict.about(&["jwt_secret"]));
    let text = conflict.to_string();
    assert!(
        text.contains("JWT_SECRET, environment variable JWT_ACCESS_SECRET"),
        "{text}"
    );
    assert!(
        !text.contains("canary") && !text.contains("another"),
        "{text}"
    );
}

#[test]
fn a_secret_is_measured_in_bytes_and_not_trimmed() {
    assert!(problem("", &[("ADMIN_TOKEN", &"x".repeat(31))]).contains("32 bytes, and has 31"));
    let exact = format!(" {} ", "é".repeat(15));
    let config = load("", &[("ADMIN_TOKEN", &exact)]).unwrap();
    assert_eq!(config.admin_token.unwrap().expose(), exact);
}

#[test]
fn the_origin_variables_add_up() {
    let env = [
        ("CORS_ORIGIN", "https://A.example/, https://b.example:443"),
        ("CLIENT_URL", "http://c.example:80"),
        ("FRONTEND_URL", "http://[::1]:8080"),
        ("ALLOWED_ORIGINS", "https://a.example,capacitor://localhost"),
        ("SOCKET_CORS_ORIGIN", "http://e.example"),
    ];
    let origins = load("allowed_origins = \"*\"", &env)
        .unwrap()
        .allowed_origins;
    for allowed in [
        "https://a.example",
        "https://b.example",
        "http://c.example",
        "http://[::1]:8080",
        "capacitor://localhost",
        "http://e.example",
        "HTTP://E.EXAMPLE:80",
    ] {
        assert!(
            origins.allows(allowed),
            "{allowed} is refused by {origins:?}"
        );
    }
    for refused in [
        "http://a.example",
        "https://a.example:8443",
        "https://a.example.evil.example",
        "null",
        "",
        "https://evil.example/https://a.example",
        "https://a.example@evil.example",
    ] {
        assert!(
            !origins.allows(refused),
            "{refused} is allowed by {origins:?}"
        );
    }
    let any = load("", &[env[0], ("CLIENT_URL", "*")]).unwrap();
    assert_eq!(any.allowed_origins, AllowedOrigins::Any);
    assert!(any.allowed_origins.allows("https://anything.example"));
}

#[test]
fn the_default_origins_are_those_of_a_front_end_under_development() {
    let origins = Config::default().allowed_origins;
    assert!(origins.allows("http://localhost:5173") && origins.allows("http://localhost:3000"));
    assert!(!origins.allows("http://localhost:5000"));
}

#[test]
fn algorithms_by_public_key_need_a_key_and_no_secret() {
    let wrong = problem("", &[("JWT_ALGORITHMS", "ES256")]);
    assert!(wrong.contains("jwt_public_key_file or jwks_url"), "{wrong}");
    let unused = problem("", &[("JWKS_URL", "https://keys.example/set")]);
    assert!(unused.starts_with("jwks_url: has no effect"), "{unused}");
    let env = [
        ("JWT_ALGORITHMS", "eddsa"),
        ("JWT_PUBLIC_KEY_FILE", "key.pem"),
    ];
    let config = load("", &env).unwrap();
    assert_eq!(config.jwt_algorithms, [JwtAlgorithm::EdDsa]);
    assert!(!config.needs_jwt_secret());
}

#[test]
fn debug_raises_the_log_level_and_never_lowers_it() {
    let level = |env: &[_]| load("", env).unwrap().log_level_in_effect();
    assert_eq!(level(&[]), LogLevel::Info);
    assert_eq!(level(&[("DEBUG", "true")]), LogLevel::Debug);
    assert_eq!(
        level(&[("DEBUG", "on"), ("LOG_LEVEL", "trace")]),
        LogLevel::Trace
    );
}

#[test]
fn the_machine_names_the_node_unless_it_is_set() {
    let mut sources = Sources {
        host_name: Some("machine".to_owned()),
        ..Sources::default()
    };
    assert_eq!(Config::load(&sources).unwrap().node_name, "machine");
    sources.env = from_env(&[("NODE_NAME", "north-1")]).env;
    assert_eq!(Config::load(&sources).unwrap().node_name, "north-1");
}

#[test]
fn a_variable_that_libraries_of_node_read_is_not_taken_for_a_setting() {
    for value in ["socket.io:*", "*", "engine,-engine:ws", "verbose"] {
        let sources = from_env(&[("DEBUG", value), ("PORT", "4000")]);
        let config = Config::load(&sources).unwrap();
        assert!(!config.debug && config.port == 4000, "{value}");
        let ignored = Config::warnings(&sources);
        let text: Vec<_> = ignored.iter().map(ToString::to_string).collect();
        let note = "debug: is ignored: it is neither true nor false (environment variable DEBUG)";
        assert_eq!(text, [note]);
        // The file does not win by it.
        let file = load("debug = true", &[("DEBUG", value)]).unwrap();
        assert!(file.debug);
    }
    for value in ["true", "0", "off", ""] {
        let sources = from_env(&[("DEBUG", value)]);
        assert!(Config::warnings(&sources).is_empty(), "{value}");
    }
    assert!(problem("debug = \"socket.io:*\"", &[]).contains("debug: must be true or false"));
    assert!(load("", &[("RATE_LIMITS", "socket.io:*")]).is_err());
}

#[test]
fn a_host_has_an_address_or_a_name() {
    for host in ["localhost", "relay.example.com", "127.0.0.1", "::1"] {
        let config = load("", &[("HOST", host)]).unwrap();
        assert_eq!(config.host.to_string(), host);
    }
    for host in ["localhost:3000", "300.0.0.1", "a host", "*"] {
        let problem = problem("", &[("HOST", host)]);
        assert!(problem.contains("host: must be an IP address"), "{problem}");
    }
}
