//! The command line, run as a process: output, exit codes, `.env`.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Output;

use crate::program;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use socket2::{Domain, Socket, Type};
use tempfile::TempDir;

const SECRET: &str = "canary-secret-canary-secret-canary-secret";

/// Runs the binary in a folder with these variables and no others.
pub(super) fn relay(folder: &Path, arguments: &[&str], env: &[(&str, &str)]) -> Output {
    program::command()
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .envs(env.iter().copied())
        .output()
        .unwrap()
}

pub(super) fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

pub(super) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

#[test]
fn a_wrong_configuration_ends_every_command_with_all_problems() {
    let folder = TempDir::new().unwrap();
    let env = [("PORT", "x"), ("JWT_SECRET", "canary")];
    for (arguments, code) in [
        (&[][..], 2),
        (&["serve"], 2),
        (&["token", "--user-id", "a"], 2),
        (&["print-config"], 2),
        (&["health"], 2),
        (&["check-config"], 1),
    ] {
        let output = relay(folder.path(), arguments, &env);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{arguments:?}: {text}");
        assert!(text.contains("port: must be"), "{arguments:?}: {text}");
        assert!(
            text.contains("jwt_secret: must have"),
            "{arguments:?}: {text}"
        );
        assert!(!text.contains("canary"), "{arguments:?}: {text}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn check_config_says_ok_and_touches_nothing() {
    let folder = TempDir::new().unwrap();
    let output = relay(folder.path(), &["check-config"], &[]);
    assert_eq!(
        (stdout(&output).as_str(), output.status.code()),
        ("ok\n", Some(0))
    );
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_named_file_is_read_and_a_missing_one_is_a_problem() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("mine.toml"), "port = 4321").unwrap();
    for (arguments, env) in [
        (&["print-config", "--config", "mine.toml"][..], &[][..]),
        (&["--config", "mine.toml", "print-config"], &[]),
        (&["print-config"], &[("RELAY_CONFIG", "mine.toml")]),
    ] {
        let output = relay(folder.path(), arguments, env);
        assert!(
            stdout(&output).contains("\nport = 4321\n"),
            "{}",
            stderr(&output)
        );
    }
    let missing = relay(
        folder.path(),
        &["print-config", "--config", "other.toml"],
        &[],
    );
    assert_eq!(missing.status.code(), Some(2));
    assert!(stderr(&missing).contains("other.toml: cannot be read"));
}

#[test]
fn dotenv_in_the_working_directory_is_read() {
    let folder = TempDir::new().unwrap();
    let dotenv = folder.path().join(".env");
    fs::write(
        &dotenv,
        format!("\u{feff}PORT=4321\nHOST=::1\nJWT_SECRET='{SECRET}'\n"),
    )
    .unwrap();
    let output = relay(folder.path(), &["print-config"], &[("HOST", "127.0.0.1")]);
    let text = stdout(&output);
    assert!(text.contains("port = 4321\n"), "{text}{}", stderr(&output));
    assert!(text.contains("host = \"127.0.0.1\"\n"), "{text}");
    assert!(text.contains("jwt_secret = \"<redacted>\"\n"), "{text}");
    assert!(!text.contains("canary"), "{text}");

    fs::write(&dotenv, "PORT=x\nJWT_SECRET=canary with spaces\n").unwrap();
    let broken = relay(folder.path(), &["check-config"], &[]);
    let text = stderr(&broken);
    assert_eq!(broken.status.code(), Some(1));
    assert!(text.contains(".env: line 2"), "{text}");
    assert!(
        text.contains("port: must be") && text.contains("(PORT in .env)"),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");

    fs::write(
        &dotenv,
        "PORT=1\nDATA_DIR='a\nb'\n\nJWT_SECRET='canary\nHOST=::1\n",
    )
    .unwrap();
    let text = stderr(&relay(folder.path(), &["check-config"], &[]));
    assert!(
        text.contains(".env: line 5 ") && !text.contains("canary"),
        "{text}"
    );
}

#[test]
fn a_setting_that_is_not_utf8_is_a_problem() {
    let folder = TempDir::new().unwrap();
    let output = program::command()
        .arg("check-config")
        .current_dir(folder.path())
        .env_clear()
        .env("JWT_SECRET", std::ffi::OsStr::from_bytes(&[0xff; 40]))
        .env("UNRELATED", std::ffi::OsStr::from_bytes(&[0xff]))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let text = stderr(&output);
    assert!(text.contains("JWT_SECRET: is not valid UTF-8"), "{text}");
    assert!(!text.contains("UNRELATED"), "{text}");
}

#[test]
fn how_long_a_token_is_valid_is_written_as_in_the_settings() {
    let folder = TempDir::new().unwrap();
    keep_secret(folder.path());
    let mint = |time| {
        let arguments = ["token", "--user-id", "alice", "--expires-in", time];
        relay(folder.path(), &arguments, &[])
    };
    for months in ["5M", "1M 2d", "5", "soon"] {
        let output = mint(months);
        assert!(!output.status.success(), "{months}");
        let text = stderr(&output);
        assert!(text.contains("must be a time with its unit"), "{text}");
    }
    for time in ["5m", "1h 30m", "90d"] {
        assert!(mint(time).status.success(), "{time}");
    }
}

#[test]
fn a_token_is_all_that_is_printed_and_the_servers_secret_verifies_it() {
    let folder = TempDir::new().unwrap();
    let arguments = [
        "token",
        "--user-id",
        "alice",
        "--username",
        "Alice",
        "--expires-in",
        "2h",
    ];
    let secret = keep_secret(folder.path());
    let env = [("JWT_ISSUER", "me"), ("JWT_AUDIENCE", "you")];
    let output = relay(folder.path(), &arguments, &env);
    let token = stdout(&output);
    assert!(output.stderr.is_empty(), "{}", stderr(&output));
    assert_eq!(token.lines().count(), 1);

    let mut validation = Validation::new(Algorithm::HS256);
    validation.set_issuer(&["me"]);
    validation.set_audience(&["you"]);
    validation.set_required_spec_claims(&["exp", "iss", "aud"]);
    let key = DecodingKey::from_secret(secret.trim().as_bytes());
    let claims = decode::<serde_json::Value>(token.trim(), &key, &validation)
        .unwrap()
        .claims;
    assert_eq!(
        (&claims["userId"], &claims["username"]),
        (&"alice".into(), &"Alice".into())
    );
    assert_eq!(claims.get("avatarUrl"), None);
    let seconds = claims["exp"].as_u64().unwrap() - claims["iat"].as_u64().unwrap();
    assert_eq!(seconds, 7200);
}

/// The secret of a server that was started in this folder once.
fn keep_secret(folder: &Path) -> String {
    fs::create_dir(folder.join("data")).unwrap();
    let mut server = program::start_in(&folder.join("data"), &[("JWT_SECRET", "")]);
    assert!(server.terminate().success(), "{}", server.log());
    fs::read_to_string(folder.join("data/jwt_secret")).unwrap()
}

#[test]
fn where_no_server_has_run_no_token_is_minted_and_no_secret_made() {
    let folder = TempDir::new().unwrap();
    let output = relay(folder.path(), &["token", "--user-id", "a"], &[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    let text = stderr(&output);
    assert!(text.contains("there is no ./data/jwt_secret"), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_is_wrong_with_the_data_folder_is_found_before_a_start() {
    let folder = TempDir::new().unwrap();
    let data = folder.path().join("data");
    let check = || relay(folder.path(), &["check-config"], &[]);
    fs::write(&data, "a file").unwrap();
    let output = check();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr(&output).contains("data_dir: ./data is no folder"),
        "{}",
        stderr(&output)
    );
    fs::remove_file(&data).unwrap();
    fs::create_dir(&data).unwrap();
    assert_eq!(check().status.code(), Some(0));
    let secret = data.join("jwt_secret");
    fs::write(&secret, "x".repeat(40)).unwrap();
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o644)).unwrap();
    let output = check();
    assert!(
        stderr(&output).contains("is open to other users"),
        "{}",
        stderr(&output)
    );
    fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(check().status.code(), Some(0));
}

#[test]
fn a_variable_that_is_nearly_a_setting_is_noted_by_its_name() {
    let folder = TempDir::new().unwrap();
    let env = [
        ("MONGODB_URL", "mongodb://canary"),
        ("relay-port", "canary"),
    ];
    let output = relay(folder.path(), &["check-config"], &env);
    assert_eq!((output.status.code(), &*stdout(&output)), (Some(0), "ok\n"));
    let text = stderr(&output);
    assert!(
        text.contains("MONGODB_URL: is no setting; did you mean MONGODB_URI?"),
        "{text}"
    );
    assert!(
        text.contains("relay-port: is no setting; did you mean PORT?"),
        "{text}"
    );
    assert!(!text.contains("canary"), "{text}");
    let mut running = program::start_in(folder.path(), &env[..1]);
    running.logs("did you mean MONGODB_URI?", 1);
    assert!(running.terminate().success());
}

#[test]
fn what_is_only_noted_fails_a_strict_check() {
    let folder = TempDir::new().unwrap();
    let check = |args: &[&str], env: &[(&str, &str)]| {
        let output = relay(folder.path(), args, env);
        (output.status.code(), stdout(&output), stderr(&output))
    };
    let strict = ["check-config", "--strict"];
    let fine = check(&strict, &[("JWT_ISSUER", "x")]);
    assert_eq!(fine, (Some(0), "ok\n".to_owned(), String::new()));
    for noted in [("JWT_ISSUERS", "canary"), ("DEBUG", "socket.io:*")] {
        let (code, out, noticed) = check(&["check-config"], &[noted]);
        assert_eq!((code, &*out), (Some(0), "ok\n"), "{noted:?}");
        assert!(noticed.contains(noted.0), "{noticed}");
        assert_eq!(
            check(&strict, &[noted]),
            (Some(1), String::new(), noticed),
            "{noted:?}"
        );
    }
    let (code, _, wrong) = check(&strict, &[("PORT", "x")]);
    assert_eq!(code, Some(1), "{wrong}");
}

#[test]
fn what_prevents_a_start_is_said_once_in_the_form_of_the_log() {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let gone = [
        ("JWT_ALGORITHMS", "RS256"),
        ("JWT_PUBLIC_KEY_FILE", "gone.pem"),
    ];
    for (env, code, said) in [
        (&[("PORT", "x")][..], 2, "port: must be"),
        (
            &[("HOST", "127.0.0.1"), ("PORT", &port)],
            1,
            "cannot listen on",
        ),
        (&[("DATA_DIR", "file")], 1, "file"),
        (&gone, 1, "jwt_public_key_file: "),
    ] {
        let env = [env, &[("LOG_FORMAT", "json"), ("JWT_SECRET", SECRET)]].concat();
        let output = relay(folder.path(), &["serve"], &env);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(code), "{text}");
        let lines = text.lines().map(serde_json::from_str::<serde_json::Value>);
        let lines = lines.collect::<Result<Vec<_>, _>>().expect(&text);
        let errors: Vec<_> = lines
            .iter()
            .filter(|line| line["level"] == "ERROR")
            .collect();
        assert_eq!(errors.len(), 1, "{text}");
        assert!(
            errors[0]["message"].as_str().unwrap().contains(said),
            "{text}"
        );
    }
}

#[test]
fn the_log_says_what_is_in_effect() {
    let folder = TempDir::new().unwrap();
    let env = [("DIALECTS", "direct,chat"), ("ADMIN_TOKEN", SECRET)];
    let mut server = program::start_in(folder.path(), &env);
    assert!(server.terminate().success());
    let log = server.log();
    let line = |text: &str| log.lines().find(|line| line.contains(text)).expect(text);
    let set = line("in effect, as set");
    assert!(
        set.contains(r#"dialects = [\"direct\", \"chat\"]"#),
        "{set}"
    );
    assert!(
        set.contains("admin_token = ") && set.contains("<redacted>"),
        "{set}"
    );
    let default = line("in effect by default");
    assert!(
        default.contains("allowed_origins = [") && default.contains("transports = "),
        "{default}"
    );
    assert!(!log.contains("canary"), "{log}");
}

#[test]
fn a_token_the_server_would_refuse_is_not_minted() {
    let folder = TempDir::new().unwrap();
    let secret = ("JWT_SECRET", SECRET);
    let long = "x".repeat(129);
    for arguments in [
        ["--user-id", ""],
        ["--user-id", &long],
        ["--user-id", "a\nb"],
    ] {
        let output = relay(
            folder.path(),
            &["token", arguments[0], arguments[1]],
            &[secret],
        );
        assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
        assert!(output.stdout.is_empty());
    }
    let by_key = [
        ("JWT_ALGORITHMS", "RS256"),
        ("JWT_PUBLIC_KEY_FILE", "key.pem"),
    ];
    let output = relay(folder.path(), &["token", "--user-id", "a"], &by_key);
    assert!(stderr(&output).contains("no HS256"), "{}", stderr(&output));
}

/// Answers one connection with this text and hands back what was asked.
fn answer_once(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut asked = Vec::new();
        while !asked.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            asked.push(byte[0]);
        }
        stream.write_all(answer.as_bytes()).unwrap();
        String::from_utf8(asked).unwrap()
    });
    (port, server)
}

