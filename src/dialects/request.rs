//! One event's turn: what its handler needs, and the answer that is given exactly once.

use std::sync::Arc;

use serde::Serialize;
use socketioxide::extract::AckSender;

use crate::app::App;
use crate::audit;
use crate::connection::Connection;
use crate::model::{Dialect, ErrorCode};
use crate::payload::{FrameSizes, RawEvent};

/// An event that is being handled.
#[derive(Debug)]
pub struct Request<'a> {
    /// The relay.
    pub app: &'a Arc<App>,
    /// Who sent it.
    pub connection: &'a Arc<Connection>,
    /// What was sent.
    pub event: &'a RawEvent,
    ack: Option<Ack>,
}

struct Ack(AckSender);

impl std::fmt::Debug for Ack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Ack")
    }
}

/// The answer to a callback where a dialect names no other.
#[derive(Serialize)]
struct Success {
    success: bool,
}

#[derive(Serialize)]
struct Failure<'a> {
    success: bool,
    error: FailureReason<'a>,
}

#[derive(Serialize)]
struct FailureReason<'a> {
    message: &'a str,
    code: ErrorCode,
}

impl<'a> Request<'a> {
    /// A turn for an event, with its callback if the client gave one.
    pub fn new(
        app: &'a Arc<App>,
        connection: &'a Arc<Connection>,
        event: &'a RawEvent,
        ack: AckSender,
    ) -> Self {
        let ack = event.wants_ack().then_some(Ack(ack));
        Self {
            app,
            connection,
            event,
            ack,
        }
    }

    /// Whether the dialect is served and may be spoken on this connection.
    pub fn accepts(&self, dialect: Dialect) -> bool {
        self.app.config.dialects.contains(&dialect) && self.connection.accepts_dialect(dialect)
    }

    /// Records what the sender did.
    pub fn record(&self, dialect: Dialect, event: audit::Event) {
        self.app.record(self.connection, Some(dialect), event);
    }

    /// Sends the sender a confirmation, and the callback the same.
    pub fn confirm<T: Serialize>(&mut self, event: &'static str, payload: &T) {
        self.connection.send(event, payload);
        if let Some(Ack(ack)) = self.ack.take() {
            self.connection.acknowledge(ack, payload);
        }
    }

    /// Answers a callback that was not answered yet with an object that becomes frames of these
    /// sizes.
    pub fn answer<T: Serialize>(&mut self, payload: &T, frames: &FrameSizes) {
        if let Some(Ack(ack)) = self.ack.take() {
            self.connection.acknowledge_with(ack, payload, frames);
        }
    }

    /// Answers a callback that was not answered yet with a small object.
    pub fn answer_small<T: Serialize>(&mut self, payload: &T) {
        if let Some(Ack(ack)) = self.ack.take() {
            self.connection.acknowledge(ack, payload);
        }
    }

    /// Answers a callback that was not answered yet with success.
    pub fn succeed(&mut self) {
        if let Some(Ack(ack)) = self.ack.take() {
            self.connection.acknowledge(ack, &Success { success: true });
        }
    }

    /// Answers a callback that was not answered yet with a failure.
    pub fn fail(&mut self, message: &str, code: ErrorCode) {
        if let Some(Ack(ack)) = self.ack.take() {
            let error = FailureReason { message, code };
            self.connection.acknowledge(
                ack,
                &Failure {
                    success: false,
                    error,
                },
            );
        }
    }
}
