//! What is written in `.env`, and paths: taken as it is, or said.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::cli::{relay, stderr, stdout};
use crate::program;

/// Long enough, and with something that others replace.
const SECRET: &str = "0123456789abcdef0123456789abcdef$canary";

/// A server in a folder whose `.env` has this text: a token that its secret signs.
fn token_of(folder: &Path, dotenv: &str) -> String {
    fs::write(folder.join(".env"), dotenv).unwrap();
    let minted = relay(folder, &["token", "--user-id", "ann"], &[]);
    assert!(minted.status.success(), "{}", stderr(&minted));
    stdout(&minted).trim().to_owned()
}

#[test]
fn a_secret_in_dotenv_is_taken_to_its_end_and_said_to_be_unquoted() {
    let folder = TempDir::new().unwrap();
    let check = |arguments: &[&str]| {
        let output = relay(folder.path(), arguments, &[]);
        (output.status.code(), stderr(&output))
    };
    for (quote, is_said) in [("", true), ("\"", true), ("'", false)] {
        let dotenv = format!("JWT_SECRET={quote}{SECRET}{quote}\nOTHER=$PWD\n");
        let token = token_of(folder.path(), &dotenv);
        let elsewhere = TempDir::new().unwrap();
        let env = [("JWT_SECRET", SECRET)];
        let accepted = relay(elsewhere.path(), &["check-token", &token], &env);
        assert!(accepted.status.success(), "{}", stdout(&accepted));

        let (code, said) = check(&["check-config"]);
        assert_eq!(code, Some(0), "{said}");
        let strict = check(&["check-config", "--strict"]);
        assert_eq!(strict, (Some(i32::from(is_said)), said.clone()));
        let notes: Vec<_> = said.lines().collect();
        let note = "JWT_SECRET: is taken as it is written; put a value that has spaces, #, $, \\ or quotes in single \
                    quotes (JWT_SECRET in .env)";
        assert_eq!(notes, if is_said { vec![note] } else { vec![] });
    }
}

#[test]
fn what_is_to_be_said_of_dotenv_is_in_the_log_of_the_start() {
    let folder = TempDir::new().unwrap();
    let dotenv = format!("ADMIN_TOKEN={SECRET}\nPING_TIMEOUT=20s\nPING_TIMEOUT=30s\n");
    fs::write(folder.path().join(".env"), dotenv).unwrap();
    let mut running = program::start_in(folder.path(), &[]);
    assert!(running.terminate().success());
    for note in [
        "ADMIN_TOKEN: is taken as it is written",
        "PING_TIMEOUT: is given twice; the first counts",
    ] {
        running.logs(note, 1);
    }
    assert!(!running.log().contains("canary"), "{}", running.log());
}

#[test]
fn the_home_folder_is_meant_wherever_a_path_is_set() {
    let (home, folder) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let path = home.path().to_str().unwrap();
    fs::write(
        home.path().join("relay.toml"),
        "data_dir = \"~/relay\"\nport = 4321",
    )
    .unwrap();
    let env = [
        ("HOME", path),
        ("JWT_ALGORITHMS", "ES256"),
        ("JWT_PUBLIC_KEY_FILE", "~/key.pem"),
    ];
    for (arguments, more) in [
        (&["print-config"][..], ("RELAY_CONFIG", "~/relay.toml")),
        (&["print-config", "--config=~/relay.toml"], ("NONE", "x")),
    ] {
        let printed = relay(folder.path(), arguments, &[&env[..], &[more]].concat());
        let text = stdout(&printed);
        for line in [
            format!("data_dir = \"{path}/relay\"\n"),
            format!("jwt_public_key_file = \"{path}/key.pem\"\n"),
            "port = 4321\n".to_owned(),
        ] {
            assert!(text.contains(&line), "{text}{}", stderr(&printed));
        }
    }

    let env = [("HOME", path), ("DATA_DIR", "~/relay")];
    let mut running = program::start_in(folder.path(), &env);
    assert!(running.terminate().success(), "{}", running.log());
    assert!(home.path().join("relay/conversations.db").exists());
    assert!(!folder.path().join("~").exists());
}

#[test]
fn a_path_that_nobody_would_find_is_refused() {
    let folder = TempDir::new().unwrap();
    for (name, path) in [
        ("DATA_DIR", "~ann/relay"),
        ("DATA_DIR", "$HOME/relay"),
        ("JWT_PUBLIC_KEY_FILE", "${KEYS}/key.pem"),
        ("RELAY_CONFIG", "~ann/relay.toml"),
    ] {
        let mut env = vec![(name, path)];
        if name == "JWT_PUBLIC_KEY_FILE" {
            env.push(("JWT_ALGORITHMS", "ES256"));
        }
        let output = relay(folder.path(), &["serve"], &env);
        assert_eq!(output.status.code(), Some(2), "{name}={path}");
        let said = stderr(&output);
        assert!(
            said.contains("must be a path") || said.contains("must be the path"),
            "{said}"
        );
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "{name}={path}"
        );
    }
}
