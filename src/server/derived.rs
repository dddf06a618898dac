//! What follows from the settings and is kept beside them, where they are used: bounds of connections, routes, and what
//! other nodes compare. It follows other settings in one step that cannot fail.

use std::sync::Arc;

use super::{logging, machine, node, socket_io};
use crate::admin_ui::Administrators;
use crate::app::App;
use crate::cluster::NodeSettings;
use crate::config::{Config, Live, Secret};
use crate::connection::SocketIoEdge;
use crate::http::{self, ClientFiles, Served};
use crate::transport::{FlowLimits, LinkLimits, LiveFlowLimits, RequestLimits};

/// What is kept of the settings before there are services.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    pub(super) links: Live<LinkLimits>,
    pub(super) requests: Live<RequestLimits>,
    pub(super) flow: LiveFlowLimits,
}

impl Bounds {
    pub(super) fn of(config: &Config) -> Self {
        Self {
            links: LinkLimits::from(config).into(),
            requests: RequestLimits::from(config).into(),
            flow: FlowLimits::from(config).into(),
        }
    }

    fn follow(&self, config: &Config) {
        self.links.replace(config.into());
        self.requests.replace(config.into());
        self.flow.replace(config.into());
    }
}

/// All that is kept of the settings.
#[derive(Debug)]
pub(super) struct Derived {
    pub(super) bounds: Bounds,
    /// What clients are served.
    pub(super) served: Live<Served>,
    /// What operators are served on an address of their own.
    pub(super) served_internally: Live<Served>,
    /// By what nodes find out whether they are set alike.
    pub(super) node: Live<NodeSettings>,
    /// The files of the browser's client, if they are served.
    pub(super) client_files: Option<ClientFiles>,
    edge: SocketIoEdge,
    administrators: Administrators,
}

impl Derived {
    /// What follows from the settings at the start.
    pub(super) fn of(
        app: &Arc<App>,
        secret: Option<&Secret>,
        client_files: Option<ClientFiles>,
    ) -> Self {
        let config = app.config.now();
        let bounds = Bounds::of(&config);
        let (edge, administrators) = socket_io::edge(app, &bounds.flow);
        Self {
            bounds,
            served: http::served(app, edge.clone(), client_files.clone()).into(),
            served_internally: http::served_internally(app, &edge).into(),
            node: node::settings(&config, secret).into(),
            client_files,
            edge,
            administrators,
        }
    }

    /// Follows the settings that are in effect now.
    pub(super) fn follow(
        &mut self,
        app: &Arc<App>,
        secret: Option<&Secret>,
        client_files: Option<ClientFiles>,
    ) {
        let config = app.config.now();
        self.bounds.follow(&config);
        app.session_limits.replace((&*config).into());
        app.memory.set_limit(machine::memory_budget(&config));
        app.audit
            .keep_for(config.audit_retention_days.try_into().ok());
        self.client_files = client_files;
        self.administrators.follow();
        let (edge, files) = (self.edge.clone(), self.client_files.clone());
        let internal = http::served_internally(app, &edge);
        self.served_internally.replace(internal);
        self.served.replace(http::served(app, edge, files));
        self.node.replace(node::settings(&config, secret));
        logging::follow(&config);
    }
}
