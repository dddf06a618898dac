//! The JSON type of a user's id, as a token has shown it, for all nodes.

use super::Users;
use crate::cluster::{AllNodes, AllNodesMessage};
use crate::model::TokenUser;

impl Users {
    /// From now on clients of all nodes are told the user's id as this token has it.
    pub(crate) fn note_id_type(&self, user: &TokenUser) {
        if user.id.has_type(user.id_type)
            && let Some(cluster) = &self.cluster
        {
            let shown = AllNodesMessage::UserIdType {
                user: user.id.clone(),
                is_number: user.id_type.is_number(),
            };
            let _ = cluster.bus().publish(&AllNodes, &shown);
        }
    }
}
