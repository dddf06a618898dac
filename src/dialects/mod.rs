//! The client families. Every dialect has the same shape: a table of its events, the words of its
//! refusals, handlers, and what it renders. A dialect decodes, asks a service, and answers; it
//! touches neither a store nor a room of the library, and it does not know the other dialects.
//!
//! Where an event is handled, how often it may be sent, how it is refused and what is audited of it
//! stands in one row of the table `events!` in `<dialect>/mod.rs`. This module finds the dialect that
//! has an event of a name.

mod any_dialect;
pub(crate) mod asyncapi;
pub(crate) mod auth_events;
pub(crate) mod chat;
pub(crate) mod content;
pub(crate) mod conversation;
mod described;
pub(crate) mod direct;
mod dispatcher;
mod events;
pub(crate) mod feed;
pub(crate) mod fields;
#[cfg(test)]
mod golden;
mod refuse;
mod request;
mod row;
pub(crate) mod session;
mod subject;
#[cfg(test)]
mod tests;
mod traced;

pub(crate) use dispatcher::Dispatcher;
pub(crate) use request::Request;

use std::time::Instant;

use crate::config::Config;
use crate::connection::{Connection, Life, Outcome};
use crate::conversations::Renderers;
use crate::metrics::{self, Families};
use crate::model::{Dialect, Refusal, Why};
use crate::payload::{Malformed, Payload, RawEvent};
use crate::users::PresenceRenderer;
use refuse::Words;
use row::Row;

/// How each dialect's clients are sent who is online, where it has events for that.
pub(crate) fn presence_renderers() -> Vec<PresenceRenderer> {
    vec![direct::presence::RENDERER, chat::presence::RENDERER]
}

/// What renders the events of conversations.
pub(crate) fn renderers() -> Renderers {
    Renderers {
        conversation: conversation::RENDERER,
        feed: feed::RENDERER,
        chat: chat::RENDERER,
    }
}

/// Adds how often clients sent which event.
pub(crate) fn describe(families: &mut Families) {
    metrics::events::describe_received(
        families,
        rows().map(|row| (row.dialect, row.name, row.received)),
    );
}

/// How many events have come from clients.
pub(crate) fn events_received() -> u64 {
    let of_dialects: u64 = rows().map(|row| row.received.get()).sum();
    of_dialects + metrics::events::received_of_none()
}

/// What is fixed about each event of each dialect.
fn rows() -> impl Iterator<Item = &'static Row> {
    let direct = direct::Event::ALL.iter().map(|event| event.row());
    let session = session::Event::ALL.iter().map(|event| event.row());
    let feed = feed::Event::ALL.iter().map(|event| event.row());
    let chat = chat::Event::ALL.iter().map(|event| event.row());
    let conversation = conversation::Event::ALL.iter().map(|event| event.row());
    direct
        .chain(session)
        .chain(feed)
        .chain(chat)
        .chain(conversation)
}

/// An event of one of the dialects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Direct(direct::Event),
    Session(session::Event),
    Feed(feed::Event),
    Chat(chat::Event),
    Conversation(conversation::Event),
}

impl Event {
    /// The event of a dialect that has this name.
    fn find(dialect: Dialect, name: &str) -> Option<Self> {
        match dialect {
            Dialect::Direct => direct::Event::find(name).map(Self::Direct),
            Dialect::Session => session::Event::find(name).map(Self::Session),
            Dialect::Feed => feed::Event::find(name).map(Self::Feed),
            Dialect::Chat => chat::Event::find(name).map(Self::Chat),
            Dialect::Conversation => conversation::Event::find(name).map(Self::Conversation),
        }
    }

    /// The events with this name of the dialects that a client may use: none, one, or two where dialects share the
    /// name.
    fn named(accepts: impl Fn(Dialect) -> bool, name: &str) -> (Option<Self>, Option<Self>) {
        let find = |dialect| Self::find(dialect, name).filter(|_| accepts(dialect));
        let first = Dialect::ALL.into_iter().find_map(find);
        let other = match first {
            // No other two dialects share a name.
            Some(Self::Direct(_)) => find(Dialect::Conversation),
            _ => None,
        };
        (first, other)
    }

