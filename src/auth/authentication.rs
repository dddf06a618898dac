//! Whom a token stands for here: verified, counted per address, known as a user, and not suspended.
//! The same for a handshake, a fresh token on a connection, and a request.

use std::net::IpAddr;

use crate::app::App;
use crate::auth::{AuthError, Verified};
use crate::model::conversation::{UserRecord, UserStatus};
use crate::model::{Identity, TokenUser};

/// A user who may work here, for a time.
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// Who it is.
    pub identity: Identity,
    /// When the token expires, in seconds since the epoch.
    pub expires_at: u64,
}

/// Finds out whom a token stands for. What it tells of them is kept.
///
/// # Errors
/// Everything that [`AuthError`] has but [`AuthError::Missing`]. Failures count against the address.
pub async fn authenticate(
    app: &App,
    address: IpAddr,
    token: &str,
) -> Result<Authenticated, AuthError> {
    let failures = &app.limits.authentication;
    if !failures.allows(address) {
        return Err(AuthError::TooManyAttempts);
    }
    let verified = app.verifier.verify(token).await;
    let Verified { user, expires_at } = verified.inspect_err(|_| failures.count(address))?;
    let identity = known(app, user).await?;
    Ok(Authenticated {
        identity,
        expires_at,
    })
}

/// The user as they are known, unless they are suspended. Relaying must not depend on the store of
/// conversations: when it fails, what the token tells is enough for who is not known to be suspended.
async fn known(app: &App, user: TokenUser) -> Result<Identity, AuthError> {
    if let Some(identity) = app.users.cached_identity(&user) {
        return Ok(identity);
    }
    let mut record = app.conversations.stores().users.upsert(&user).await;
    if app.users.is_suspended(&user.id) {
        // Read anew: it may have been kept after the first look.
        record = app.conversations.stores().users.upsert(&user).await;
        if record.as_ref().is_ok_and(is_active) {
            // Another program let them in again.
            app.users.changed(&user.id, false);
        }
    }
    match record {
        Ok(record) if !is_active(&record) => Err(AuthError::NotAuthorized),
        Ok(record) => {
            let identity = Identity {
                user: record.id,
                name: user.name.clone().unwrap_or(record.name),
                avatar_url: user.avatar_url.clone().or(record.avatar_url),
            };
            app.users.cache_identity(user, &identity);
            Ok(identity)
        }
        Err(error) => {
            tracing::warn!(%error, "a user was let in by the token alone");
            match app.users.is_suspended(&user.id) {
                true => Err(AuthError::NotAuthorized),
                false => Ok(Identity {
                    name: user.name.unwrap_or_else(|| user.id.shared().clone()),
                    avatar_url: user.avatar_url,
                    user: user.id,
                }),
            }
        }
    }
}

fn is_active(record: &UserRecord) -> bool {
    record.status == UserStatus::Active
}
