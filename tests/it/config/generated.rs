//! What is printed and generated from the table of settings: redaction, the committed files, the presets.

use std::fs;
use std::time::Duration;

use sealed_relay::{
    Config, Dialect, ExpiredTokens, Sources, reference_env, reference_toml, reloaded_settings,
};

use super::{SECRET, from_env, load, repository};

#[test]
fn secrets_are_shown_nowhere() {
    let sources = from_env(&[("JWT_SECRET", SECRET), ("ADMIN_TOKEN", SECRET)]);
    let config = Config::load(&sources).unwrap();
    let secret = config.jwt_secret.clone().unwrap();
    let printed = [
        format!("{sources:?}"),
        format!("{config:?} {:?}", config.entries()),
        format!("{secret} {secret:?}"),
        config.to_toml(),
    ];
    for text in printed {
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
fn the_page_lists_the_settings_that_need_a_restart() {
    let page = fs::read_to_string(repository("docs/settings.md")).unwrap();
    let (_, rest) = page.split_once("## What a reload changes").unwrap();
    let (section, _) = rest.split_once("\n## ").unwrap();
    let listed = section.lines().filter_map(|line| line.strip_prefix("- `"));
    let listed: Vec<_> = listed.filter_map(|line| line.strip_suffix('`')).collect();
    assert_eq!(listed, reloaded_settings().1);
}

#[test]
fn each_preset_serves_its_own_dialect_on_its_familys_port() {
    let ports: [u16; Dialect::ALL.len()] = [5000, 3001, 8000, 3000, 3000];
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
        let keeps = config.expired_tokens == ExpiredTokens::Keep;
        let of_chat = dialect == Dialect::Chat;
        assert_eq!(
            (keeps, config.expired_token_status == 401),
            (of_chat, of_chat),
            "{dialect}"
        );
    }
}
