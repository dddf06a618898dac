//! How a Socket.IO connection comes to what carries it. It must not know what that is.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::carrier::Carrier;
use super::flow::Flow;
use super::receive::Receive;
use crate::payload::SocketPacket;

/// What can carry a connection from its admission on.
pub(crate) trait Attach: Carrier {
    /// Flow control of the connection that it carries, or carried last.
    fn carried(&self) -> Option<Arc<Flow>>;

    /// Carries the connection of this flow control from now on.
    fn carry(self: Arc<Self>, flow: &Arc<Flow>);

    /// What its client sends of events comes to this from now on.
    fn deliver_to(&self, receiver: Weak<dyn Receive>);

    /// Writes a packet to its client, behind those before it and what the library has written.
    fn write(self: Arc<Self>, packet: &SocketPacket);

    /// Carries an administrator from now on, beside the connection of a client or instead of one: as long as it does, no
    /// deadline of entering ends it.
    fn carry_admin(&self);

    /// Carries no administrator any more. Who carries nothing else is closed when its client does not within `grace`.
    fn leave_admin(self: Arc<Self>, grace: Duration);

    /// Writes a packet to an administrator, who may be without one: `false`, and it is not taken, if more waits for its
    /// client already than a client that reads leaves waiting.
    fn offer(self: Arc<Self>, packet: &SocketPacket) -> bool;

    /// Writes no more packets: what the library writes next is the end of the connection.
    fn end_packets(&self);
}
