//! The bare relay, the floor of what the work can cost here: tokio-tungstenite on one thread that copies strings.
//! It must stay bare: no authentication, no checks, no JSON beyond finding the recipient's id, no limit on memory.
//!
//! The first frame of a connection is its user's id, or its session's, answered `40`. Every later frame that names a
//! `recipientId` or `sessionId` goes unchanged to all other connections with that id and is confirmed to the sender.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;

use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message, Utf8Bytes};

type Users = Rc<RefCell<HashMap<String, Vec<UnboundedSender<Utf8Bytes>>>>>;

/// Serves until it is killed.
pub(crate) fn run(address: SocketAddr) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let tasks = tokio::task::LocalSet::new();
    tasks.block_on(&runtime, async {
        let users = Users::default();
        let listener = TcpListener::bind(address).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(serve(stream, Rc::clone(&users)).map(|end| {
                if let Err(error) = end {
                    eprintln!("connection ended: {error}");
                }
            }));
        }
    })
}

async fn serve(stream: TcpStream, users: Users) -> Result<(), tungstenite::Error> {
    let config = WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .write_buffer_size(0);
    let mut socket = tokio_tungstenite::accept_async_with_config(stream, Some(config)).await?;
    let Some(Message::Text(user)) = socket.next().await.transpose()? else {
        return Ok(());
    };
    let (own, outgoing) = unbounded_channel();
    users
        .borrow_mut()
        .entry(user.to_string())
        .or_default()
        .push(own.clone());
    let end = relay(socket, &users, &own, outgoing).await;
    forget(&users, user.as_str(), &own);
    end
}

async fn relay(
    mut socket: WebSocketStream<TcpStream>,
    users: &Users,
    own: &UnboundedSender<Utf8Bytes>,
    mut outgoing: UnboundedReceiver<Utf8Bytes>,
) -> Result<(), tungstenite::Error> {
    socket.send(Message::text("40")).await?;
    loop {
        tokio::select! {
            Some(text) = outgoing.recv() => {
                socket.feed(Message::Text(text)).await?;
                while let Ok(text) = outgoing.try_recv() {
                    socket.feed(Message::Text(text)).await?;
                }
                socket.flush().await?;
            }
            frame = socket.next() => match frame.transpose()? {
                Some(Message::Text(text)) => forward(users, own, text),
                Some(_) => {}
                None => return Ok(()),
            },
        }
    }
}

fn forward(users: &Users, own: &UnboundedSender<Utf8Bytes>, text: Utf8Bytes) {
    let Some(recipient) = recipient_of(&text) else {
        return;
    };
    if let Some(receivers) = users.borrow().get(recipient) {
        for receiver in receivers
            .iter()
            .filter(|receiver| !receiver.same_channel(own))
        {
            // A receiver that has just left needs nothing.
            let _ = receiver.send(text.clone());
        }
    }
    let _ = own.send(Utf8Bytes::from_static(
        r#"42["message:sent",{"success":true}]"#,
    ));
}

/// The id stands near the start, before the payload. No other `…Id` comes before it.
fn recipient_of(text: &str) -> Option<&str> {
    let (_, after) = text.get(..text.len().min(128))?.split_once(r#"Id":""#)?;
    after.split_once('"').map(|(recipient, _)| recipient)
}

fn forget(users: &Users, user: &str, own: &UnboundedSender<Utf8Bytes>) {
    let mut users = users.borrow_mut();
    if let Some(connections) = users.get_mut(user) {
        connections.retain(|connection| !connection.same_channel(own));
        if connections.is_empty() {
            users.remove(user);
        }
    }
}
