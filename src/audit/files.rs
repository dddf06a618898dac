//! The spool, with what was written to it last and is still in memory.

use super::spool::{Chunk, Recent, Spool};
use super::state::MAX_RECORDS_PER_WRITE;

pub(super) struct Files {
    pub(super) spool: Spool,
    /// What was written to it last.
    recent: Recent,
    /// An empty buffer for the next tail.
    pub(super) spare: Vec<u8>,
}

impl Files {
    pub(super) fn new(spool: Spool) -> Self {
        Self {
            spool,
            recent: Recent::default(),
            spare: Vec::new(),
        }
    }

    /// Keeps what was just written to the spool.
    pub(super) fn remember(&mut self, frames: &[u8]) {
        if let Some(end) = self.spool.end() {
            self.recent.add(frames, end);
        }
    }

    /// A chunk is not needed any more.
    pub(super) fn reuse(&mut self, chunk: Chunk) {
        self.recent.reuse(chunk);
    }

    /// The oldest records that are not settled, if they are still in memory.
    pub(super) fn recall(&mut self) -> Option<Chunk> {
        let begin = self.spool.begin()?;
        self.recent.take(begin, MAX_RECORDS_PER_WRITE)
    }
}
