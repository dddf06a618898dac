//! What has to be done before anything is written to a client. It must not know what that is.

use std::fmt;
use std::sync::Arc;

/// An action that runs before each write to a client. It must not block.
#[derive(Clone)]
pub(crate) struct BeforeWrite(Arc<dyn Fn() + Send + Sync>);

impl BeforeWrite {
    /// Runs `action`.
    pub(crate) fn new(action: impl Fn() + Send + Sync + 'static) -> Self {
        Self(Arc::new(action))
    }

    pub(super) fn run(&self) {
        (self.0)();
    }
}

impl fmt::Debug for BeforeWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeforeWrite")
    }
}