    const fn row(self) -> &'static Row {
        match self {
            Self::Direct(event) => event.row(),
            Self::Session(event) => event.row(),
            Self::Feed(event) => event.row(),
            Self::Chat(event) => event.row(),
            Self::Conversation(event) => event.row(),
        }
    }

    fn words(self) -> &'static dyn Words {
        match self {
            Self::Direct(_) => direct::WORDS,
            Self::Session(_) => session::WORDS,
            Self::Feed(_) => feed::WORDS,
            Self::Chat(_) => chat::WORDS,
            Self::Conversation(_) => conversation::WORDS,
        }
    }

    /// Whether a client without a token may send it.
    const fn is_for_guests(self) -> bool {
        matches!(self, Self::Session(_))
    }

    /// Whether it may be begun before those that its client sent before are answered: before its turn it does nothing but to
    /// [hand something over](Request::hand_over).
    const fn goes_ahead(self) -> bool {
        use direct::Event::{delivered, read, send_key, send_message, start_typing, stop_typing};
        matches!(
            self,
            Self::Direct(send_message | send_key | start_typing | stop_typing | delivered | read)
        )
    }

    /// Whether it may be waited for the token of its client: only clients of this dialect bring theirs later, and their
    /// pages join what they show before that is answered.
    const fn waits_for_token(self) -> bool {
        matches!(self, Self::Feed(_))
    }

    /// Whether a payload says that this one is meant, of two with the same name. Of these, only those of `conversation`
    /// take an id that comes alone.
    fn is_meant(self, event: &RawEvent, payload: &Result<Payload<'_>, Malformed>) -> bool {
        let field = match self {
            Self::Conversation(_) => conversation::CONVERSATION_ID,
            Self::Direct(_) | Self::Session(_) | Self::Feed(_) | Self::Chat(_) => return false,
        };
        match payload {
            Ok(payload) => payload.get(field).is_some(),
            Err(_) => {
                let bare = self.row().bare.map(|field| event.bare(field));
                matches!(bare, Some(Ok(_)))
            }
        }
    }

    /// A client that sends this, and declared no dialect, counts as one of this dialect from now
    /// on. As one of `direct` it counts until it sends something else.
    async fn imply_dialect(self, request: &Request<'_>) {
        let dialect = self.row().dialect;
        let is_new = dialect != Dialect::Direct && request.connection.imply_dialect(dialect);
        if let Some(member) = request.member
            && is_new
            && dialect == Dialect::Chat
        {
            Box::pin(async {
                chat::enter(request.app, member).await;
                request.app.presence.sync(member).await;
            })
            .await;
        }
    }

    /// Whether it is refused only because its client has not done yet what will let it succeed.
    async fn is_early(
        self,
        request: &Request<'_>,
        payload: Option<&Payload<'_>>,
        refusal: &Refusal,
    ) -> bool {
        match self {
            Self::Session(event) => {
                Box::pin(session::is_early(event, request, payload, refusal)).await
            }
            Self::Direct(_) | Self::Feed(_) | Self::Chat(_) | Self::Conversation(_) => false,
        }
    }

    async fn dispatch(
        self,
        request: &mut Request<'_>,
        payload: &Result<Payload<'_>, Malformed>,
    ) -> Result<(), Refusal> {
        let sender = request.member;
        let object = || payload.as_ref().map_err(|_| Refusal::malformed());
        let member = || sender.ok_or_else(|| Refusal::new(Why::NoToken));
        match self {
            Self::Session(event) => {
                request.check_limits().await?;
                let payload = object()?;
                session::dispatch(event, request, payload).await
            }
            Self::Direct(event) => {
                request.check_limits().await?;
                let (payload, member) = (object()?, member()?);
                direct::dispatch(event, request, member, payload).await
            }
            Self::Conversation(event) => {
                request.check_limits().await?;
                let (payload, member) = (object()?, member()?);
                conversation::dispatch(event, request, member, payload).await
            }
            Self::Feed(event) => {
                request.check_limits().await?;
                let payload = payload.as_ref().ok();
                feed::dispatch(event, request, member()?, payload).await
            }
            Self::Chat(event) => {
                request.check_limits().await?;
                let payload = payload.as_ref().ok();
                chat::dispatch(event, request, member()?, payload).await
            }
        }
    }
}