#[test]
fn health_follows_the_answer_of_the_configured_server() {
    let folder = TempDir::new().unwrap();
    for (answer, code) in [
        ("HTTP/1.1 200 OK\r\n\r\n{}", 0),
        ("HTTP/1.1 503 Service Unavailable\r\n\r\n", 1),
        ("", 1),
    ] {
        let (port, server) = answer_once(answer);
        let output = relay(folder.path(), &["health"], &[("PORT", &port)]);
        assert_eq!(
            output.status.code(),
            Some(code),
            "{answer}: {}",
            stderr(&output)
        );
        assert!(
            server
                .join()
                .unwrap()
                .starts_with("GET /health HTTP/1.1\r\nHost: 127.0.0.1:")
        );
    }
}

#[test]
fn a_variable_for_other_software_is_noted_and_ignored() {
    let folder = TempDir::new().unwrap();
    let checked = |env: &[_]| {
        let output = relay(folder.path(), &["check-config"], env);
        assert_eq!((output.status.code(), &*stdout(&output)), (Some(0), "ok\n"));
        let note = stderr(&output);
        assert!(note.contains("debug: is ignored"), "{note}");
    };
    checked(&[("DEBUG", "socket.io:*")]);
    fs::write(folder.path().join(".env"), "DEBUG=*\n").unwrap();
    checked(&[]);
}

