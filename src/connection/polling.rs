//! Flow control of clients that poll: what their requests bring counts as arriving, and what the answers take as
//! taken. It must not look into an event.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::BoxError;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};

use super::posted::{Packets, SEPARATOR};
use super::{Close, Connection, old_payload};
use crate::config::Config;
use crate::model::DisconnectReason;
use crate::transport::{Carrier as _, Link, is_relayed_packet};

/// A client over its budget waits before its next packets are read; one that is not yet
/// authenticated may not send much, nor take long.
pub(super) async fn bounded(
    session: Option<Arc<Connection>>,
    config: &Config,
    link: &Link,
    old_payload: bool,
    body: Body,
) -> Body {
    match session {
        Some(connection) => {
            connection.flow().readable().await;
            let bounded_as_guest = connection.has_guest_bounds();
            let body = Arriving::new(body, Some(connection), old_payload);
            match bounded_as_guest {
                false => Body::new(body),
                true => Body::new(Limited::new(body, config.guest_max_bytes as usize)),
            }
        }
        None => {
            link.close_within(config.connect_timeout);
            let body = Arriving::new(body, None, old_payload);
            Body::new(Limited::new(body, config.handshake_max_bytes as usize))
        }
    }
}

/// Notes what a polling client takes with this response.
pub(super) async fn count_taken(
    connection: &Connection,
    old_payload: bool,
    response: Response,
) -> Response {
    let (mut parts, body) = response.into_parts();
    // The library makes the whole body at once, so there is no error and nothing to wait for.
    let Ok(body) = body.collect().await.map(|body| body.to_bytes()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    connection.polls.answered(body.len());
    if old_payload {
        // Not counted: what waits is in this response, or in the next one soon.
        connection.flow().taken(usize::MAX);
        let is_binary = parts.headers.get(CONTENT_TYPE) == Some(&BINARY);
        let body = old_payload::readable(&body, is_binary).unwrap_or(body);
        parts.headers.remove(CONTENT_LENGTH);
        return (parts, Body::from(body)).into_response();
    }
    connection.flow().taken(relayed_packets(&body));
    (parts, Body::from(body)).into_response()
}

/// The library's answer to a request. A poll of this connection is answered without it when its client is asked for a
/// sign of life: by a packet that says nothing, upon which a client polls again.
pub(super) async fn answered<B>(
    polling: Option<Arc<Connection>>,
    old_payload: bool,
    answer: impl Future<Output = Result<Response<B>, Infallible>>,
) -> Response
where
    B: HttpBody<Data = Bytes, Error: Into<BoxError>> + Send + 'static,
{
    let answer = async {
        let Ok(answer) = answer.await;
        answer.map(Body::new)
    };
    let Some(connection) = polling else {
        return answer.await;
    };
    let answer = connection.polls.answer(answer).await;
    let nothing = if old_payload { "1:6" } else { "6" };
    answer.unwrap_or_else(|| nothing.into_response())
}

/// How the library names a payload that is not all text.
const BINARY: HeaderValue = HeaderValue::from_static("application/octet-stream");
/// How many packets of no event one request may have that is of nobody who has entered.
const MAX_CONTROLS: u32 = 100;

/// How many packets in a polling payload are events, acknowledgements or attachments.
fn relayed_packets(payload: &Bytes) -> usize {
    payload
        .split(|&byte| byte == SEPARATOR)
        .filter(|packet| is_relayed_packet(packet))
        .count()
}

/// A body of packets, whose bytes count as arriving until it was read. What is posted of no event closes the
/// connection when there is too much of it.
struct Arriving {
    body: Body,
    /// `None`: it has not entered, so that the request is all that there is to count.
    connection: Option<Arc<Connection>>,
    controls: u32,
    arrived: usize,
    packets: Packets,
}

impl Arriving {
    fn new(body: Body, connection: Option<Arc<Connection>>, old_payload: bool) -> Self {
        Self {
            body,
            connection,
            controls: 0,
            arrived: 0,
            packets: Packets::new(old_payload),
        }
    }

    /// Counts packets of no event; whether they are allowed.
    fn allows(&mut self, controls: u32) -> bool {
        let Some(connection) = &self.connection else {
            self.controls += controls;
            return self.controls <= MAX_CONTROLS;
        };
        let is_allowed = connection.flow().allows_controls(controls);
        if !is_allowed {
            connection.close(Close::Now, DisconnectReason::ProtocolError);
        }
        is_allowed
    }
}

impl HttpBody for Arriving {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let frame = ready!(Pin::new(&mut this.body).poll_frame(cx));
        if let Some(data) = frame
            .as_ref()
            .and_then(|frame| frame.as_ref().ok()?.data_ref())
        {
            this.arrived += data.len();
            if let Some(connection) = &this.connection {
                connection.flow().arrived(data.len());
            }
            let controls = this.packets.controls_in(data);
            if controls > 0 && !this.allows(controls) {
                let flooded = "too many packets of no event";
                return Poll::Ready(Some(Err(axum::Error::new(flooded))));
            }
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.flow().assembled(self.arrived);
        }
        // The last one has no end of its own.
        if self.packets.ends_with_control() {
            self.allows(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relayed_packets_are_counted() {
        let payload =
            Bytes::from_static(b"2\x1e42[\"a\"]\x1e40{}\x1e451-[\"b\",{}]\x1ebAQI=\x1e431[]\x1e6");
        assert_eq!(relayed_packets(&payload), 4);
    }
}
