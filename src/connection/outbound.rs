//! What others may hold of a connection: they send to it (`sending`), see how far it lags, name it
//! in records, and ask for its end (`close`). Its stages are in `life`; it must not know what any
//! event means.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use socketioxide::extract::SocketRef;
use socketioxide::socket::Sid;

use super::deferred::Deferred;
use super::dialect_cell::DialectCell;
use super::gate::Gate;
use super::guest::GuestBudget;
use super::places::Place;
use super::{Client, ConnectionId};
use crate::access_log;
use crate::audit::{Audit, AuditText, Event, Record, Source};
use crate::config::LiveConfig;
use crate::limits::{Action, Limit};
use crate::metrics::connections::{HandshakeOutcome, Tally};
use crate::metrics::{Counter, dialects};
use crate::model::{Dialect, DisconnectReason, Identity};
use crate::payload::SocketPacket;
use crate::transport::{Attach, Flow};

/// The shortest time between two errors to one client about events that no dialect has.
const ERROR_INTERVAL: Duration = Duration::from_secs(1);

/// One client connection, as others see it.
#[derive(Debug)]
pub(crate) struct Connection {
    /// Names this connection in records.
    pub(crate) id: ConnectionId,
    /// Where it comes from.
    pub(crate) client: Client,
    /// Limits typing and presence of this connection.
    pub(crate) signals: Limit,
    /// Limits its receipts.
    pub(crate) receipts: Limit,
    /// Limits the messages of a guest. Those of a user are counted over all their connections.
    guest_messages: Option<Box<Limit>>,
    /// Limits those beyond that which are waited for.
    guest_slowed: OnceLock<Box<Limit>>,
    /// Limits questions that are waited for.
    slowed_questions: OnceLock<Box<Limit>>,
    /// Limits what a guest joins and leaves.
    guest_subscriptions: OnceLock<Box<Limit>>,
    guest: GuestBudget,
    /// The event that is being handled was refused, and how many may be, once one was.
    is_refused: AtomicBool,
    refusals: OnceLock<Box<Limit>>,
    dialect: DialectCell,
    pub(super) socket: SocketRef,
    /// Its client was sent CONNECT.
    is_welcome: AtomicBool,
    /// Where it is written, once it is attached.
    pub(super) output: OnceLock<Arc<dyn Attach>>,
    pub(super) flow: Arc<Flow>,
    pub(super) gate: Gate,
    /// What waits for its turn. Few connections ever have any.
    pub(super) deferred: OnceLock<Box<Deferred>>,
    /// `None`: its session is being ended.
    place: Option<Arc<Place>>,
    /// How records name it while it has no user.
    guest_source: OnceLock<Arc<Source>>,
    /// The same with its user.
    source: Mutex<Option<Arc<Source>>>,
    pub(super) close_reason: Mutex<Option<DisconnectReason>>,
    admitted: Instant,
    last_error_at: Mutex<Option<Instant>>,
    over_limit: AtomicU64,
}

/// A limit that most connections never need.
fn made<'a>(limit: &'a OnceLock<Box<Limit>>, config: &LiveConfig, action: Action) -> &'a Limit {
    limit.get_or_init(|| Box::new(Limit::new(config, action)))
}

impl Connection {
    /// A connection that is being admitted. What is sent to it waits until it is
    /// [opened](Self::open_with).
    pub(super) fn new(
        socket: SocketRef,
        client: Client,
        is_guest: bool,
        flow: Arc<Flow>,
        place: Option<Arc<Place>>,
        config: &LiveConfig,
    ) -> Self {
        Self {
            id: ConnectionId::random(),
            signals: Limit::new(config, Action::Signals),
            receipts: Limit::new(config, Action::Receipts),
            guest_messages: is_guest.then(|| Box::new(Limit::new(config, Action::Messages))),
            guest_slowed: OnceLock::new(),
            slowed_questions: OnceLock::new(),
            guest_subscriptions: OnceLock::new(),
            guest: GuestBudget::new(is_guest.then_some(config.now().guest_max_bytes)),
            is_refused: AtomicBool::new(false),
            refusals: OnceLock::new(),
            dialect: DialectCell::new(client.declared),
            socket,
            is_welcome: AtomicBool::new(false),
            output: OnceLock::new(),
            flow,
            gate: Gate::held(),
            deferred: OnceLock::new(),
            place,
            guest_source: OnceLock::new(),
            source: Mutex::default(),
            client,
            close_reason: Mutex::default(),
            admitted: Instant::now(),
            last_error_at: Mutex::default(),
            over_limit: AtomicU64::new(0),
        }
    }

