//! How a Socket.IO connection comes to what carries it. It must not know what that is.

use std::sync::Arc;

use super::carrier::Carrier;
use super::flow::Flow;

/// What can carry a connection from its admission on.
pub(crate) trait Attach: Carrier {
    /// Flow control of the connection that it carries, or carried last.
    fn carried(&self) -> Option<Arc<Flow>>;

    /// Carries the connection of this flow control from now on.
    fn carry(self: Arc<Self>, flow: &Arc<Flow>);
}
