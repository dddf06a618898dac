//! An event that is being handled: what its handler needs, its rate limit, and the answer, which is
//! given exactly once. It must not know an event's name.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use socketioxide::extract::AckSender;

use super::row::Row;
use crate::app::App;
use crate::audit;
use crate::connection::{Connection, Outcome};
use crate::limits::Action;
use crate::model::{Dialect, ErrorCode, Refusal};
use crate::payload::{FrameSizes, RawEvent};
use crate::users::Member;

/// How often it is looked whether an event that waits is allowed, and its client still there: nothing tells of either.
const POLL: Duration = Duration::from_millis(20);
/// How long receipts of a client that is gone wait until they are allowed.
const RECEIPT_TIME: Duration = Duration::from_secs(10);
/// How long one message more than is allowed is waited for: what is written while a client is away comes all at once.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// An event that is being handled.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The services.
    pub(crate) app: &'a Arc<App>,
    /// The connection that sent it.
    pub(crate) connection: &'a Arc<Connection>,
    /// The user of the connection; `None` for a guest.
    pub(crate) member: Option<&'a Member>,
    /// What was sent.
    pub(crate) event: &'a RawEvent,
    /// Its row, once it is known which dialect's event it is.
    row: Option<&'static Row>,
    ack: Option<Ack>,
    /// It was too early before.
    is_again: bool,
    /// It may be too early.
    may_be_early: bool,
    /// Events that were too early may not be any more.
    has_joined: bool,
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
    /// An event that came in, with its callback if the client gave one.
    pub(crate) fn new(
        app: &'a Arc<App>,
        connection: &'a Arc<Connection>,
        member: Option<&'a Member>,
        event: &'a RawEvent,
        ack: AckSender,
    ) -> Self {
        Self {
            app,
            connection,
            member,
            event,
            row: None,
            ack: Some(Ack(ack)),
            is_again: false,
            may_be_early: false,
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

    /// Whether it may be too early.
    pub(super) fn may_be_early(&self) -> bool {
        self.may_be_early
    }

    /// It is too early, and not answered.
    pub(super) fn too_early(mut self) -> Outcome {
        let ack = self.ack.take();
        ack.map_or(Outcome::Done, |Ack(ack)| Outcome::TooEarly(ack))
    }

    /// It is done. Events that were too early may not be any more.
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

    /// The callback, if the client gave one and it is not answered yet.
    fn take_ack(&mut self) -> Option<AckSender> {
        let ack = self.ack.take_if(|_| self.event.wants_ack());
        ack.map(|Ack(ack)| ack)
    }

    /// It is the event of this row.
    pub(super) fn resolve(&mut self, row: &'static Row) {
        self.row = Some(row);
    }

    /// Whether the dialect is served and may be used on this connection.
    pub(crate) fn accepts(&self, dialect: Dialect) -> bool {
        self.app.config.dialects.contains(&dialect) && self.connection.accepts_dialect(dialect)
    }

    /// Counts it as the actions of its row, and waits for those that are read more slowly over their rate.
    ///
    /// # Errors
    /// Another one is over its rate.
    pub(super) async fn check_limits(&self) -> Result<(), Refusal> {
        if self.is_again {
            // It was counted when it came.
            return Ok(());
        }
        let limits = self.row.map_or(&[][..], |row| row.limits);
        if limits.contains(&Action::Subscriptions) {
            // Boxed, so that others need little room.
            Box::pin(self.wait_for_subscription()).await?;
        }
        if limits.contains(&Action::Messages) && !self.is_allowed(Action::Messages) {
            Box::pin(self.wait_for_message()).await?;
        }
        let mut limits = limits.iter().filter(|one| **one != Action::Messages);
        match limits.all(|action| self.is_allowed(*action)) {
            true => Ok(()),
            false => Err(Refusal::rate_limited()),
        }
    }

    /// Waits until it is allowed as one that subscribes.
    ///
    /// # Errors
    /// Its client is gone.
    async fn wait_for_subscription(&self) -> Result<(), Refusal> {
        let is_allowed = || match self.member {
            Some(member) => member.user.limits.subscriptions.allows(),
            None => {
                let config = &self.app.config;
                self.connection.allows_guest_subscription(config)
            }
        };
        self.wait_until(is_allowed, |_| self.is_gone()).await
    }

    /// Waits until it is allowed as one more message, where that is soon, and not of too many.
    ///
    /// # Errors
    /// It is not waited for, or not allowed for so long.
    async fn wait_for_message(&self) -> Result<(), Refusal> {
        let is_soon = self.app.config.message_rate.interval() <= MAX_WAIT;
        match is_soon && self.is_allowed(Action::SlowedMessages) {
            true => {
                let is_allowed = || self.is_allowed(Action::Messages);
                self.wait_until(is_allowed, |waited| waited >= MAX_WAIT)
                    .await
            }
            false => Err(Refusal::rate_limited()),
        }
    }

    /// Waits until it is allowed as one more question, where that is soon, and not of too many.
    ///
    /// # Errors
    /// It is not waited for, or its client is gone.
    pub(super) async fn wait_for_question(&self) -> Result<(), Refusal> {
        let questions = &self.connection.receipts;
        if questions.allows() {
            return Ok(());
        }
        match self.is_allowed(Action::SlowedQuestions) {
            true => {
                let gives_up = |waited| self.is_gone() || waited >= MAX_WAIT;
                self.wait_until(|| questions.allows(), gives_up).await
            }
            false => Err(Refusal::rate_limited()),
        }
    }

    /// Waits until it is allowed, unless that is given up after having waited so long.
    ///
    /// # Errors
    /// It is given up.
    async fn wait_until(
        &self,
        is_allowed: impl Fn() -> bool,
        gives_up: impl Fn(Duration) -> bool,
    ) -> Result<(), Refusal> {
        let since = Instant::now();
        while !is_allowed() {
            if gives_up(since.elapsed()) {
                return Err(Refusal::rate_limited());
            }
            tokio::time::sleep(POLL).await;
        }
        Ok(())
    }

    /// Counts an action; whether it is allowed.
    pub(super) fn is_allowed(&self, action: Action) -> bool {
        match action {
            Action::Messages => match self.member {
                Some(member) => member.user.limits.messages.allows(),
                None => self.connection.allows_guest_message(),
            },
            Action::SlowedMessages => match self.member {
                Some(member) => member.user.limits.slowed_messages.allows(),
                None => self.connection.slows_guest_message(&self.app.config),
            },
            Action::SlowedQuestions => self.connection.slows_question(&self.app.config),
            Action::Signals => self.connection.signals.allows(),
            // Counted before there is a connection, where it is known whether a session is made, and when it
            // is known that an event is refused or has failed.
            Action::Handshakes
            | Action::Joins
            | Action::NewSessions
            | Action::Refusals
            | Action::FailedAuth => true,
            Action::StoredBytes => match self.member {
                Some(member) => {
                    let stored = &member.user.limits.stored_bytes;
                    stored.allows_cost(self.event.size())
                }
                None => true,
            },
            // Over REST only.
            Action::NewConversations | Action::NewParticipants | Action::Offsets => true,
            // It is waited for instead of being refused: before the handler, or by it (`wait_for_limit`).
            Action::Subscriptions | Action::FileBytes | Action::Receipts | Action::Output => true,
        }
    }

    /// Waits until its bytes, or it as a receipt, are allowed, if its row says that they are limited. A
    /// sender over that rate is not refused, but handled, and so read, more slowly.
    ///
    /// # Errors
    /// It is one of many receipts of a client that is gone: its end must not wait for all that it had sent.
    pub(super) async fn wait_for_limit(&self, member: &Member) -> Result<(), Refusal> {
        let limits = self.row.map_or(&[][..], |row| row.limits);
        if limits.contains(&Action::FileBytes) {
            let bytes = self.event.size();
            member.user.limits.file_bytes.wait_for(bytes).await;
        }
        if limits.contains(&Action::Receipts) {
            let receipts = &self.connection.receipts;
            tokio::select! {
                biased;
                () = receipts.wait_for(NonZeroU32::MIN) => {}
                () = self.is_gone_for(RECEIPT_TIME) => return Err(Refusal::rate_limited()),
            }
        }
        Ok(())
    }

    /// Whether its client is gone, whose end must not wait for all that it had sent.
    fn is_gone(&self) -> bool {
        self.connection.flow().gone_for().is_some()
    }

    /// Done when its client is gone for so long.
    async fn is_gone_for(&self, time: Duration) {
        let gone_for = || self.connection.flow().gone_for();
        while gone_for().is_none_or(|gone| gone < time) {
            tokio::time::sleep(POLL).await;
        }
    }

    /// Counts bytes that were sent and written for it beyond what it is, and waits until they are allowed: its
    /// client is read more slowly.
    pub(super) async fn pay_for_output(&self, bytes: usize) {
        let address = self.connection.client.address;
        let paid = async {
            match self.member {
                Some(member) => member.user.limits.output.wait_for_bytes(bytes).await,
                None => self.app.limits.wait_for_output(address, bytes).await,
            }
        };
        // Its end must not wait for that.
        tokio::select! {
            biased;
            () = paid => {}
            () = self.is_gone_for(Duration::ZERO) => {}
        }
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
        if let Some(ack) = self.take_ack() {
            self.connection.acknowledge(ack, payload);
        }
    }

    /// Answers a callback that was not answered yet with an object that becomes frames of these
    /// sizes.
    pub(crate) fn answer<T: Serialize>(&mut self, payload: &T, frames: &FrameSizes) {
        if let Some(ack) = self.take_ack() {
            self.connection.acknowledge_with(ack, payload, frames);
        }
    }

    /// Answers a callback that was not answered yet with a small object.
    pub(crate) fn answer_small<T: Serialize>(&mut self, payload: &T) {
        if let Some(ack) = self.take_ack() {
            self.connection.acknowledge(ack, payload);
        }
    }

    /// Answers a callback that was not answered yet with success.
    pub(crate) fn succeed(&mut self) {
        if let Some(ack) = self.take_ack() {
            self.connection.acknowledge(ack, &Success { success: true });
        }
    }

    /// Answers a callback that was not answered yet with a failure.
    pub(crate) fn fail(&mut self, message: &str, code: ErrorCode) {
        if let Some(ack) = self.take_ack() {
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
