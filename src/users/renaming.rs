//! Another name or picture of a user, which connections that exist have from then on, too, on all nodes.

use std::sync::Arc;

use super::Presence;
use crate::cluster::{AllNodes, AllNodesMessage};
use crate::model::Identity;

impl Presence {
    /// A user is called so from now on, on all nodes.
    pub(crate) async fn rename(&self, identity: &Identity) {
        self.rename_here(identity).await;
        if let Some(cluster) = &self.users().cluster {
            let renamed = AllNodesMessage::UserRenamed(identity.clone());
            let _ = cluster.bus().publish(&AllNodes, &renamed);
        }
    }

    /// The same on this node.
    pub(crate) async fn rename_here(&self, identity: &Identity) {
        let Some(user) = self.users().get(identity.user.as_str()) else {
            return;
        };
        *user.cached_identity.lock() = None;
        let identity = Arc::new(identity.clone());
        for member in user.members() {
            member.set_identity(&identity);
        }
        user.name.lock().clone_from(&identity.name);
        self.register_name(&user).await;
    }
}
