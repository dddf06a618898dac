//! What the relay allocates, so that more than that fails: how often for a message, and how much for a connection that does
//! nothing. It runs in this process, whose allocator counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and may print"
)]

mod idle;
mod message;
mod relay;

use std::sync::{Mutex, MutexGuard, PoisonError};

#[global_allocator]
static ALLOCATOR: dhat::Alloc = dhat::Alloc;

/// The process has one heap: what is counted there, is counted by itself.
static HEAP: Mutex<()> = Mutex::new(());

/// Counts until it is dropped.
struct Counted {
    _profiler: dhat::Profiler,
    _heap: MutexGuard<'static, ()>,
}

/// What is allocated from now on counts. With `HEAP_PROFILE` the file of this name is written, which says what for.
fn counted() -> Counted {
    let heap = HEAP.lock().unwrap_or_else(PoisonError::into_inner);
    let profiler = match std::env::var_os("HEAP_PROFILE") {
        Some(file) => dhat::Profiler::builder()
            .file_name(file)
            .trim_backtraces(Some(40)),
        None => dhat::Profiler::builder().testing(),
    };
    Counted {
        _profiler: profiler.build(),
        _heap: heap,
    }
}
