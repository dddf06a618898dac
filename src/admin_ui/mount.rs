//! Connects the library to the administrators: its middleware admits one, its handler welcomes them, and what they send and
//! their end is handed on. It must not decide anything.

use std::sync::{Arc, Weak};

use socketioxide::SocketIo;
use socketioxide::adapter::LocalAdapter;
use socketioxide::extract::{SocketRef, TryData};
use socketioxide::handler::{ConnectHandler, DisconnectHandler, MessageHandler, Value};
use socketioxide::socket::{DisconnectReason, Socket};

use super::admin::Admin;
use super::admission::Credentials;
use super::{AdminUi, NAMESPACE};
use crate::app::App;

/// Serves the namespace of administrators.
pub(crate) fn mount(io: &SocketIo, app: &Arc<App>) {
    let ui = Arc::new(AdminUi::new(app));
    let admitting = ui.clone();
    let middleware = async move |socket: SocketRef, TryData(auth): TryData<Credentials>| {
        let admin = admitting.admit(&socket, auth.unwrap_or_default()).await?;
        // The socket owns these, and the administrator the socket.
        socket.on_fallback(Sent(Arc::downgrade(&admitting), Arc::downgrade(&admin)));
        socket.on_disconnect(End(Arc::downgrade(&admitting), Arc::downgrade(&admin)));
        Ok::<(), &'static str>(())
    };
    let begin = move |socket: SocketRef| {
        let ui = ui.clone();
        async move { ui.begin(socket.id) }
    };
    io.ns(NAMESPACE, begin.with(middleware));
}

/// Takes what an administrator sends.
struct Sent(Weak<AdminUi>, Weak<Admin>);

/// What [`Sent`] is called with.
struct Event;

impl MessageHandler<LocalAdapter, Event> for Sent {
    fn call(&self, _: Arc<Socket>, event: Value, _: Option<i64>) {
        let (Some(ui), Some(admin)) = (self.0.upgrade(), self.1.upgrade()) else {
            return;
        };
        let text = match &event {
            Value::Str(text, _) => text.as_str(),
            Value::Bytes(_) => "",
        };
        ui.sent(&admin, text);
    }
}

/// Takes the end of an administrator's connection.
struct End(Weak<AdminUi>, Weak<Admin>);

/// What [`End`] is called with.
struct Ended;

impl DisconnectHandler<LocalAdapter, Ended> for End {
    fn call_with_defer(&self, socket: Arc<Socket>, _: DisconnectReason, remove: fn(Arc<Socket>)) {
        if let (Some(ui), Some(admin)) = (self.0.upgrade(), self.1.upgrade()) {
            ui.remove(&admin);
        }
        remove(socket);
    }
}
