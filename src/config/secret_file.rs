//! The signing secret that is created once when none is configured, and stored in the data folder.
//!
//! Owns the file, which only its owner may read.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rand::TryRng;
use rand::rngs::SysRng;

use super::check::SECRET_MIN_BYTES;
use super::secret::Secret;
use super::settings::Config;

/// The file's name in the data folder.
const FILE_NAME: &str = "jwt_secret";

/// How many random bytes a new secret has.
const RANDOM_BYTES: usize = 48;

/// The origin of the signing secret; displays as a sentence for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretOrigin {
    /// `jwt_secret` was set.
    Configured,
    /// Read from this file, which an earlier start created.
    Read(PathBuf),
    /// Created now, and stored in this file.
    Created(PathBuf),
}

impl fmt::Display for SecretOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Configured => f.write_str("the signing secret is the configured one"),
            Self::Read(path) => write!(f, "the signing secret is the one in {}", path.display()),
            Self::Created(path) => write!(
                f,
                "no jwt_secret is configured: made a random one and kept it in {}",
                path.display()
            ),
        }
    }
}

/// Why there is no signing secret.
#[derive(Debug, thiserror::Error)]
pub enum SecretFileError {
    /// The folder or the file cannot be read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The operation.
        action: &'static str,
        /// The folder or file.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// Others than the owner may read or write the file.
    #[error("{} is open to other users (mode {mode:03o}); run: chmod 600 {}", path.display(), path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file does not hold a secret.
    #[error(
        "{} must hold at least {SECRET_MIN_BYTES} bytes of text; delete it to have a new secret made",
        path.display()
    )]
    Unusable {
        /// The file.
        path: PathBuf,
    },
    /// None is set, and none was made yet.
    #[error(
        "no jwt_secret is set, and there is no {}: run this where the server runs, with its configuration, or after \
         its first start",
        path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The operating system returned no random bytes.
    #[error("cannot make a random secret: {0}")]
    Random(String),
}

/// The secret that tokens are signed with: the configured one, else the one in the data folder, else
/// a new one that is created there.
///
/// # Errors
/// When the folder cannot be used, or the file in it is open to others or holds no secret.
pub fn jwt_secret(config: &Config) -> Result<(Secret, SecretOrigin), SecretFileError> {
    let path = match existing_jwt_secret(config) {
        Err(SecretFileError::Missing { path }) => path,
        existing => return existing,
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(&config.data_dir)
        .map_err(io_error("create", &config.data_dir))?;
    let secret = random()?;
    if create(&path, &secret)? {
        return Ok((secret, SecretOrigin::Created(path)));
    }
    // Another process created it in the meantime: that one is used.
    match read(&path)? {
        Some(secret) => Ok((secret, SecretOrigin::Read(path))),
        None => Err(SecretFileError::Unusable { path }),
    }
}

/// The secret that tokens are signed with; none is made.
///
/// # Errors
/// There is none, or it cannot be used.
pub fn existing_jwt_secret(config: &Config) -> Result<(Secret, SecretOrigin), SecretFileError> {
    if let Some(secret) = &config.jwt_secret {
        return Ok((secret.clone(), SecretOrigin::Configured));
    }
    let path = config.data_dir.join(FILE_NAME);
    match read(&path)? {
        Some(secret) => Ok((secret, SecretOrigin::Read(path))),
        None => Err(SecretFileError::Missing { path }),
    }
}

/// Whether a start finds a secret that it can use, or makes one.
pub(super) fn check(config: &Config) -> Result<(), SecretFileError> {
    match existing_jwt_secret(config) {
        Ok(_) | Err(SecretFileError::Missing { .. }) => Ok(()),
        Err(error) => Err(error),
    }
}

fn read(path: &Path) -> Result<Option<Secret>, SecretFileError> {
    let mut file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io_error("read", path)(error)),
    };
    let metadata = file.metadata().map_err(io_error("read", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    let path = path.to_owned();
    if mode & 0o077 != 0 {
        return Err(SecretFileError::Exposed { path, mode });
    }
    let mut text = String::new();
    match file.read_to_string(&mut text) {
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::InvalidData => {
            return Err(SecretFileError::Unusable { path });
        }
        Err(error) => return Err(io_error("read", &path)(error)),
    }
    let text = text.trim();
    if text.len() < SECRET_MIN_BYTES {
        return Err(SecretFileError::Unusable { path });
    }
    Ok(Some(Secret::new(text)))
}

fn random() -> Result<Secret, SecretFileError> {
    random_hex::<RANDOM_BYTES>().map(Secret::new)
}

fn random_hex<const BYTES: usize>() -> Result<String, SecretFileError> {
    let mut bytes = [0; BYTES];
    SysRng
        .try_fill_bytes(&mut bytes)
        .map_err(|error| SecretFileError::Random(error.to_string()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes the secret, whole or not at all. False when the file is there already.
fn create(path: &Path, secret: &Secret) -> Result<bool, SecretFileError> {
    let draft = path.with_extension(random_hex::<8>()?);
    write(&draft, secret).map_err(io_error("write", &draft))?;
    // A link appears with all of its content, and fails where a rename would replace the secret of
    // another process.
    let linked = std::fs::hard_link(&draft, path);
    std::fs::remove_file(&draft).map_err(io_error("remove", &draft))?;
    match linked {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(io_error("create", path)(error)),
    }
}

fn write(path: &Path, secret: &Secret) -> io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(secret.expose().as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn io_error<'a>(
    action: &'static str,
    path: &'a Path,
) -> impl FnOnce(io::Error) -> SecretFileError + 'a {
    move |source| SecretFileError::Io {
        action,
        path: path.to_owned(),
        source,
    }
}
