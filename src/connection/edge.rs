//! Every Socket.IO request on its way to the library: whether it opens a session, and whether there is a place for that.
//! What a session is told and sends is in `engine_io`. It must not know who a client is.

mod refusal;

use std::net::IpAddr;
use std::sync::{Arc, Weak};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::header::{CONNECTION, ORIGIN};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, request};
use axum::response::{IntoResponse, Response};
use hyper::upgrade::OnUpgrade;

use super::handshake::{Handshake, Query};
use super::places::Place;
use super::{Came, Drain, Library, Places};
use crate::config::{LiveConfig, Transport};
use crate::engine_io::{EngineError, Revision, Sessions, accept, begun};
use crate::limits::{address, proxied};
use crate::metrics::refusals::{self, Engine};
use crate::model::DisconnectReason;
use crate::traces::{self, SpanContext};
use crate::transport::{Attach, Carrier as _, Link, PeerLink};

use self::refusal::no_place;
pub(crate) use self::refusal::refusal;

/// The library, and what stands in front of it.
#[derive(Debug, Clone)]
pub(crate) struct SocketIoEdge {
    library: Library,
    sessions: Arc<Sessions>,
    places: Arc<Places>,
    config: LiveConfig,
    drain: Drain,
    node: Arc<str>,
    /// It stands on the address of operators.
    is_internal: bool,
}

/// A request, as far as it has a meaning here.
struct Asked<'a> {
    parts: &'a request::Parts,
    query: &'a Query<'a>,
    link: &'a Arc<Link>,
    transport: Transport,
    on_upgrade: Option<OnUpgrade>,
}

impl SocketIoEdge {
    /// Stands in front of the library, on a node of this name.
    pub(crate) fn new(
        library: Library,
        places: Arc<Places>,
        config: LiveConfig,
        drain: Drain,
        node: Arc<str>,
    ) -> Self {
        Self {
            library,
            sessions: Arc::new(Sessions::new((&*config.now()).into())),
            places,
            config,
            drain,
            node,
            is_internal: false,
        }
    }

    /// The same on the address of operators.
    pub(crate) fn internal(&self) -> Self {
        Self {
            is_internal: true,
            ..self.clone()
        }
    }

    /// Answers a Socket.IO request of any kind.
    pub(crate) async fn answer(&self, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        let Some(ConnectInfo(PeerLink(link))) = parts.extensions.remove() else {
            return EngineError::BadRequest.into_response();
        };
        let on_upgrade = parts.extensions.remove::<OnUpgrade>();
        let query = Query::of(&parts.uri);
        let answer = match self.transport(&query) {
            Err(error) => Err(error),
            Ok(transport) => {
                let asked = Asked {
                    parts: &parts,
                    query: &query,
                    link: &link,
                    transport,
                    on_upgrade,
                };
                match query.sid {
                    // In a box: what opens a session is smaller.
                    Some(sid) => Box::pin(self.go_on(sid, asked, body)).await,
                    None => self.open(asked).await,
                }
            }
        };
        answer.unwrap_or_else(IntoResponse::into_response)
    }

    fn transport(&self, query: &Query<'_>) -> Result<Transport, EngineError> {
        let transport = match query.transport {
            Some("polling") => Transport::Polling,
            Some("websocket") => Transport::Websocket,
            _ => return Err(EngineError::UnknownTransport),
        };
        let is_served = self.config.now().transports.contains(&transport);
        is_served
            .then_some(transport)
            .ok_or(EngineError::UnknownTransport)
    }

    /// The revision that a client asks for. One that names none is old.
    fn revision(&self, query: &Query<'_>) -> Result<Revision, EngineError> {
        match query.revision {
            Some("4") => Ok(Revision::V4),
            Some("3") | None if self.config.now().allow_eio3 => Ok(Revision::V3),
            _ => Err(EngineError::UnsupportedRevision),
        }
    }

    /// How a request came from this peer.
    fn came(&self, peer: IpAddr, headers: &HeaderMap) -> Came {
        let has_tls = self.config.now().tls_cert_file.is_some() && !self.is_internal;
        let is_proxied = self.is_trusted(peer);
        Came {
            from_page: headers.contains_key(ORIGIN),
            by_tls: has_tls || is_proxied && proxied::scheme(headers) == Some("https"),
        }
    }

    /// What a request of this peer is a part of, if that is believed.
    fn trace(&self, peer: IpAddr, headers: &HeaderMap) -> Option<SpanContext> {
        let is_followed = traces::is_on() && self.is_trusted(peer);
        is_followed.then(|| traces::sent(headers)).flatten()
    }

    fn is_trusted(&self, peer: IpAddr) -> bool {
        address::is_trusted(peer.to_canonical(), &self.config.now().trusted_proxies)
    }

