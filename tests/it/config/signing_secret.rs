//! The signing secret that is made when none is set.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use sealed_relay::{Config, SecretFileError, SecretOrigin, jwt_secret};
use tempfile::TempDir;

use super::SECRET;

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
