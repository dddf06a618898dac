//! The internal listener: the routes of operators, on an address of their own, which is served until the process ends, so
//! that probes and scrapes see how it stops. It must not serve clients.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::Notify;

use super::derived::Derived;
use super::error::StartError;
use super::listener::bind_to;
use crate::app::App;
use crate::transport::{BeforeWrite, Front, GuardedListener, Links, serve as serve_http};

/// How many connections there may be; of those without a request, the oldest makes room.
const MAX_CONNECTIONS: u32 = 64;

/// Serves the routes of operators, if the settings want it; where.
pub(super) async fn serve(
    app: &Arc<App>,
    derived: &Derived,
) -> Result<Option<SocketAddr>, StartError> {
    let config = app.config.now();
    let Some(wanted) = &config.internal_listen else {
        return Ok(None);
    };
    let (tcp, address) = bind_to(&wanted.host, wanted.port).await?;
    let links = Arc::new(Links::new(MAX_CONNECTIONS, app.memory.clone()));
    let audit = app.audit.clone();
    let bounds = &derived.bounds;
    let listener = GuardedListener::new(
        tcp,
        links.clone(),
        bounds.links.clone(),
        Front {
            most_of: Box::new(|_| None),
            balancers: None,
            identity: None,
        },
        BeforeWrite::new(move || audit.secure()),
        Arc::new(Notify::new()),
    );
    tokio::spawn(links.enforce_deadlines());
    tokio::spawn(serve_http(
        listener,
        derived.served_internally.clone(),
        bounds.requests.clone(),
    ));
    Ok(Some(address))
}
