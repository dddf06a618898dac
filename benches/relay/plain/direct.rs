//! Messages and chunks of files from one user to another, through a room for each user.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use jiff::Timestamp;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use socketioxide::SocketIo;
use socketioxide::extract::{Data, SocketRef};

use super::User;

/// Chunks of each file that have been relayed.
pub(super) type Uploads = Arc<Mutex<HashMap<(String, String, String), HashSet<u64>>>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Message {
    recipient_id: String,
    ciphertext: String,
    iv: String,
    tag: String,
    seq: Value,
    signature: Option<String>,
    message_type: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceivedMessage<'a> {
    sender_id: &'a str,
    sender_username: &'a str,
    ciphertext: &'a str,
    iv: &'a str,
    tag: &'a str,
    seq: &'a Value,
    #[serde(skip_serializing_if = "Option::is_none")]
    signature: Option<&'a str>,
    message_type: &'a str,
    timestamp: &'a str,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Chunk {
    #[serde(skip_serializing)]
    recipient_id: String,
    message_id: String,
    chunk_number: u64,
    total_chunks: usize,
    encrypted_data: String,
    iv: String,
    tag: String,
    hash: Option<String>,
    file_name: Option<String>,
    file_size: Option<u64>,
    mime_type: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReceivedChunk<'a> {
    sender_id: &'a str,
    sender_username: &'a str,
    #[serde(flatten)]
    chunk: &'a Chunk,
    timestamp: &'a str,
}

fn room_of(user: &str) -> String {
    format!("user:{user}")
}

pub(super) fn serve(socket: &SocketRef, user: User, uploads: &Uploads) {
    socket.join(room_of(&user.user_id));
    let user = Arc::new(user);
    let sender = Arc::clone(&user);
    socket.on(
        "send_message",
        move |socket: SocketRef, io: SocketIo, Data(message): Data<Message>| {
            let sender = Arc::clone(&sender);
            async move { relay_message(&socket, &io, &sender, &message).await }
        },
    );
    let uploads = Arc::clone(uploads);
    socket.on(
        "send_file_chunk",
        move |socket: SocketRef, io: SocketIo, Data(chunk): Data<Chunk>| {
            let (sender, uploads) = (Arc::clone(&user), Arc::clone(&uploads));
            async move { relay_chunk(&socket, &io, &sender, (&chunk, &uploads)).await }
        },
    );
}

async fn relay_message(socket: &SocketRef, io: &SocketIo, sender: &User, message: &Message) {
    let timestamp = Timestamp::now().to_string();
    let room = room_of(&message.recipient_id);
    let received = ReceivedMessage {
        sender_id: &sender.user_id,
        sender_username: &sender.username,
        ciphertext: &message.ciphertext,
        iv: &message.iv,
        tag: &message.tag,
        seq: &message.seq,
        signature: message.signature.as_deref(),
        message_type: message.message_type.as_deref().unwrap_or("text"),
        timestamp: &timestamp,
    };
    if let Err(error) = io.to(room.clone()).emit("receive_message", &received).await {
        eprintln!("receive_message: {error}");
    }
    let sent = json!({
        "recipientId": message.recipient_id,
        "seq": message.seq,
        "success": true,
        "timestamp": timestamp,
        "recipientOnline": !io.within(room).sockets().is_empty(),
    });
    confirm(socket, "message:sent", &sent);
}

async fn relay_chunk(
    socket: &SocketRef,
    io: &SocketIo,
    sender: &User,
    (chunk, uploads): (&Chunk, &Uploads),
) {
    let received = ReceivedChunk {
        sender_id: &sender.user_id,
        sender_username: &sender.username,
        chunk,
        timestamp: &Timestamp::now().to_string(),
    };
    let room = room_of(&chunk.recipient_id);
    if let Err(error) = io.to(room).emit("receive_file_chunk", &received).await {
        eprintln!("receive_file_chunk: {error}");
    }
    let (recipient, message, chunks) = (&chunk.recipient_id, &chunk.message_id, chunk.total_chunks);
    let sent = json!({
        "recipientId": recipient,
        "messageId": message,
        "chunkNumber": chunk.chunk_number,
        "totalChunks": chunks,
        "success": true,
    });
    confirm(socket, "file:chunk-sent", &sent);
    if completes(uploads, sender, chunk) {
        let complete =
            json!({ "recipientId": recipient, "messageId": message, "totalChunks": chunks });
        confirm(socket, "file:upload-complete", &complete);
    }
}

fn confirm(socket: &SocketRef, event: &str, value: &Value) {
    if let Err(error) = socket.emit(event, value) {
        eprintln!("{event}: {error}");
    }
}

/// Whether this chunk was the last one missing of its file.
fn completes(uploads: &Uploads, sender: &User, chunk: &Chunk) -> bool {
    let key = (
        sender.user_id.clone(),
        chunk.recipient_id.clone(),
        chunk.message_id.clone(),
    );
    let mut uploads = uploads.lock();
    let seen = uploads.entry(key.clone()).or_default();
    seen.insert(chunk.chunk_number);
    let complete = seen.len() >= chunk.total_chunks;
    if complete {
        uploads.remove(&key);
    }
    complete
}
