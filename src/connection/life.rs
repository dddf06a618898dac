//! A connection's beginning, its work and its end.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use socketioxide::socket::DisconnectReason as LibraryReason;

use crate::app::App;
use crate::audit::Event as Audited;
use crate::auth::AuthError;
use crate::connection::{Admission, Close, Connection, Next, Phase, Work};
use crate::dialects::{self, auth_events};
use crate::model::{DisconnectReason, ErrorCode};

/// What came of entering a connection into what it belongs to.
enum Entered {
    /// It may work.
    Here,
    /// It is to be sent away, and perhaps told why.
    SendAway(Option<AuthError>),
    /// It was over before it began.
    Over,
}

/// The connection begins.
pub(super) async fn begin(app: &Arc<App>, connection: &Arc<Connection>) {
    // Nothing is sent away inside: the end of a connection waits for its phase, too.
    match enter(app, connection) {
        Entered::Here => {
            auth_events::welcome_member(app, connection).await;
            auth_events::arrive(app, connection).await;
            work(app, connection, connection.inbox().open()).await;
        }
        Entered::SendAway(Some(error)) => {
            auth_events::reject(connection, error, DisconnectReason::AuthRefused)
        }
        Entered::SendAway(None) => {
            connection.close(Close::AfterFlush, DisconnectReason::ServerClosed)
        }
        Entered::Over => {}
    }
}

fn enter(app: &App, connection: &Arc<Connection>) -> Entered {
    let mut phase = connection.phase();
    let admission = match std::mem::replace(&mut *phase, Phase::Open) {
        Phase::Admitted(admission) => admission,
        other => {
            *phase = other;
            return Entered::Over;
        }
    };
    tracing::debug!(connection = %connection.id, "connected");
    match admission {
        Admission::Guest => {
            app.record(
                connection,
                connection.client.declared,
                Audited::SocketConnect,
            );
        }
        Admission::Refused(error) => {
            let event = Audited::AuthFailed { code: error.code() };
            app.record(connection, connection.client.declared, event);
            return Entered::SendAway(Some(error));
        }
        Admission::User(authenticated) => {
            if let Err(code) = auth_events::enter(app, connection, authenticated) {
                let error = (code == ErrorCode::NotAuthorized).then_some(AuthError::NotAuthorized);
                return Entered::SendAway(error);
            }
        }
    }
    Entered::Here
}

/// The connection is over. What it had sent before is still handled, and then its end.
pub(super) fn end(app: &Arc<App>, connection: &Arc<Connection>, reason: LibraryReason) {
    let mut phase = connection.phase();
    let began = match std::mem::replace(&mut *phase, Phase::Over) {
        Phase::Over => return,
        Phase::Admitted(_) => false,
        Phase::Open => true,
    };
    app.connections.remove(connection.socket_id());
    let reason = connection.closing().unwrap_or(reason_of(reason));
    if reason == DisconnectReason::SlowConsumer {
        let bytes = connection.flow().backlog() as u64;
        app.record(
            connection,
            Some(connection.dialect()),
            Audited::SlowConsumer { bytes },
        );
    }
    app.record_over_limit(connection);
    connection.over();
    tracing::debug!(connection = %connection.id, reason = reason.as_str(), "disconnected");
    if began {
        app.record(
            connection,
            Some(connection.dialect()),
            Audited::SocketDisconnect { reason },
        );
        connection.inbox().end();
    }
    if let Some(member) = connection.member()
        && app.users.disconnect(&member.user, connection)
    {
        app.presence.disconnected(&member.user);
    }
}

fn reason_of(reason: LibraryReason) -> DisconnectReason {
    match reason {
        LibraryReason::ClientNSDisconnect => DisconnectReason::ClientLeft,
        LibraryReason::TransportClose | LibraryReason::TransportError => {
            DisconnectReason::TransportClosed
        }
        LibraryReason::HeartbeatTimeout => DisconnectReason::PingTimeout,
        LibraryReason::MultipleHttpPollingError | LibraryReason::PacketParsingError => {
            DisconnectReason::ProtocolError
        }
        LibraryReason::ServerNSDisconnect => DisconnectReason::ServerClosed,
        LibraryReason::ClosingServer => DisconnectReason::ServerShutdown,
    }
}

/// Handles all that waits, unless someone is at it.
pub(super) async fn work_if_nobody_does(app: &Arc<App>, connection: &Arc<Connection>) {
    if let Some(drain) = connection.inbox().take() {
        work(app, connection, drain).await;
    }
}

/// Handles all that waits. A client that does not read its answers waits for room first.
async fn work(app: &Arc<App>, connection: &Arc<Connection>, mut drain: Work<'_>) {
    while let Some(next) = drain.take_next() {
        // Handlers seldom wait, and a client that floods must not keep a thread for itself.
        tokio::task::consume_budget().await;
        connection.flow().room().await;
        let handling = async {
            match next {
                Next::Event(event, ack) => dialects::handle(app, connection, event, ack).await,
                Next::End => dialects::ended(app, connection).await,
            }
        };
        if AssertUnwindSafe(handling).catch_unwind().await.is_err() {
            tracing::error!(connection = %connection.id, "a handler panicked; its connection is closed");
            app.record(
                connection,
                Some(connection.dialect()),
                Audited::Error {
                    code: ErrorCode::OperationFailed,
                },
            );
            connection.close(Close::Now, DisconnectReason::ServerClosed);
        }
    }
}
