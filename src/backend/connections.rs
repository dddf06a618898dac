//! The connections of all nodes, as a backend lists and closes them.

use std::collections::HashSet;
use std::sync::Arc;

use uuid::Uuid;

use super::Backend;
use crate::audit::{AdminAction, AuditText, Event, Record, Source};
use crate::cluster::{Answer, BackendMessage, ListedConnection};
use crate::connection::{Close, Connection, OpenConnections};
use crate::model::{DisconnectReason, TokenFacts, UserId};

/// Which connections are listed.
#[derive(Debug, Clone)]
pub(crate) struct ConnectionQuery {
    /// Only those of this user.
    pub(crate) user: Option<UserId>,
    /// Only those whose ids come after this one.
    pub(crate) after: Option<Uuid>,
    /// At most so many.
    pub(crate) limit: usize,
}

/// What a list says of a connection.
fn listed(connection: &Connection, token: Option<&TokenFacts>) -> ListedConnection {
    let source = connection.source();
    let age = i64::try_from(connection.age().as_millis()).unwrap_or(i64::MAX);
    let since = jiff::Timestamp::now().as_millisecond().saturating_sub(age);
    ListedConnection {
        id: connection.id.uuid(),
        user: source.user.as_deref().map(str::to_owned),
        dialect: connection.dialect().as_str().to_owned(),
        transport: connection.flow().counted().transport().to_owned(),
        connected_at: u64::try_from(since).unwrap_or(0),
        address: connection.client.address,
        user_agent: connection
            .client
            .user_agent
            .as_ref()
            .map(|agent| agent.as_str().to_owned()),
        node: connection.client.node.to_string(),
        token_id: token.and_then(TokenFacts::id).map(str::to_owned),
        token_expires_at: token.map(|token| token.expires_at),
        backlog: connection.flow().backlog() as u64,
        from_page: connection.client.came.from_page,
        by_tls: connection.client.came.by_tls,
    }
}

/// Those that a query is about, the first ones by their ids.
pub(super) fn select(
    open: &OpenConnections,
    user: Option<&UserId>,
    after: Option<Uuid>,
    limit: usize,
) -> Vec<ListedConnection> {
    let is_wanted = |connection: &Connection| {
        let is_after = after.is_none_or(|after| connection.id.uuid() > after);
        let is_of = |user: &UserId| connection.source().user.as_deref() == Some(user.as_str());
        is_after && user.is_none_or(is_of)
    };
    let all = open.with_tokens().into_iter();
    let mut wanted: Vec<_> = all.filter(|(one, _)| is_wanted(one)).collect();
    wanted.sort_unstable_by_key(|(connection, _)| connection.id.uuid());
    wanted.truncate(limit);
    let wanted = wanted.iter();
    wanted
        .map(|(connection, token)| listed(connection, token.as_ref()))
        .collect()
}

impl Backend {
    /// Connections to this node. All are looked at for that, which is done beside other work.
    pub(super) async fn list_here(
        &self,
        user: Option<UserId>,
        after: Option<Uuid>,
        limit: usize,
    ) -> Vec<ListedConnection> {
        let open = self.connections.clone();
        let selected =
            tokio::task::spawn_blocking(move || select(&open, user.as_ref(), after, limit));
        selected.await.unwrap_or_else(|error| {
            tracing::error!(%error, "connections could not be looked at");
            Vec::new()
        })
    }

    /// Connections to all nodes by their ids, whether there are more behind them, and whether all nodes have answered.
    pub(crate) async fn list(&self, query: ConnectionQuery) -> (Vec<ListedConnection>, bool, bool) {
        let ConnectionQuery { user, after, limit } = query;
        // One more says that there are more.
        let more = limit + 1;
        let question = BackendMessage::ListConnections {
            user: user.clone(),
            after,
            limit: more,
        };
        let (mut all, (answers, is_complete)) =
            tokio::join!(self.list_here(user, after, more), self.ask(question));
        for answer in answers {
            if let Answer::Connections(there) = answer {
                all.extend(there);
            }
        }
        all.sort_unstable_by_key(|connection| connection.id);
        let is_more = all.len() > limit;
        all.truncate(limit);
        (all, is_more, is_complete)
    }

    /// Closes a connection to this node; what it was, if there is one.
    pub(super) async fn close_here(&self, id: Uuid) -> Option<ListedConnection> {
        let connection: Arc<Connection> = self.find_open(HashSet::from([id])).await.remove(&id)?;
        if connection.is_closed() {
            return None;
        }
        let closed = listed(&connection, None);
        connection.close(Close::AfterFlush, DisconnectReason::Revoked);
        Some(closed)
    }

    /// Closes a connection, to whichever node. `false`: there is no such connection.
    pub(crate) async fn close(&self, source: &Arc<Source>, id: Uuid) -> bool {
        let closed = match self.close_here(id).await {
            Some(closed) => Some(closed),
            None => {
                let question = BackendMessage::CloseConnection(id);
                let (answers, _) = self.ask(question).await;
                let mut closed = answers.into_iter().filter_map(|answer| match answer {
                    Answer::Connections(mut closed) => closed.pop(),
                    _ => None,
                });
                closed.next()
            }
        };
        let Some(closed) = closed else {
            return false;
        };
        let event = Event::Admin {
            action: AdminAction::ConnectionClosed,
            recipient: closed.user.as_deref().map(AuditText::new),
            conversation_id: None,
            count: Some(1),
        };
        self.audit.record(Record::new(source, None, event));
        true
    }
}
