//! Settings: precedence, every kind of problem, redaction, the committed files.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sealed_relay::{
    AllowedOrigins, Config, Dialect, JwtAlgorithm, LogFormat, LogLevel, Period, Problems,
    SecretFileError, SecretOrigin, Sources, jwt_secret, reference_env, reference_toml,
};
use tempfile::TempDir;

const SECRET: &str = "canary-secret-canary-secret-canary-secret";

/// Loads from a file with this text (none when empty) and these variables, nothing else.
fn load(file: &str, env: &[(&str, &str)]) -> Result<Config, Problems> {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("relay.toml");
    let mut sources = from_env(env);
    if !file.is_empty() {
        fs::write(&path, file).unwrap();
        sources.file = Some(path);
    }
    Config::load(&sources)
}

fn from_env(env: &[(&str, &str)]) -> Sources {
    let owned = |(name, value): &(&str, &str)| (String::from(*name), String::from(*value));
    Sources {
        env: env.iter().map(owned).collect(),
        ..Sources::default()
    }
}

/// The one problem of a configuration that must have exactly one.
fn problem(file: &str, env: &[(&str, &str)]) -> String {
    let problems = load(file, env).expect_err("the configuration was accepted");
    assert_eq!(problems.len(), 1, "{problems}");
    problems.to_string()
}

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

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
fn secrets_are_shown_nowhere() {
    let sources = from_env(&[("JWT_SECRET", SECRET), ("ADMIN_TOKEN", SECRET)]);
    let config = Config::load(&sources).unwrap();
    let secret = config.jwt_secret.clone().unwrap();
    let shown = [
        format!("{sources:?}"),
        format!("{config:?} {:?}", config.entries()),
        format!("{secret} {secret:?}"),
        config.to_toml(),
    ];
    for text in shown {
        assert!(!text.contains("canary"), "{text}");
    }
    assert!(config.to_toml().contains("jwt_secret = \"<redacted>\"\n"));
}

#[test]
fn what_is_printed_loads_as_the_same_configuration() {
    let env = [
        ("PORT", "1"),
        ("CLIENT_URL", "*"),
        ("TRUSTED_PROXIES", "::1"),
        ("DEBUG", "1"),
    ];
    let printed = load("", &env).unwrap().to_toml();
    assert_eq!(load(&printed, &[]).unwrap().to_toml(), printed);
    assert!(
        printed.contains("port = 1\n") && printed.contains("debug = true\n"),
        "{printed}"
    );
}

#[test]
fn the_commented_file_shows_the_defaults() {
    let is_setting = |line: &str| line.starts_with(|first: char| first.is_ascii_lowercase());
    let text = reference_toml();
    let settings: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| is_setting(line))
        .collect();
    assert_eq!(settings.len(), Config::default().entries().len());
    let config = load(&settings.join("\n"), &[]).unwrap();
    assert_eq!(config.to_toml(), Config::default().to_toml());
}

#[test]
fn the_commented_environment_shows_the_defaults() {
    let text = reference_env();
    let variables = text.lines().filter_map(|line| {
        let (name, value) = line.strip_prefix('#')?.split_once('=')?;
        let is_name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        name.chars().all(is_name).then_some((name, value))
    });
    let variables: Vec<_> = variables.collect();
    assert!(variables.len() >= Config::default().entries().len());
    let config = load("", &variables).unwrap();
    assert_eq!(config.to_toml(), Config::default().to_toml());
}

#[test]
fn the_committed_files_are_those_of_the_table() {
    for (path, text) in [
        ("config/relay.toml", reference_toml()),
        (".env.example", reference_env()),
    ] {
        if std::env::var_os("UPDATE_FILES").is_some() {
            fs::write(repository(path), &text).unwrap();
        }
        let committed = fs::read_to_string(repository(path)).unwrap();
        assert!(
            committed == text,
            "{path} is out of date; run: UPDATE_FILES=1 cargo test --test it config"
        );
    }
}

#[test]
fn each_preset_serves_its_own_dialect_on_its_familys_port() {
    let ports = [5000, 3001, 8000, 3000, 3000];
    for (dialect, port) in Dialect::ALL.into_iter().zip(ports) {
        let path = repository(&format!("config/presets/{dialect}.toml"));
        let sources = Sources {
            file: Some(path),
            ..Sources::default()
        };
        let config = Config::load(&sources).unwrap_or_else(|wrong| panic!("{dialect}: {wrong}"));
        assert_eq!(config.dialects, [dialect]);
        assert_eq!(config.port, port, "{dialect}");
        assert_eq!(config.ping_timeout, Duration::from_secs(60), "{dialect}");
    }
}

fn in_folder(folder: &Path) -> Config {
    Config {
        data_dir: folder.join("data"),
        ..Config::default()
    }
}

#[test]
fn a_missing_signing_secret_is_made_once_for_the_owner_only() {
    let folder = TempDir::new().unwrap();
    let config = in_folder(folder.path());
    let path = config.data_dir.join("jwt_secret");

    let (made, origin) = jwt_secret(&config).unwrap();
    assert_eq!(origin, SecretOrigin::Created(path.clone()));
    assert!(!origin.to_string().contains(made.expose()));
    assert!(made.expose().len() >= 64);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&path), mode(&config.data_dir)), (0o600, 0o700));
    assert_eq!(
        fs::read_dir(&config.data_dir).unwrap().count(),
        1,
        "a draft is left"
    );

    let (read, origin) = jwt_secret(&config).unwrap();
    assert_eq!(origin, SecretOrigin::Read(path));
    assert_eq!(read.expose(), made.expose());

    let configured = Config {
        jwt_secret: Some(sealed_relay::Secret::new(SECRET)),
        ..config
    };
    let (secret, origin) = jwt_secret(&configured).unwrap();
    assert_eq!(
        (secret.expose(), origin),
        (SECRET, SecretOrigin::Configured)
    );
}

#[test]
fn servers_that_start_together_agree_on_one_secret() {
    let folder = TempDir::new().unwrap();
    let config = in_folder(folder.path());
    let secrets: Vec<_> = std::thread::scope(|scope| {
        let start = || scope.spawn(|| jwt_secret(&config).unwrap());
        let started: Vec<_> = std::iter::repeat_with(start).take(8).collect();
        started
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let first = secrets[0].0.expose();
    assert!(secrets.iter().all(|(secret, _)| secret.expose() == first));
    let created = |origin: &SecretOrigin| matches!(origin, SecretOrigin::Created(_));
    assert_eq!(
        secrets.iter().filter(|(_, origin)| created(origin)).count(),
        1
    );
}

#[test]
fn a_secret_file_that_others_can_read_or_that_is_too_short_is_refused() {
    let folder = TempDir::new().unwrap();
    let config = in_folder(folder.path());
    jwt_secret(&config).unwrap();
    let path = config.data_dir.join("jwt_secret");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    let exposed = jwt_secret(&config).unwrap_err();
    assert!(
        matches!(exposed, SecretFileError::Exposed { mode: 0o640, .. }),
        "{exposed}"
    );
    assert!(exposed.to_string().contains("chmod 600"), "{exposed}");

    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::write(&path, "short").unwrap();
    let unusable = jwt_secret(&config).unwrap_err();
    assert!(
        matches!(unusable, SecretFileError::Unusable { .. }),
        "{unusable}"
    );
}
