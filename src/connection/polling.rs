//! Flow control of clients that poll: what their requests bring counts as arriving, and what the answers take as
//! taken. It must not look into an event.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use http_body::{Frame, SizeHint};
use http_body_util::{BodyExt, Limited};

use super::Connection;
use crate::config::Config;
use crate::transport::{Carrier as _, Flow, Link, is_relayed_packet};

/// A client over its budget waits before its next packets are read; one that is not yet
/// authenticated may not send much, nor take long.
pub(super) async fn bounded(
    session: Option<Arc<Connection>>,
    config: &Config,
    link: &Link,
    body: Body,
) -> Body {
    match session {
        Some(connection) => {
            connection.flow().readable().await;
            let bounded_as_guest = connection.has_guest_bounds();
            let body = Arriving::new(body, connection.flow().clone());
            match bounded_as_guest {
                false => Body::new(body),
                true => Body::new(Limited::new(body, config.guest_max_bytes as usize)),
            }
        }
        None => {
            link.close_within(config.connect_timeout);
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
    if old_payload {
        // Not taken apart: what waits is in this response, or in the next one soon.
        connection.flow().taken(usize::MAX);
        return response;
    }
    let (parts, body) = response.into_parts();
    // The library makes the whole body at once, so there is no error and nothing to wait for.
    let Ok(body) = body.collect().await.map(|body| body.to_bytes()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    connection.flow().taken(relayed_packets(&body));
    (parts, Body::from(body)).into_response()
}

/// How many packets in a polling payload are events, acknowledgements or attachments.
fn relayed_packets(payload: &Bytes) -> usize {
    const SEPARATOR: u8 = 0x1e;
    payload
        .split(|&byte| byte == SEPARATOR)
        .filter(|packet| is_relayed_packet(packet))
        .count()
}

/// A body of packets, whose bytes count as arriving until it was read.
struct Arriving {
    body: Body,
    flow: Arc<Flow>,
    arrived: usize,
}

impl Arriving {
    fn new(body: Body, flow: Arc<Flow>) -> Self {
        Self {
            body,
            flow,
            arrived: 0,
        }
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
            this.flow.arrived(data.len());
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
        self.flow.assembled(self.arrived);
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
