//! The internal listener: the routes of operators, on an address of their own, which is served until the process ends, so
//! that probes and scrapes see how it stops. It must not serve clients.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Notify;

use super::error::StartError;
use super::listener::bind_to;
use crate::app::App;
use crate::http;
use crate::limits::AddressSlots;
use crate::transport::{
    BeforeWrite, GuardedListener, LinkLimits, Links, RequestLimits, serve as serve_http,
};

/// How many connections there may be; of those without a request, the oldest makes room.
const MAX_CONNECTIONS: u32 = 64;

/// Serves the routes of operators, if the settings want it; where.
pub(super) async fn serve(app: &Arc<App>) -> Result<Option<SocketAddr>, StartError> {
    let Some(wanted) = &app.config.internal_listen else {
        return Ok(None);
    };
    let (tcp, address) = bind_to(&wanted.host, wanted.port).await?;
    let links = Arc::new(Links::new(MAX_CONNECTIONS, app.memory.clone()));
    let audit = app.audit.clone();
    let listener = GuardedListener::new(
        tcp,
        links.clone(),
        LinkLimits::from(&*app.config),
        AddressSlots::new(MAX_CONNECTIONS),
        |_| false,
        BeforeWrite::new(move || audit.secure()),
        Arc::new(Notify::new()),
    );
    let router = http::internal_router(app);
    tokio::spawn(links.enforce_deadlines());
    tokio::spawn(serve_http(
        listener,
        router,
        RequestLimits::from(&*app.config),
    ));
    Ok(Some(address))
}
