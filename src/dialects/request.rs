//! An event that is being handled: what its handler needs, and the answer, which is given exactly once. It must not know
//! an event's name.

mod limits;

use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;

use super::row::Row;
use super::{accepts, traced};
use crate::app::App;
use crate::audit;
use crate::config::Config;
use crate::connection::{Connection, Outcome, Place};
use crate::model::{Dialect, ErrorCode};
use crate::payload::{AckId, Encode, FrameSizes, RawEvent};
use crate::users::{Member, Receivers};

/// An event that is being handled.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The services.
    pub(crate) app: &'a Arc<App>,
    /// The settings when it was begun.
    pub(crate) config: &'a Config,
    /// The connection that sent it.
    pub(crate) connection: &'a Arc<Connection>,
    /// The user of the connection; `None` for a guest.
    pub(crate) member: Option<&'a Member>,
    /// What was sent.
    pub(crate) event: &'a RawEvent,
    /// Its row, once it is known which dialect's event it is.
    row: Option<&'static Row>,
    ack: Option<AckId>,
    /// It was too early before.
    is_again: bool,
    /// It may be too early.
    may_be_early: bool,
    /// Its place among those of its connection that are under way.
    place: Option<Place<'a>>,
    /// Events that were too early may not be any more.
    has_joined: bool,
}

/// The answer to a callback where a dialect names no other.
#[derive(Serialize, JsonSchema)]
pub(super) struct Success {
    success: bool,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct Failure<'a> {
    success: bool,
    error: FailureReason<'a>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct FailureReason<'a> {
    message: &'a str,
    code: ErrorCode,
}

impl<'a> Request<'a> {
    /// An event that came in, with its callback if the client gave one.
    pub(crate) fn new(
        app: &'a Arc<App>,
        config: &'a Config,
        connection: &'a Arc<Connection>,
        member: Option<&'a Member>,
        event: &'a RawEvent,
    ) -> Self {
        Self {
            app,
            config,
            connection,
            member,
            event,
            row: None,
            ack: event.ack(),
            is_again: false,
            may_be_early: false,
            place: None,
            has_joined: false,
        }
    }

    /// The same, which may or may not be too early, and may have been before.
    pub(super) fn early(self, is_again: bool, may_be_early: bool) -> Self {
        Self {
            is_again,
            may_be_early,
            ..self
        }
    }

    /// The same, of which several of a connection may be under way.
    pub(super) fn placed(self, place: Place<'a>) -> Self {
        Self {
            place: Some(place),
            ..self
        }
    }

    /// Sends all that it sends to others. Those behind it may be begun until it is known whether there is a connection to
    /// receive it, on any node, and it is its [turn](Self::turn).
    pub(super) async fn hand_over<T: Encode>(
        &self,
        receivers: Receivers<'_>,
        event: &'static str,
        payload: &T,
        frames: &FrameSizes,
    ) -> bool {
        let sent = receivers.hand_over(event, payload, frames);
        if let Some(place) = self.place {
            place.handed_over();
        }
        let has_receiver = sent.has_receiver().await;
        self.turn().await;
        has_receiver
    }

    /// Done when those before it are answered.
    pub(super) async fn turn(&self) {
        if let Some(place) = self.place {
            place.turn().await;
        }
    }

    /// Whether it may be too early.
    pub(super) fn may_be_early(&self) -> bool {
        self.may_be_early
    }

    /// It is too early, and not answered.
    pub(super) fn too_early(&self) -> Outcome {
        match self.ack == self.event.ack() {
            true => Outcome::TooEarly,
            false => Outcome::Done,
        }
    }

    /// Its client has joined, or entered. Events that were too early may not be any more.
    pub(super) fn note_joined(&mut self) {
        self.has_joined = true;
    }

    /// What became of it, when it is answered.
    pub(super) fn outcome(&self) -> Outcome {
        match self.has_joined {
            true => Outcome::Joined,
            false => Outcome::Done,
        }
    }

    /// It is the event of this row.
    pub(super) fn resolve(&mut self, row: &'static Row) {
        if !self.is_again {
            row.received.inc();
        }
        self.row = Some(row);
        traced::resolved(row);
    }

    /// Whether the dialect is served and may be used on this connection.
    pub(crate) fn accepts(&self, dialect: Dialect) -> bool {
        accepts(self.config, self.connection, dialect)
    }

    /// Records what the sender did, which is what the row of the event says.
    pub(crate) fn record(&self, event: audit::Event) {
        let audited = self.row.and_then(|row| row.audit);
        debug_assert_eq!(
            Some(event.event_type()),
            audited,
            "the row names the record"
        );
        let dialect = self.row.map(|row| row.dialect);
        self.record_as(dialect, event);
    }

    /// Records something of the sender, in this dialect or in none.
    pub(super) fn record_as(&self, dialect: Option<Dialect>, event: audit::Event) {
        let source = match self.member {
            Some(member) => member.source(),
            None => self.connection.guest_source(),
        };
        let record = audit::Record::new(source, dialect, event);
        self.app.audit.record(record);
    }

    /// Sends the sender a confirmation, and the callback the same.
    pub(crate) fn confirm<T: Serialize>(&mut self, event: &'static str, payload: &T) {
        self.connection.send(event, payload);
        if let Some(ack) = self.ack.take() {
            self.connection.acknowledge(ack, payload);
        }
    }

    /// Answers a callback that was not answered yet with an object that becomes frames of these
    /// sizes.
    pub(crate) fn answer<T: Serialize>(&mut self, payload: &T, frames: &FrameSizes) {
        if let Some(ack) = self.ack.take() {
            self.connection.acknowledge_with(ack, payload, frames);
        }
    }

    /// Answers a callback that was not answered yet with a small object.
    pub(crate) fn answer_small<T: Serialize>(&mut self, payload: &T) {
        if let Some(ack) = self.ack.take() {
            self.connection.acknowledge(ack, payload);
        }
    }

    /// Answers a callback that was not answered yet with success.
    pub(crate) fn succeed(&mut self) {
        if let Some(ack) = self.ack.take() {
            self.connection.acknowledge(ack, &Success { success: true });
        }
    }

    /// Answers a callback that was not answered yet with a failure.
    pub(crate) fn fail(&mut self, message: &str, code: ErrorCode) {
        if let Some(ack) = self.ack.take() {
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
