//! How often an event may be handled: it is counted as the actions of its row, and refused over their rates, or waits until
//! it is allowed. It must not know what the rates are.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use futures_util::poll;

use super::Request;
use crate::limits::Action;
use crate::metrics::refusals::{self, Limit};
use crate::model::Refusal;
use crate::users::Member;

/// How often it is looked whether an event that waits is allowed, and its client still there: nothing tells of either.
const POLL: Duration = Duration::from_millis(20);
/// How long receipts of a client that is gone wait until they are allowed.
const RECEIPT_TIME: Duration = Duration::from_secs(10);
/// How long one message more than is allowed is waited for: what is written while a client is away comes all at once.
const MAX_WAIT: Duration = Duration::from_secs(2);

impl Request<'_> {
    /// Counts it as the actions of its row, and waits for those that are read more slowly over their rate.
    ///
    /// # Errors
    /// Another one is over its rate.
    pub(in crate::dialects) async fn check_limits(&self) -> Result<(), Refusal> {
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
            let waited = Box::pin(self.wait_for_message()).await;
            waited.inspect_err(|_| refusals::limited(Limit::Message))?;
        }
        let mut limits = limits.iter().filter(|one| **one != Action::Messages);
        match limits.find(|action| !self.is_allowed(**action)) {
            None => Ok(()),
            Some(action) => {
                if *action == Action::Signals {
                    refusals::limited(Limit::Signal);
                }
                Err(Refusal::rate_limited())
            }
        }
    }

    /// Waits until it is allowed as one that subscribes.
    ///
    /// # Errors
    /// Its client is gone.
    async fn wait_for_subscription(&self) -> Result<(), Refusal> {
        let is_allowed = || match self.member {
            Some(member) => member.user.limits().subscriptions.allows(),
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
        let is_soon = self.config.message_rate.interval() <= MAX_WAIT;
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
    pub(in crate::dialects) async fn wait_for_question(&self) -> Result<(), Refusal> {
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
    pub(in crate::dialects) fn is_allowed(&self, action: Action) -> bool {
        match action {
            Action::Messages => match self.member {
                Some(member) => member.user.limits().messages.allows(),
                None => self.connection.allows_guest_message(),
            },
            Action::SlowedMessages => match self.member {
                Some(member) => member.user.limits().slowed_messages.allows(),
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
                    let stored = &member.user.limits().stored_bytes;
                    stored.allows_cost(self.event.size())
                }
                None => true,
            },
            // Over REST only.
            Action::NewConversations
            | Action::NewParticipants
            | Action::Offsets
            | Action::Publications => true,
            // It is waited for instead of being refused: before the handler, or by it (`wait_for_limit`).
            Action::Subscriptions | Action::FileBytes | Action::Receipts | Action::Output => true,
        }
    }

    /// Waits until its bytes, or it as a receipt, are allowed, if its row says that they are limited. A
    /// sender over that rate is not refused, but handled, and so read, more slowly.
    ///
    /// # Errors
    /// It is one of many receipts of a client that is gone: its end must not wait for all that it had sent.
    pub(in crate::dialects) async fn wait_for_limit(&self, member: &Member) -> Result<(), Refusal> {
        let limits = self.row.map_or(&[][..], |row| row.limits);
        if limits.contains(&Action::FileBytes) {
            let bytes = self.event.size();
            let limits = member.user.limits();
            let mut allowed = std::pin::pin!(limits.file_bytes.wait_for(bytes));
            if poll!(&mut allowed).is_pending() {
                refusals::limited(Limit::File);
                allowed.await;
            }
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
    pub(in crate::dialects) fn is_gone(&self) -> bool {
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
    pub(in crate::dialects) async fn pay_for_output(&self, bytes: usize) {
        let address = self.connection.client.address;
        let paid = async {
            match self.member {
                Some(member) => member.user.limits().output.wait_for_bytes(bytes).await,
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
}
