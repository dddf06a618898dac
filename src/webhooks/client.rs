//! One request to an endpoint: signed, to an address that it may have, and no other way.
//!
//! Owns what an endpoint receives beside the body. It must not follow where an answer points, nor keep what it says.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;

use super::fact::FactId;
use super::queue::Outcome;
use super::signature::sign;
use crate::config::webhook_address::{AddressRefused, check};
use crate::config::{Endpoint, EndpointUrl, SigningSecrets};

/// How much of an answer is read.
const ANSWER_BYTES: usize = 1_024;
/// How many connections are kept for the next request.
const IDLE_CONNECTIONS: usize = 8;

/// What sends to one endpoint.
#[derive(Clone, Debug)]
pub(super) struct Client {
    client: reqwest::Client,
    url: EndpointUrl,
    secrets: SigningSecrets,
}

impl Client {
    /// A client for this endpoint.
    ///
    /// # Errors
    /// TLS cannot be used.
    pub(super) fn new(
        endpoint: &Endpoint,
        timeout: Duration,
        allows_private: bool,
    ) -> reqwest::Result<Self> {
        let client = reqwest::Client::builder()
            .no_proxy()
            .redirect(Policy::none())
            .referer(false)
            .timeout(timeout)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .user_agent(concat!("sealed-relay/", env!("CARGO_PKG_VERSION")))
            .dns_resolver(Checked { allows_private })
            .build()?;
        Ok(Self {
            client,
            url: endpoint.url.clone(),
            secrets: endpoint.secrets.clone(),
        })
    }

    /// Sends a fact. The error, if there is one, says why in words that may be logged.
    pub(super) async fn send(&self, id: FactId, body: Bytes) -> (Outcome, Option<AddressRefused>) {
        let id = id.to_string();
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let timestamp = now.unwrap_or_default().as_secs();
        let signature = sign(self.secrets.keys(), &id, timestamp, &body);
        let request = self
            .client
            .post(self.url.expose())
            .header(CONTENT_TYPE, "application/json")
            .header("webhook-id", id)
            .header("webhook-timestamp", timestamp)
            .header("webhook-signature", signature)
            .body(body);
        match request.send().await {
            Ok(answer) => (of_answer(answer).await, None),
            Err(error) => of_error(&error),
        }
    }
}

async fn of_answer(mut answer: reqwest::Response) -> Outcome {
    let status = answer.status();
    let retry_after = answer.headers().get(RETRY_AFTER);
    let retry_after = retry_after.and_then(|value| value.to_str().ok()?.trim().parse().ok());
    // What is short is read, so that the connection can be used again; how it ends says nothing of the fact.
    let mut read = 0;
    while read < ANSWER_BYTES
        && let Ok(Some(chunk)) = answer.chunk().await
    {
        read += chunk.len();
    }
    match status.is_success() {
        true => Outcome::Delivered,
        false => Outcome::Status(status.as_u16(), retry_after.map(Duration::from_secs)),
    }
}

fn of_error(error: &reqwest::Error) -> (Outcome, Option<AddressRefused>) {
    let mut source = error.source();
    while let Some(cause) = source {
        if let Some(refused) = cause.downcast_ref::<AddressRefused>() {
            return (Outcome::AddressRefused, Some(*refused));
        }
        source = cause.source();
    }
    match error.is_timeout() {
        true => (Outcome::Timeout, None),
        false => (Outcome::Connection, None),
    }
}

/// Resolves names to the addresses that an endpoint may have, for each connection anew.
struct Checked {
    allows_private: bool,
}

impl Resolve for Checked {
    fn resolve(&self, name: Name) -> Resolving {
        let allows_private = self.allows_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let addresses = allowed(found, allows_private)?;
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Those of the addresses that an endpoint may have.
///
/// # Errors
/// None of them; why the last is not.
fn allowed(
    found: impl Iterator<Item = SocketAddr>,
    allows_private: bool,
) -> Result<Vec<SocketAddr>, AddressRefused> {
    let (mut addresses, mut refused) = (Vec::new(), None);
    for address in found {
        match check(address.ip(), allows_private) {
            Ok(()) => addresses.push(address),
            Err(why) => refused = Some(why),
        }
    }
    match (addresses.is_empty(), refused) {
        (true, Some(why)) => Err(why),
        _ => Ok(addresses),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_counts_only_with_the_addresses_that_are_allowed() {
        let addresses = |text: &str| {
            let parsed = text.split(' ').map(|one| one.parse().unwrap());
            parsed.collect::<Vec<SocketAddr>>()
        };
        let some = addresses("8.8.8.8:0 127.0.0.1:0 [::ffff:10.0.0.1]:0 169.254.169.254:0");
        let public = allowed(some.iter().copied(), false).unwrap();
        assert_eq!(public, addresses("8.8.8.8:0"));
        let all = allowed(some.into_iter(), true).unwrap();
        assert_eq!(all, addresses("8.8.8.8:0 127.0.0.1:0 [::ffff:10.0.0.1]:0"));
        let private = addresses("[::ffff:127.0.0.1]:0");
        assert_eq!(
            allowed(private.into_iter(), false),
            Err(AddressRefused::Private)
        );
        let never = addresses("169.254.169.254:0");
        assert_eq!(allowed(never.into_iter(), true), Err(AddressRefused::Never));
    }
}