#[test]
fn a_name_that_is_listened_on_is_resolved_and_asked_for_its_health() {
    let folder = TempDir::new().unwrap();
    let env = [("HOST", "localhost"), ("DEBUG", "engine:*")];
    let mut running = program::start_in(folder.path(), &env);
    let url = running.url().to_owned();
    assert!(url.starts_with("http://127.0.0.1:"), "{url}");
    let port = url.rsplit(':').next().unwrap();
    let env = [("HOST", "localhost"), ("PORT", port)];
    let output = relay(folder.path(), &["health"], &env);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    running.logs("debug: is ignored", 1);
    assert!(running.terminate().success());

    let unknown = program::command_in(folder.path())
        .env("HOST", "no-such-host.invalid")
        .output()
        .unwrap();
    assert_eq!(unknown.status.code(), Some(1));
    assert!(stderr(&unknown).contains("cannot listen on no-such-host.invalid"));
}

#[test]
fn health_asks_the_address_it_is_given_and_fails_when_nobody_answers() {
    let folder = TempDir::new().unwrap();
    let (port, server) = answer_once("HTTP/1.1 200 OK\r\n\r\n");
    let url = format!("http://localhost:{port}/ready?x=1");
    // The address is enough: a wrong configuration does not matter.
    let output = relay(folder.path(), &["health", "--url", &url], &[("PORT", "x")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(server.join().unwrap().starts_with("GET /ready?x=1 "));

    // Taken, so that nobody else gets it meanwhile, and not listened on.
    let taken = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    taken.bind(&any.into()).unwrap();
    let address = taken.local_addr().unwrap().as_socket().unwrap();
    let url = format!("http://{address}/");
    let nobody = relay(folder.path(), &["health", "--url", &url], &[]);
    assert_eq!(nobody.status.code(), Some(1));
    assert!(
        stderr(&nobody).contains("cannot reach"),
        "{}",
        stderr(&nobody)
    );
}

/// The writing end of a pipe whose reader is gone.
fn broken_pipe() -> std::io::PipeWriter {
    std::io::pipe().unwrap().1
}

fn full_disk() -> fs::File {
    fs::OpenOptions::new()
        .write(true)
        .open("/dev/full")
        .unwrap()
}

#[test]
fn a_command_ends_well_when_its_reader_is_gone_and_fails_when_there_is_no_room() {
    let folder = TempDir::new().unwrap();
    for arguments in [
        &["print-config"][..],
        &["check-config"],
        &["token", "--user-id", "a"],
    ] {
        let run = |stdout: std::process::Stdio| {
            program::command()
                .args(arguments)
                .current_dir(folder.path())
                .env_clear()
                .env("JWT_SECRET", SECRET)
                .stdout(stdout)
                .output()
                .unwrap()
        };
        let output = run(broken_pipe().into());
        assert_eq!(
            output.status.code(),
            Some(0),
            "{arguments:?}: {}",
            stderr(&output)
        );
        assert!(output.stderr.is_empty(), "{}", stderr(&output));
        let output = run(full_disk().into());
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(
            stderr(&output).contains("standard output"),
            "{}",
            stderr(&output)
        );
    }
}

#[test]
fn messages_that_cannot_be_printed_change_no_exit_code() {
    let folder = TempDir::new().unwrap();
    let code = |arguments: &[&str], port: &str, stderr: std::process::Stdio| {
        let mut command = program::command();
        command
            .args(arguments)
            .current_dir(folder.path())
            .env_clear();
        command.env("PORT", port).stderr(stderr);
        command.output().unwrap().status.code()
    };
    for stderr in
        [|| broken_pipe().into(), || full_disk().into()] as [fn() -> std::process::Stdio; 2]
    {
        assert_eq!(code(&["check-config"], "x", stderr()), Some(1));
        assert_eq!(code(&["serve"], "x", stderr()), Some(2));
        assert_eq!(
            code(&["health", "--url", "http://127.0.0.1:9/"], "1", stderr()),
            Some(1)
        );
        // It says that there is no secret.
        assert_eq!(code(&["token", "--user-id", "a"], "1", stderr()), Some(1));
    }
}
