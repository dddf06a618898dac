//! The Socket.IO library with the limits of the configuration, between the edge in front of it and the
//! handler of its connections. It must not know an event.

use std::sync::Arc;

use socketioxide::{ParserConfig, SocketIo, SocketIoBuilder};

use crate::admin_ui::Administrators;
use crate::app::App;
use crate::config::Config;
use crate::connection::{self, Library, SocketIoEdge};
use crate::dialects::Dispatcher;
use crate::engine_io::FRAMING;
use crate::transport::{FlowLimits, LiveFlowLimits};

/// Bytes that the library reads at once from each WebSocket. Events pass it by, so what it reads are heartbeats, which fit,
/// and the request to enter, with its token, which takes some steps; what is read of that at first is added to the room for
/// it, and kept. There has to be room for what is injected: two frames of 7 bytes.
const WS_READ_BUFFER: usize = 128;

/// The edge in front of the library.
pub(super) fn edge(app: &Arc<App>, flow: &LiveFlowLimits) -> (SocketIoEdge, Administrators) {
    let (library, administrators) = library(app, flow);
    let edge = SocketIoEdge::new(
        library,
        app.places.clone(),
        app.config.clone(),
        app.drain.clone(),
        app.node.clone(),
    );
    (edge, administrators)
}

/// The library, whose connections the dialects handle, and its namespace of administrators.
pub(super) fn library(app: &Arc<App>, flow: &LiveFlowLimits) -> (Library, Administrators) {
    let config = &app.config.now();
    let (library, io) = Library::build(builder(config));
    let services = connection::Services {
        open: app.connections.clone(),
        audit: app.audit.clone(),
        config: app.config.clone(),
        flow_limits: flow.clone(),
        node: app.node.clone(),
        drain: app.drain.clone(),
    };
    connection::mount(&io, Dispatcher::new(app), services);
    (library, Administrators::new(io, app))
}

/// The library with its limits. Its defaults are too wide or too narrow. How large an event is, is checked once
/// more when it is complete: here are only the limits of what it may come as.
fn builder(config: &Config) -> SocketIoBuilder {
    let parser = ParserConfig::common()
        .max_incoming_binaries(config.max_attachments)
        .max_incoming_binary_buf_size(config.max_event_bytes);
    SocketIo::builder()
        .with_parser(parser)
        .ping_interval(config.ping_interval)
        .ping_timeout(config.ping_timeout)
        .connect_timeout(config.connect_timeout)
        .max_payload(config.max_event_bytes as u64)
        .ws_max_message_size(config.max_event_bytes + FRAMING)
        .ws_max_frame_size(config.max_event_bytes + FRAMING)
        .ws_read_buffer_size(WS_READ_BUFFER)
        .max_buffer_size(FlowLimits::from(config).max_frames())
}

impl From<&Config> for FlowLimits {
    fn from(config: &Config) -> Self {
        Self {
            receiver_budget: config.receiver_budget,
            sender_budget: config.sender_budget,
            max_event: config.max_event_bytes.max(config.session_history_bytes),
        }
    }
}
