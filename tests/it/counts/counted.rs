//! A relay whose system calls are counted, by a library that is preloaded.

use std::fs::{self, File};
use std::ops::Sub;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use test_support::harness::Relay;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/counts/shim.c");

/// What is counted, as `shim.c` has it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Call {
    /// Reading of a connection.
    Receive,
    /// Writing to a connection.
    Send,
    /// Waiting for connections and timers.
    Wait,
    /// Writing to a file, or waking a thread.
    Write,
    /// Having a file on the disk.
    Flush,
}

/// How often each was made.
#[derive(Debug, Clone, Copy)]
pub(super) struct Calls([u64; 5]);

impl Calls {
    /// How often this was made for each of so many.
    pub(super) fn each(&self, of: u64, call: Call) -> f64 {
        self.0[call as usize] as f64 / of as f64
    }

    /// Fails where this was made more often, for each of so many.
    pub(super) fn at_most(&self, of: u64, call: Call, most: f64) {
        let each = self.each(of, call);
        println!("{call:?}: {each:.2}");
        assert!(each <= most, "{call:?}: {each:.2} each, {self:?}");
    }
}

impl Sub for Calls {
    type Output = Self;

    fn sub(self, before: Self) -> Self {
        Self(std::array::from_fn(|call| self.0[call] - before.0[call]))
    }
}

/// Such a relay.
pub(super) struct Counted {
    pub(super) relay: Relay,
    folder: tempfile::TempDir,
}

impl Counted {
    pub(super) fn start(env: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = counts(folder.path());
        File::create(&file)
            .unwrap()
            .set_len(size_of::<Calls>() as u64)
            .unwrap();
        let counting = [
            ("LD_PRELOAD", shim().to_str().unwrap()),
            ("COUNTS_FILE", file.to_str().unwrap()),
        ];
        let relay = crate::program::start(&[&counting, env].concat());
        Self { relay, folder }
    }

    /// The calls until now.
    pub(super) fn calls(&self) -> Calls {
        let bytes = fs::read(counts(self.folder.path())).unwrap();
        let (counts, _) = bytes.as_chunks::<8>();
        Calls(std::array::from_fn(|call| u64::from_ne_bytes(counts[call])))
    }
}

fn counts(folder: &Path) -> PathBuf {
    folder.join("counts")
}

/// The library, built once.
fn shim() -> &'static Path {
    static SHIM: OnceLock<PathBuf> = OnceLock::new();
    SHIM.get_or_init(|| {
        let library = Path::new(env!("CARGO_TARGET_TMPDIR")).join("counts.so");
        let built = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o"])
            .args([&library, Path::new(SOURCE)])
            .status();
        assert!(built.expect("a C compiler").success());
        library
    })
}
