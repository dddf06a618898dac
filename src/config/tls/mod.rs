//! The certificate of this server and its key, as `tls_cert_file` and `tls_key_file` name them.
//!
//! Owns whether they can be used: they belong together, and are not over. It must not open a connection.

mod validity;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest::{Digest, SHA256, digest};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::settings::Config;

/// What is spoken in TLS.
const PROTOCOL: &[u8] = b"http/1.1";

/// By what clients know this server, in TLS.
#[derive(Debug)]
pub(crate) struct TlsIdentity {
    server: Arc<ServerConfig>,
    expires_at: u64,
    /// Hashes of what was in the files.
    files: [Digest; 2],
}

/// Why it cannot be used. Nothing of a key is said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    /// A file cannot be read.
    #[error("{}: cannot be read: {}", .0.display(), .1)]
    Unreadable(PathBuf, std::io::Error),
    /// The file of the certificate has none.
    #[error("{}: has no certificate in PEM form", .0.display())]
    NoCertificate(PathBuf),
    /// The file of the key has none.
    #[error("{}: has no private key in PEM form", .0.display())]
    NoKey(PathBuf),
    /// They are not of each other, or of a kind that is not served.
    #[error("the certificate and the key cannot be used: {0}")]
    Unusable(#[from] rustls::Error),
    /// It has no time that can be read.
    #[error("{}: it cannot be read when the certificate expires", .0.display())]
    NoValidity(PathBuf),
    /// Its time is over.
    #[error("{}: the certificate expired {} seconds ago", .0.display(), .1)]
    Expired(PathBuf, u64),
}

impl TlsError {
    /// The setting at fault.
    pub(crate) fn setting(&self) -> &'static str {
        match self {
            Self::NoKey(_) => "tls_key_file",
            _ => "tls_cert_file",
        }
    }
}

impl TlsIdentity {
    /// The one that the settings name, read now. `None`: they name none.
    ///
    /// # Errors
    /// It cannot be used.
    pub(crate) fn of(config: &Config) -> Result<Option<Self>, TlsError> {
        match (&config.tls_cert_file, &config.tls_key_file) {
            (Some(certificate), Some(key)) => Self::read(certificate, key).map(Some),
            _ => Ok(None),
        }
    }

    fn read(certificate: &Path, key: &Path) -> Result<Self, TlsError> {
        let read = |path: &Path| {
            let unreadable = |error| TlsError::Unreadable(path.to_owned(), error);
            std::fs::read(path).map_err(unreadable)
        };
        let files = [read(certificate)?, read(key)?];
        let chain = CertificateDer::pem_slice_iter(&files[0]).collect::<Result<Vec<_>, _>>();
        let chain = chain.ok().filter(|chain| !chain.is_empty());
        let chain = chain.ok_or_else(|| TlsError::NoCertificate(certificate.to_owned()))?;
        let private = PrivateKeyDer::from_pem_slice(&files[1]);
        let private = private.map_err(|_| TlsError::NoKey(key.to_owned()))?;
        let expires_at = chain.first().and_then(|own| validity::end_of(own));
        let expires_at = expires_at.ok_or_else(|| TlsError::NoValidity(certificate.to_owned()))?;
        if let Some(ago) = seconds_now().checked_sub(expires_at) {
            return Err(TlsError::Expired(certificate.to_owned(), ago));
        }
        let mut server = ServerConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(chain, private)?;
        server.alpn_protocols = vec![PROTOCOL.to_vec()];
        Ok(Self {
            server: Arc::new(server),
            expires_at,
            files: files.map(|file| digest(&SHA256, &file)),
        })
    }

    /// What is spoken with a client that connects.
    pub(crate) fn server(&self) -> Arc<ServerConfig> {
        self.server.clone()
    }

    /// When it is over, in seconds since 1970.
    pub(crate) fn expires_at(&self) -> u64 {
        self.expires_at
    }

    /// Whether the files of both had the same content.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        let same = |number: usize| self.files[number].as_ref() == other.files[number].as_ref();
        same(0) && same(1)
    }
}

fn seconds_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}