    // Who it is.

    /// The library's id of this connection: a secret of its client.
    pub(crate) fn socket_id(&self) -> Sid {
        self.socket.id
    }

    /// How records name this connection without a user.
    pub(crate) fn guest_source(&self) -> &Arc<Source> {
        let made = || self.client.source(Some(self.id), None);
        self.guest_source.get_or_init(made)
    }

    /// How records name this connection, and its user if it has one.
    pub(crate) fn source(&self) -> Arc<Source> {
        let source = self.source.lock().clone();
        source.unwrap_or_else(|| self.guest_source().clone())
    }

    /// Records what its client did.
    pub(crate) fn record(&self, audit: &Audit, dialect: Option<Dialect>, event: Event) {
        audit.record(Record::new(&self.source(), dialect, event));
    }

    /// Records name this user from now on; how they do.
    pub(crate) fn identify(&self, identity: &Identity) -> Arc<Source> {
        let source = self.client.source(Some(self.id), Some(identity));
        *self.source.lock() = Some(source.clone());
        self.flow.counted().has_user();
        source
    }

    /// It is admitted, and counts as open from now on.
    pub(super) fn note_open(&self) {
        let is_guest = self.guest_messages.is_some();
        let has_tally = access_log::is_on();
        let counted = self.flow.counted();
        counted.open(self.client.declared, is_guest, has_tally);
    }

    /// It has ended for this reason, if it was open.
    pub(super) fn note_end(&self, reason: DisconnectReason) {
        let was_open = self.flow.counted().close(reason, self.age());
        if was_open && access_log::is_on() {
            self.log_end(reason);
        }
    }

    fn log_end(&self, reason: DisconnectReason) {
        let counted = self.flow.counted();
        let tally = |of: fn(&Tally) -> &Counter| counted.tally().map_or(0, |all| of(all).get());
        let source = self.source();
        let connection = access_log::Connection {
            session: self.id.uuid(),
            dialect: dialects::name(self.client.declared),
            transport: counted.transport(),
            events_in: tally(|all| &all.events_in),
            events_out: tally(|all| &all.events_out),
            reason: reason.as_str(),
        };
        let client = access_log::Client {
            node: &self.client.node,
            address: self.client.address,
            user_agent: self.client.user_agent.as_ref().map(AuditText::as_str),
            user: source.user.as_deref(),
            bytes_in: tally(|all| &all.bytes_in),
            bytes_out: tally(|all| &all.bytes_out),
            duration: self.age(),
        };
        access_log::ended(&connection, &client);
    }

    /// The dialect it counts as: the declared one, else the first other one that it used, else
    /// `direct`.
    pub(crate) fn dialect(&self) -> Dialect {
        self.dialect.get()
    }

    /// The dialect that it counted as before it used another one.
    pub(crate) fn first_dialect(&self) -> Dialect {
        self.dialect.first()
    }

    /// When it used another one first.
    pub(crate) fn turned_at(&self) -> Option<Instant> {
        self.dialect.turned_at()
    }

    /// It sent an event that only this dialect has. `true`: it counts as this dialect only now.
    pub(crate) fn imply_dialect(&self, dialect: Dialect) -> bool {
        self.dialect.imply(dialect)
    }

    /// Whether events of this dialect are accepted on it.
    pub(crate) fn accepts_dialect(&self, dialect: Dialect) -> bool {
        self.dialect.accepts(dialect)
    }

    /// How long ago it was admitted.
    pub(crate) fn age(&self) -> Duration {
        self.admitted.elapsed()
    }

    // What it may do.

    /// Whether the bounds of guests hold: it neither authenticated nor was in a session so far.
    pub(crate) fn has_guest_bounds(&self) -> bool {
        self.guest.is_bounded()
    }

    /// The bounds of guests no longer hold: it authenticated, or joined a session.
    pub(crate) fn lift_guest_bounds(&self) {
        self.guest.lift();
        if let Some(carrier) = self.flow.carrier() {
            carrier.allow(None);
        }
    }

