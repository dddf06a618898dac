//! Who the two sides of a pair are, and how they introduce themselves. It connects nobody.

use anyhow::Result;

use super::client::Introduction;
use super::{Order, payload};
use crate::work::{Event, Exchange};

/// The sender and the receiver of a pair.
pub(super) struct Parties {
    event: Event,
    pub(super) sender: String,
    /// A user, or a session.
    pub(super) receiver: String,
}

impl Parties {
    pub(super) fn new(exchange: &Exchange, number: u32) -> Self {
        let receiver = match exchange.event {
            Event::Message | Event::FileChunk => format!("recipient-{number}"),
            // A session outlives its round in the server, and with it the ids of its messages.
            Event::SessionMessage => format!("session-{}-{number}", std::process::id()),
        };
        Self {
            event: exchange.event,
            sender: format!("sender-{number}"),
            receiver,
        }
    }

    pub(super) fn sender(&self, order: &Order) -> Result<Introduction> {
        match self.event {
            Event::Message | Event::FileChunk => Introduction::new(order, &self.sender),
            Event::SessionMessage => Ok(self.member(order, &self.sender, false)),
        }
    }

    /// The first receiver creates the session.
    pub(super) fn receiver(&self, order: &Order, number: u32) -> Result<Introduction> {
        match self.event {
            Event::Message | Event::FileChunk => Introduction::new(order, &self.receiver),
            Event::SessionMessage => {
                Ok(self.member(order, &format!("member-{number}"), number == 0))
            }
        }
    }

    fn member(&self, order: &Order, user: &str, is_creator: bool) -> Introduction {
        let join = payload::join(&self.receiver, user, is_creator);
        Introduction::member(order, &self.receiver, &join)
    }
}