    /// A request of a session that exists.
    async fn go_on(
        &self,
        sid: &str,
        asked: Asked<'_>,
        body: Body,
    ) -> Result<Response, EngineError> {
        let session = self.sessions.get(sid).ok_or(EngineError::UnknownSession)?;
        let method = &asked.parts.method;
        match asked.transport {
            Transport::Polling if !session.is_polled() => Err(EngineError::BadRequest),
            Transport::Polling if method == Method::GET => Ok(session.poll().await),
            Transport::Polling if method == Method::POST => {
                if !session.is_admitted() {
                    asked
                        .link
                        .clone()
                        .close_within(self.config.now().connect_timeout);
                }
                Ok(session.post(&asked.parts.headers, body).await)
            }
            Transport::Polling => Err(EngineError::BadRequest),
            Transport::Websocket => {
                let response = accept(asked.parts)?;
                let on_upgrade = asked.on_upgrade.ok_or(EngineError::BadRequest)?;
                session.try_upgrade(asked.link, on_upgrade);
                Ok(response)
            }
        }
    }

    /// A request that opens a session.
    async fn open(&self, asked: Asked<'_>) -> Result<Response, EngineError> {
        if self.drain.has_begun() {
            let (error, code) = ("Server is shutting down", "DRAINING");
            refusals::of_engine(Engine::Draining);
            return Ok(refusal(StatusCode::SERVICE_UNAVAILABLE, error, code));
        }
        if asked.parts.method != Method::GET {
            return Err(EngineError::BadHandshakeMethod);
        }
        let accepted = match asked.transport {
            Transport::Polling => None,
            Transport::Websocket => Some(accept(asked.parts)?),
        };
        let revision = self.revision(asked.query)?;
        let (peer, headers) = (asked.link.peer().ip(), &asked.parts.headers);
        let address = address::client_address(peer, headers, &self.config.now().trusted_proxies);
        let place = match self.places.take(address) {
            Ok(place) => place,
            Err(why) => return Ok(no_place(why)),
        };
        let handshake = Handshake::of(asked.parts, asked.query, (address, &place))
            .that_came(self.came(peer, headers), self.is_internal)
            .part_of(self.trace(peer, headers));
        match accepted {
            None => {
                let as_text = asked.query.as_text;
                let answer = self.open_polling(as_text, revision, handshake, place);
                Ok(Box::pin(answer).await)
            }
            Some(accepted) => {
                let on_upgrade = asked.on_upgrade.ok_or(EngineError::BadRequest)?;
                asked.link.upgrade();
                asked.link.keep(place.clone());
                let as_text = asked.query.as_text;
                match revision.differs(as_text) {
                    true => {
                        let (session, stream) = self.sessions.begin_apart(revision, as_text);
                        let handshake = carried(handshake, &place, session.clone());
                        Box::pin(self.library.serve(stream, revision, handshake)).await;
                        session.begin_by_packets(asked.link, on_upgrade);
                    }
                    false => {
                        let handshake = carried(handshake, &place, asked.link.clone());
                        self.serve_websocket(asked.link, on_upgrade, revision, handshake);
                    }
                }
                Ok(accepted)
            }
        }
    }

    async fn open_polling(
        &self,
        as_text: bool,
        revision: Revision,
        handshake: Handshake,
        place: Arc<Place>,
    ) -> Response {
        let (session, stream) = self.sessions.begin(revision, as_text);
        session.keep(place.clone());
        let handshake = carried(handshake, &place, session.clone());
        self.library.serve(stream, revision, handshake).await;
        session.opened(&self.node)
    }

    fn serve_websocket(
        &self,
        link: &Link,
        on_upgrade: OnUpgrade,
        revision: Revision,
        handshake: Handshake,
    ) {
        let library = self.library.clone();
        let then = async move {
            // An error: the client was gone before it had the answer.
            if let Ok(stream) = begun(on_upgrade).await {
                library.serve(stream, revision, handshake).await;
            }
        };
        link.goes_on(self.sessions.settings().first_frame(), Box::pin(then));
    }
}

/// A handshake of a session that this carries, and which is ended by ending that as long as it is not admitted.
fn carried(handshake: Handshake, place: &Arc<Place>, carrier: Arc<dyn Attach>) -> Handshake {
    place.ends_by(closing(&carrier));
    handshake.carried_by(carrier)
}

/// Ends a session that was not admitted.
fn closing(carrier: &Arc<dyn Attach>) -> impl Fn() + Send + Sync + 'static {
    let carrier: Weak<dyn Attach> = Arc::downgrade(carrier);
    move || {
        if let Some(carrier) = carrier.upgrade() {
            carrier.close(DisconnectReason::GuestTimeout);
        }
    }
}

/// The request on this link is answered. During a shutdown, a proxy that reuses its connections is asked to close them
/// (`Connection: close`).
pub(crate) fn request_ended(drain: &Drain, link: &Link, response: &mut Response) {
    link.request_ended();
    if drain.has_begun() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(CONNECTION, close);
    }
}
