//! The endpoints of some settings while they are told: who tells each, and what is known of it beside.
//!
//! Owns what of an endpoint outlives a change of the settings: its counts, and where it is kept how far it was told.

use std::sync::Arc;

use tokio::sync::{Mutex as Turn, mpsc};

use super::client::Client;
use super::endpoint::{self, Common, Replay};
use super::heirs::{self, Heir};
use super::status::Status;
use super::store::Store;
use super::tasks::Tasks;

/// How many may wait to have something told again.
const MOST_ASKED: usize = 4;

/// The endpoints that are being told.
#[derive(Default)]
pub(super) struct Telling {
    tasks: Tasks,
    known: Vec<Arc<Known>>,
}

/// What is known of an endpoint beside who tells it.
pub(super) struct Known {
    pub(super) status: Arc<Status>,
    pub(super) client: Client,
    pub(super) store: Store,
    pub(super) replays: mpsc::Sender<Replay>,
    /// Taken by who tries it.
    pub(super) trying: Turn<()>,
    pub(super) node: Arc<str>,
}

/// An endpoint that is to be told. Nobody tells it anything yet.
pub(super) struct Prepared {
    pub(super) common: Common,
    pub(super) store: Store,
}

impl Telling {
    /// Begins to tell these.
    pub(super) fn begin(endpoints: Vec<Prepared>) -> Self {
        let mut tasks = Tasks::default();
        let endpoints = endpoints.into_iter();
        let known = endpoints.map(|one| Arc::new(one.begin(&mut tasks)));
        Self {
            known: known.collect(),
            tasks,
        }
    }

    /// All endpoints, in the order of the settings.
    pub(super) fn known(&self) -> &[Arc<Known>] {
        &self.known
    }

    /// The endpoint of this name.
    pub(super) fn find(&self, name: &str) -> Option<&Arc<Known>> {
        self.known.iter().find(|known| known.status.name == name)
    }

    /// Ends the requests, and has it kept what was told. Cancelled, that goes on.
    pub(super) async fn stop(&self) {
        self.tasks.stop().await;
    }
}

impl Prepared {
    fn begin(self, tasks: &mut Tasks) -> Known {
        let Self { common, store } = self;
        let (replays, asked) = mpsc::channel(MOST_ASKED);
        let known = Known {
            status: common.status.clone(),
            client: common.client.clone(),
            store: store.clone(),
            replays,
            trying: Turn::default(),
            node: common.own_node.clone(),
        };
        let setup = common.setup(store.clone(), common.own_node.clone(), asked);
        tasks.begin(|stop| endpoint::tell(setup, stop));
        if let Store::Database(cursors) = store {
            let heir = Heir { cursors, common };
            tasks.begin(|stop| heirs::tell_for_others(heir, stop));
        }
        known
    }
}
