//! Guests in sessions: a map of members and the last messages of each, a room for each session. What `benches/node` does in
//! `session.mjs`, for clients that send neither keys nor messages to one member.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::json;
use socketioxide::extract::{Data, SocketRef};
use socketioxide::socket::Sid;

/// One argument, an empty list: nobody has a key.
const NO_KEYS: [[(); 0]; 1] = [[]];
const MAX_MESSAGES: usize = 1_000;

pub(super) type Sessions = Arc<Mutex<HashMap<String, Session>>>;

#[derive(Default)]
pub(super) struct Session {
    key: Option<String>,
    members: HashMap<String, Member>,
    messages: VecDeque<Arc<Message>>,
}

struct Member {
    display_name: Option<String>,
    socket: Sid,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Join {
    session_id: String,
    user_id: String,
    display_name: Option<String>,
    #[serde(default)]
    is_creator: bool,
    auth_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Sent {
    session_id: String,
    from: String,
    encrypted: String,
    r#type: Option<String>,
    client_message_id: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    id: String,
    from: String,
    encrypted: String,
    timestamp: i64,
    r#type: String,
    sender_display_name: Option<String>,
}

pub(super) fn serve(socket: &SocketRef, sessions: &Sessions) {
    let all = Arc::clone(sessions);
    socket.on(
        "join-session",
        move |socket: SocketRef, Data(request): Data<Join>| {
            let sessions = Arc::clone(&all);
            async move { join(&socket, &sessions, request).await }
        },
    );
    let all = Arc::clone(sessions);
    socket.on(
        "send-message",
        move |socket: SocketRef, Data(sent): Data<Sent>| {
            let sessions = Arc::clone(&all);
            async move { send(&socket, &sessions, sent).await }
        },
    );
    let all = Arc::clone(sessions);
    socket.on_disconnect(move |socket: SocketRef| {
        let sessions = Arc::clone(&all);
        async move { leave(&socket, &sessions).await }
    });
}

async fn join(socket: &SocketRef, sessions: &Sessions, request: Join) {
    let Join {
        session_id: id,
        user_id: user,
        ..
    } = request;
    let joined = {
        let mut sessions = sessions.lock();
        if request.is_creator {
            let session = sessions.entry(id.clone()).or_default();
            session
                .key
                .get_or_insert_with(|| request.auth_key.clone().unwrap_or_default());
        }
        let session = sessions.get_mut(&id);
        session
            .filter(|session| session.key == request.auth_key)
            .map(|session| {
                let member = Member {
                    display_name: request.display_name.clone(),
                    socket: socket.id,
                };
                let is_new = session.members.insert(user.clone(), member).is_none();
                (is_new, session.messages.clone())
            })
    };
    let Some((is_new, history)) = joined else {
        return emit(
            socket,
            "session-error",
            &json!({ "error": "SESSION_NOT_FOUND" }),
        );
    };
    socket.join(id.clone());
    if is_new {
        let timestamp = Timestamp::now().as_millisecond();
        let joined =
            json!({ "userId": user, "displayName": request.display_name, "timestamp": timestamp });
        told(socket.to(id.clone()).emit("user-joined", &joined).await);
    }
    let history: Vec<_> = history.iter().map(AsRef::as_ref).collect();
    emit(socket, "messages-history", &history);
    emit(
        socket,
        "session-metadata",
        &json!({ "chatMode": "group", "encryptedSessionKey": null }),
    );
    told(
        socket
            .within(id)
            .emit("public-keys-updated", &NO_KEYS)
            .await,
    );
}

async fn send(socket: &SocketRef, sessions: &Sessions, sent: Sent) {
    let room = sent.session_id.clone();
    let Some((message, is_new)) = keep(socket, &mut sessions.lock(), sent) else {
        return emit(socket, "session-error", &json!({ "error": "NOT_A_MEMBER" }));
    };
    told(socket.to(room).emit("new-message", message.as_ref()).await);
    if is_new {
        emit(socket, "message-sent", message.as_ref());
    }
}

/// The message, and whether it has not been sent before; `None` when its sender is no member.
fn keep(
    socket: &SocketRef,
    sessions: &mut HashMap<String, Session>,
    sent: Sent,
) -> Option<(Arc<Message>, bool)> {
    let session = sessions.get_mut(&sent.session_id)?;
    let member = session.members.get(&sent.from)?;
    if member.socket != socket.id {
        return None;
    }
    let message = Arc::new(Message {
        id: sent.client_message_id,
        from: sent.from,
        encrypted: sent.encrypted,
        timestamp: Timestamp::now().as_millisecond(),
        r#type: sent.r#type.unwrap_or_else(|| "text".to_owned()),
        sender_display_name: member.display_name.clone(),
    });
    let is_new = !session.messages.iter().any(|known| known.id == message.id);
    if is_new {
        session.messages.push_back(Arc::clone(&message));
        if session.messages.len() > MAX_MESSAGES {
            session.messages.pop_front();
        }
    }
    Some((message, is_new))
}

async fn leave(socket: &SocketRef, sessions: &Sessions) {
    let left: Vec<_> = {
        let mut sessions = sessions.lock();
        let mut left = Vec::new();
        for (id, session) in sessions.iter_mut() {
            let is_here = |(_, member): &(&String, &Member)| member.socket == socket.id;
            if let Some((user, _)) = session.members.iter().find(is_here) {
                let user = user.clone();
                session.members.remove(&user);
                left.push((id.clone(), user));
            }
        }
        sessions.retain(|_, session| !session.members.is_empty());
        left
    };
    for (id, user) in left {
        let timestamp = Timestamp::now().as_millisecond();
        let gone = json!({ "userId": user, "timestamp": timestamp });
        told(socket.to(id).emit("user-left", &gone).await);
    }
}

fn emit<T: Serialize + ?Sized>(socket: &SocketRef, event: &str, value: &T) {
    if let Err(error) = socket.emit(event, value) {
        eprintln!("{event}: {error}");
    }
}

fn told(end: Result<(), socketioxide::BroadcastError>) {
    if let Err(error) = end {
        eprintln!("{error}");
    }
}
