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

/// The namespace of administrators, which is there as long as the settings say so.
pub(crate) struct Administrators {
    io: SocketIo,
    ui: Arc<AdminUi>,
    is_served: bool,
}

impl Administrators {
    /// The namespace of this library.
    pub(crate) fn new(io: SocketIo, app: &Arc<App>) -> Self {
        let mut administrators = Self {
            io,
            ui: Arc::new(AdminUi::new(app)),
            is_served: false,
        };
        administrators.follow();
        administrators
    }

    /// Follows the settings that are in effect now.
    pub(crate) fn follow(&mut self) {
        let is_served = self.ui.app.config.now().admin_ui;
        match (self.is_served, is_served) {
            (false, true) => mount(&self.io, &self.ui),
            (true, false) => {
                self.ui.all().iter().for_each(|admin| admin.disconnect());
                self.io.delete_ns(NAMESPACE);
            }
            _ => {}
        }
        self.is_served = is_served;
    }
}

impl std::fmt::Debug for Administrators {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Administrators")
            .field("is_served", &self.is_served)
            .finish_non_exhaustive()
    }
}

fn mount(io: &SocketIo, ui: &Arc<AdminUi>) {
    let (ui, admitting) = (ui.clone(), ui.clone());
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
