//! How people write values: each row of the table in docs/settings.md, and what is taken as it is though it may not be
//! what was meant.

use std::fs;

use sealed_relay::{Config, Entry, Problems};

use super::{SECRET, from_env, load, repository};

/// The texts in backticks.
fn quoted(cell: &str) -> Vec<&str> {
    cell.split('`').skip(1).step_by(2).collect()
}

fn entry(variable: &str, loaded: &Config) -> Entry {
    let mut entries = loaded.entries().into_iter();
    let found = entries.find(|entry| entry.variables.iter().any(|name| name == variable));
    found.unwrap_or_else(|| panic!("{variable} is no setting"))
}

fn text(variable: &str, written: &str) -> Result<String, Problems> {
    Ok(entry(variable, &load("", &[(variable, written)])?).text)
}

#[test]
fn values_are_read_as_the_table_of_the_documentation_says() {
    let document = fs::read_to_string(repository("docs/settings.md")).unwrap();
    let rows: Vec<_> = document
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert!(rows.len() > 50, "{}", rows.len());
    for row in rows {
        let cells: Vec<_> = row.trim_matches('|').split(" | ").collect();
        let [variable, written, read] = cells[..] else {
            panic!("{row}");
        };
        let (variable, expected) = (quoted(variable)[0], quoted(read)[0]);
        for written in quoted(written) {
            match (text(variable, written), read.contains("refused: ")) {
                (Ok(text), false) => assert_eq!(text, expected, "{variable}={written}"),
                (Err(problems), true) => {
                    let setting = entry(variable, &Config::default()).name;
                    let named = problems.to_string();
                    assert!(named.starts_with(&format!("{setting}: ")), "{named}");
                    assert!(named.contains(expected), "{variable}={written}: {named}");
                }
                (other, _) => panic!("{variable}={written}: {other:?}"),
            }
        }
    }
}

#[test]
fn a_file_is_read_alike() {
    let file = r#"
        log_level = "verbose"
        trusted_proxies = ["loopback", "10.0.0.1"]
        allowed_origins = ["https://app.example/chat", "tauri://localhost"]
        max_event_bytes = "10MiB"
    "#;
    let config = load(file, &[]).unwrap();
    for (variable, text) in [
        ("LOG_LEVEL", "debug"),
        ("TRUSTED_PROXIES", "127.0.0.0/8,::1/128,10.0.0.1/32"),
        ("CORS_ORIGIN", "https://app.example,tauri://localhost"),
        ("MAX_EVENT_BYTES", "10485760"),
    ] {
        assert_eq!(entry(variable, &config).text, text);
    }
}

#[test]
fn what_is_around_a_secret_is_part_of_it_and_is_said() {
    let warnings = |value: &str| {
        let sources = from_env(&[("JWT_SECRET", value)]);
        let config = Config::load(&sources).unwrap();
        assert_eq!(config.jwt_secret.unwrap().expose(), value);
        let warnings = Config::warnings(&sources);
        let texts: Vec<_> = warnings.iter().map(ToString::to_string).collect();
        texts.join("\n")
    };
    assert_eq!(warnings(SECRET), "");
    for framed in ["\"x\"", "'x'", " x", "x\r", "x\n"] {
        let said = warnings(&framed.replace('x', SECRET));
        let note = "JWT_SECRET: has quotes or white space around it, which are part of it (environment variable \
                    JWT_SECRET)";
        assert_eq!(said, note, "{framed:?}");
    }
}

#[test]
fn a_variable_that_has_only_quotes_is_not_set() {
    let config = load("port = 1", &[("PORT", "\"\""), ("LOG_LEVEL", "''")]).unwrap();
    assert_eq!(config.port, 1);
    assert_eq!(config.log_level.as_str(), "info");
}