    /// Counts the bytes of an event; whether it may send as many.
    pub(crate) fn allows_guest_bytes(&self, bytes: usize) -> bool {
        self.guest.take(bytes)
    }

    /// Counts a message of a guest; whether it is allowed.
    pub(crate) fn allows_guest_message(&self) -> bool {
        self.guest_messages
            .as_ref()
            .is_none_or(|limit| limit.allows())
    }

    /// Counts a message of a guest beyond those; whether it is waited for.
    pub(crate) fn slows_guest_message(&self, config: &LiveConfig) -> bool {
        made(&self.guest_slowed, config, Action::SlowedMessages).allows()
    }

    /// Counts a question beyond the rate; whether it is waited for.
    pub(crate) fn slows_question(&self, config: &LiveConfig) -> bool {
        made(&self.slowed_questions, config, Action::SlowedQuestions).allows()
    }

    /// Counts that a guest joins or leaves something; whether it is allowed yet.
    pub(crate) fn allows_guest_subscription(&self, config: &LiveConfig) -> bool {
        made(&self.guest_subscriptions, config, Action::Subscriptions).allows()
    }

    /// Whether an error that is sent at most once a second may be sent now.
    pub(crate) fn may_send_error(&self) -> bool {
        let mut last = self.last_error_at.lock();
        let may = last.is_none_or(|at| at.elapsed() >= ERROR_INTERVAL);
        if may {
            *last = Some(Instant::now());
        }
        may
    }

    /// The event that is being handled is refused.
    pub(crate) fn note_refusal(&self) {
        self.is_refused.store(true, Ordering::Relaxed);
    }

    /// Waits after an event that was refused, if too many were.
    pub(super) async fn wait_if_refused(&self, config: &LiveConfig) {
        if !self.is_refused.load(Ordering::Relaxed) {
            return;
        }
        self.is_refused.store(false, Ordering::Relaxed);
        // What it sent before its end is not held up.
        if self.flow.gone_for().is_none() {
            let limit = made(&self.refusals, config, Action::Refusals);
            // In a box: it would need room with each event.
            Box::pin(limit.wait_for(NonZeroU32::MIN)).await;
        }
    }

    /// Counts one event over a limit.
    pub(crate) fn count_over_limit(&self) {
        self.over_limit.fetch_add(1, Ordering::Relaxed);
    }

    /// How many events were over a limit since the last call.
    pub(super) fn take_over_limit(&self) -> u64 {
        match self.over_limit.load(Ordering::Relaxed) {
            0 => 0,
            _ => self.over_limit.swap(0, Ordering::Relaxed),
        }
    }

    // Its transport.

    /// Flow control of this connection.
    pub(crate) fn flow(&self) -> &Arc<Flow> {
        &self.flow
    }

    /// Asks its client for a sign of life; see [`Flow::silence`].
    pub(crate) fn ask(&self) {
        if let Some(carrier) = self.flow.carrier() {
            carrier.ask();
        }
    }

    /// How long a client that is there may be silent by reading what it was sent, if it takes so many bytes per second.
    pub(crate) fn reading_time(&self, rate: u64) -> Duration {
        let carrier = self.flow.carrier();
        carrier.map_or(Duration::ZERO, |carrier| carrier.reading_time(rate))
    }

    /// This carries it from now on.
    pub(super) fn attach(&self, carrier: Arc<dyn Attach>, guest_max_bytes: u64) {
        self.flow.open();
        carrier.clone().carry(&self.flow);
        carrier.allow(self.has_guest_bounds().then_some(guest_max_bytes));
        // It is attached once.
        let _ = self.output.set(carrier);
    }

    /// Sends CONNECT, which comes before all else.
    pub(super) fn welcome(&self) {
        self.write(&SocketPacket::connect(
            self.socket.id,
            self.socket.protocol(),
        ));
        self.is_welcome.store(true, Ordering::Release);
        let outcome = match self.guest_messages {
            Some(_) => HandshakeOutcome::Guest,
            None => HandshakeOutcome::Admitted,
        };
        if let Some(place) = &self.place {
            place.handshake_ended(outcome);
        }
    }

    /// Whether the client was sent CONNECT, and has not disconnected since.
    pub(super) fn is_connected(&self) -> bool {
        self.is_welcome.load(Ordering::Acquire) && self.socket.connected()
    }
}