/// Whether a dialect is served and may be used on a connection.
fn accepts(config: &Config, connection: &Connection, dialect: Dialect) -> bool {
    config.dialects.contains(&dialect) && connection.accepts_dialect(dialect)
}

/// Whether an event may be begun before those that its client sent before are answered.
fn goes_ahead(config: &Config, connection: &Connection, event: &RawEvent) -> bool {
    let accepts = |dialect| accepts(config, connection, dialect);
    match Event::named(accepts, event.name()) {
        (Some(event), None) => event.goes_ahead(),
        _ => false,
    }
}

/// Handles an event that one of the dialects may have.
async fn handle(request: &mut Request<'_>, life: &Life<Dispatcher>, name: &str) -> Outcome {
    let (first, other) = Event::named(|dialect| request.accepts(dialect), name);
    let is_member = request.member.is_some();
    match first {
        Some(event) if is_member || event.is_for_guests() => {
            return answer(request, life, event, other).await;
        }
        Some(event) if !is_member && event.waits_for_token() && request.may_be_early() => {
            return request.too_early();
        }
        _ if !request.event.is_json() => life.close_as_faulty(),
        _ if !is_member => {
            metrics::events::unknown_received();
            auth_events::refuse_guest(request);
        }
        _ => {
            metrics::events::unknown_received();
            auth_events::unknown(request, name);
        }
    }
    Outcome::Done
}

/// Handles an event that has a row, or another one of the same name, and answers it.
async fn answer(
    request: &mut Request<'_>,
    life: &Life<Dispatcher>,
    event: Event,
    other: Option<Event>,
) -> Outcome {
    let is_member = request.member.is_some();
    let begun = Instant::now();
    let payload = request.event.payload();
    if matches!(payload, Err(Malformed::NotAnEvent)) {
        life.close_as_faulty();
        return Outcome::Done;
    }
    let event = match other {
        Some(other) if other.is_meant(request.event, &payload) => other,
        Some(_) => event,
        None => {
            event.imply_dialect(request).await;
            event
        }
    };
    let payload = match event.row().bare {
        Some(field) => payload.or_else(|_| request.event.bare(field)),
        None => payload,
    };
    request.resolve(event.row());
    let sent = payload.as_ref().ok();
    let about = sent.and_then(|sent| subject::of(request.connection, event.row().dialect, sent));
    let is_guest_joining = !is_member && event == Event::Session(session::Event::join_session);
    // It is not known before who comes.
    if let Some(sent) = sent.filter(|_| is_guest_joining) {
        let earlier = Box::pin(session::connections_of_joiner(request, sent)).await;
        Box::pin(life.come_after(earlier)).await;
    }
    if let Some(subject) = about {
        life.in_order(subject).await;
        if is_guest_joining {
            Box::pin(life.finished_elsewhere(subject)).await;
        }
    }
    let handled = match sent.and_then(|sent| sent.unreadable(request.config.max_depth)) {
        Some(field) => {
            let allowed = request.check_limits().await;
            allowed.and(Err(Refusal::unusable_named(field)))
        }
        None => event.dispatch(request, &payload).await,
    };
    request.turn().await;
    let time = begun.elapsed();
    match handled {
        Ok(()) => request.succeed(),
        Err(refusal) if event.is_early(request, sent, &refusal).await => {
            return request.too_early();
        }
        Err(refusal) => {
            refuse::refuse(request, event.row(), event.words(), sent, &refusal);
        }
    }
    metrics::events::took(event.row().dialect, time);
    request.outcome()
}
