//! How far the files of a user are, for the other nodes that the user may come to. It must not know what that says.
//!
//! Redis has a hash for each user, of a bounded number of fields, for as long as a file goes on and a while longer.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use super::Cluster;
use crate::model::UserId;

/// How many files of a user are known; of more, some take the place of others.
const FIELDS: u64 = 2048;
/// How long they are known after the last chunk of any.
const KNOWN_FOR: Duration = Duration::from_secs(600);

impl Cluster {
    /// Tells other nodes how far a file is.
    pub(crate) fn note_transfer(&self, user: &UserId, file: &str, progress: &str) {
        let key = self.transfers_key(user);
        let mut set = redis::cmd("HSET");
        set.arg(&key).arg(field(file));
        set.arg(format!("{progress}\n{file}"));
        let mut expire = redis::cmd("EXPIRE");
        expire.arg(&key).arg(KNOWN_FOR.as_secs());
        self.bus.run_command(set);
        self.bus.run_command(expire);
    }

    /// How far a file is, as a node noted last. `None` also when Redis does not answer.
    pub(crate) async fn transfer(&self, user: &UserId, file: &str) -> Option<String> {
        let mut get = redis::cmd("HGET");
        get.arg(self.transfers_key(user)).arg(field(file));
        let noted: Option<String> = self.redis.query(&get).await.ok()?;
        let noted = noted?;
        let (progress, of) = noted.split_once('\n')?;
        (of == file).then(|| progress.to_owned())
    }

    fn transfers_key(&self, user: &UserId) -> String {
        self.redis.key("files", user.as_str())
    }
}

/// The same on all nodes.
fn field(file: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    file.hash(&mut hasher);
    hasher.finish() % FIELDS
}
