//! The room that a thread reads into: connections that keep nothing need none of their own. It must not be used by two at
//! once, so whoever uses it has it taken out.

use std::cell::Cell;

/// Bytes that are read at once.
pub(super) const BYTES: usize = 64 * 1024;

thread_local! {
    static SPARE: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// An empty buffer, that of the thread if nobody uses it.
pub(super) fn take() -> Vec<u8> {
    let mut spare = SPARE.take();
    spare.reserve_exact(BYTES);
    spare
}

/// Whether this is such a buffer, by its size.
pub(super) fn is_one(buffer: &Vec<u8>) -> bool {
    buffer.capacity() == BYTES
}

/// It is used no more. One of another size is freed.
pub(super) fn give_back(mut buffer: Vec<u8>) {
    if is_one(&buffer) {
        buffer.clear();
        SPARE.set(buffer);
    }
}
