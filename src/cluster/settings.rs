//! What the nodes say of themselves to each other, so that they find out when they are not set as they have to be: their
//! names, and their settings in a form that tells only whether they are the same.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use serde::{Deserialize, Serialize};

use super::{Cluster, LEASE};
use crate::model::NodeId;
use crate::stores::drivers::redis::RedisError;

/// The settings of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct NodeSettings {
    /// Its name.
    pub(crate) node: String,
    /// A few bits of a digest of each that has to be the same everywhere: nobody finds a secret by them.
    pub(crate) settings: BTreeMap<String, u16>,
}

impl Cluster {
    /// Says that this node is called so. Whether another node has said it since this one did last, and so is alive.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn say_name(&self, name: &str) -> Result<bool, RedisError> {
        let mut command = redis::cmd("SET");
        command
            .arg(self.redis.key("name", name))
            .arg(self.node_id.to_string())
            .arg("PX")
            .arg(LEASE.as_millis() as u64)
            .arg("GET");
        let before: Option<String> = self.redis.query(&command).await?;
        Ok(before.is_some_and(|before| before != self.node_id.to_string()))
    }

    /// Says how this node is set; returns how the others are.
    ///
    /// # Errors
    /// When Redis does not answer.
    pub(crate) async fn say_settings(
        &self,
        own: &NodeSettings,
    ) -> Result<Vec<NodeSettings>, RedisError> {
        let mut command = redis::cmd("SET");
        command
            .arg(self.settings_key(self.node_id))
            .arg(serde_json::to_string(own).unwrap_or_default())
            .arg("PX")
            .arg(LEASE.as_millis() as u64);
        self.redis.query::<()>(&command).await?;
        let others = self.other_nodes().await?;
        let read = async |node: &NodeId| {
            let mut command = redis::cmd("GET");
            command.arg(self.settings_key(*node));
            self.redis.query::<Option<String>>(&command).await
        };
        let mut found = Vec::new();
        for settings in join_all(others.iter().map(read)).await {
            // Those of a release that says something else cannot be compared.
            let settings = settings?.and_then(|text| serde_json::from_str(&text).ok());
            found.extend(settings);
        }
        Ok(found)
    }

    pub(super) fn settings_key(&self, node: NodeId) -> String {
        self.redis.key("settings", &node.to_string())
    }
}
