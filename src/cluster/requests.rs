//! Requests of backends that are done once over all nodes, by a key of theirs in Redis. It must not know what they ask for.

use std::time::Duration;

use super::Cluster;
use crate::stores::drivers::redis::RedisError;

/// How long a node may take to do one; if it dies meanwhile, another one may do it then.
const PENDING: Duration = Duration::from_secs(10);
/// What stands before the answer in an entry.
const DONE: char = '+';

/// Who does a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// This node.
    Here,
    /// Another one, at this moment.
    Elsewhere,
    /// It was done, and answered so.
    Done(String),
    /// Its key stands for another request.
    Other,
    /// Redis does not say.
    Unknown,
}

impl Cluster {
    /// Claims a request with this key and this digest of its body.
    pub(crate) async fn claim_request(&self, token: &str, key: &str, body: &str) -> Claimed {
        match self.try_claim(token, key, body).await {
            Ok(claimed) => claimed,
            Err(error) => {
                tracing::warn!(%error, "Redis does not say whether a request was done before");
                Claimed::Unknown
            }
        }
    }

    async fn try_claim(&self, token: &str, key: &str, body: &str) -> Result<Claimed, RedisError> {
        let name = self.request_key(token, key);
        let mut command = redis::cmd("SET");
        command.arg(&name).arg(body).arg("NX");
        command.arg("PX").arg(PENDING.as_millis() as u64).arg("GET");
        let before: Option<String> = self.redis.query(&command).await?;
        let Some(before) = before else {
            return Ok(Claimed::Here);
        };
        let (known, answer) = match before.split_once(DONE) {
            Some((known, answer)) => (known, Some(answer)),
            None => (&*before, None),
        };
        Ok(match answer {
            _ if known != body => Claimed::Other,
            Some(answer) => Claimed::Done(answer.to_owned()),
            None => Claimed::Elsewhere,
        })
    }

    /// Has all nodes answer a request so that this one has claimed, for so long.
    pub(crate) async fn keep_answer(
        &self,
        (token, key): (&str, &str),
        body: &str,
        answer: &str,
        kept: Duration,
    ) {
        let mut command = redis::cmd("SET");
        command.arg(self.request_key(token, key));
        command.arg(format!("{body}{DONE}{answer}"));
        command.arg("PX").arg(kept.as_millis() as u64);
        if let Err(error) = self.redis.query::<()>(&command).await {
            tracing::warn!(%error, "other servers do not know that a request was done");
        }
    }

    /// A request that this node has claimed was not done.
    pub(crate) async fn release_request(&self, token: &str, key: &str) {
        let mut command = redis::cmd("DEL");
        command.arg(self.request_key(token, key));
        if let Err(error) = self.redis.query::<()>(&command).await {
            tracing::warn!(%error, "a request cannot be done on other servers for some seconds");
        }
    }

    fn request_key(&self, token: &str, key: &str) -> String {
        self.redis.key("request", &format!("{token}:{key}"))
    }
}
