//! Certificates of an authority of the test's own, made by openssl. Where it is not installed, tests are skipped and say
//! why; with `CI=true` they fail instead.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

/// A folder with an authority, and a certificate of this machine and its key.
pub(crate) struct Certificates {
    folder: TempDir,
    certificate: PathBuf,
    key: PathBuf,
    made: usize,
}

/// Whether they can be made.
pub(crate) fn are_ready() -> bool {
    let found = Command::new("openssl").arg("version").output();
    if found.is_ok_and(|output| output.status.success()) {
        return true;
    }
    const REASON: &str = "openssl is needed (Debian: openssl)";
    let is_ci = std::env::var("CI").as_deref() == Ok("true");
    assert!(!is_ci, "tests of TLS cannot run: {REASON}");
    let notice = format!("SKIPPED a test of TLS: {REASON}\n");
    std::io::stderr().write_all(notice.as_bytes()).unwrap();
    false
}

impl Certificates {
    pub(super) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let made = Self {
            certificate: folder.path().join("relay.pem"),
            key: folder.path().join("relay.key"),
            folder,
            made: 0,
        };
        made.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=authority -keyout ca.key -out ca.pem",
        );
        made
    }

    /// Makes a certificate, with a serial number of its own, and puts it in the place of the one before.
    pub(super) fn renew(&mut self, days: i32) {
        self.made += 1;
        let serial = self.made;
        fs::write(
            self.path("names"),
            "subjectAltName=IP:127.0.0.1,DNS:localhost",
        )
        .unwrap();
        self.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=relay -keyout new.key -out new.csr",
        );
        self.openssl(&format!(
            "x509 -req -in new.csr -CA ca.pem -CAkey ca.key -set_serial {serial} -days {days} -extfile names -out new.pem"
        ));
        // One after the other, as programs do that renew certificates.
        fs::rename(self.path("new.pem"), &self.certificate).unwrap();
        fs::rename(self.path("new.key"), &self.key).unwrap();
    }

    pub(super) fn authority(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub(super) fn certificate(&self) -> &Path {
        &self.certificate
    }

    /// The settings of a server with them.
    pub(crate) fn settings(&self) -> [(&'static str, &str); 2] {
        settings(&self.certificate, &self.key)
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn openssl(&self, arguments: &str) {
        let output = Command::new("openssl")
            .args(arguments.split(' '))
            .current_dir(self.folder.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output.stderr));
    }

    /// What `openssl s_client` says of a server, and what that answers to a request.
    pub(super) fn client(&self, url: &str, arguments: &[&str]) -> (bool, String) {
        let address = url.split("://").nth(1).unwrap();
        let mut child = Command::new("openssl")
            .args(["s_client", "-connect", address, "-CAfile"])
            .arg(self.authority())
            .args(["-verify_return_error", "-ign_eof"])
            .args(arguments)
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let request =
            format!("GET /health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
        // It may have ended before it reads.
        let _ = child.stdin.take().unwrap().write_all(request.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = said(&output.stdout) + &said(&output.stderr);
        (output.status.success(), text)
    }
}

/// The settings of a server with these files.
pub(super) fn settings<'a>(certificate: &'a Path, key: &'a Path) -> [(&'static str, &'a str); 2] {
    [
        ("TLS_CERT_FILE", certificate.to_str().unwrap()),
        ("TLS_KEY_FILE", key.to_str().unwrap()),
    ]
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
