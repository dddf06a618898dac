//! Whom a token stands for: verified, known as a user, and not suspended. The same for a handshake, for a
//! new token on a connection, and for a request. Only what is not valid is limited, so a good token is
//! accepted whatever others have tried.

use std::net::IpAddr;
use std::sync::Arc;

use super::failure_log::FailureLog;
use super::long_lived::LongLived;
use super::names::Names;
use super::{Verified, Verifier, identity_of};
use crate::audit::{Audit, Event, Record};
use crate::config::{Live, LiveConfig};
use crate::connection::{Client, ConnectionId};
use crate::conversations::{Conversations, KnownBy};
use crate::limits::AddressLimits;
use crate::metrics::authentications;
use crate::model::conversation::{UserRecord, UserStatus};
use crate::model::{AuthFailure, Dialect, Identity, Refusal, TokenFacts, TokenUser, UserId, Why};
use crate::revocations::RevokedTokens;
use crate::stores::ApplicationUsers;
use crate::stores::conversations::{StoreError, UserStore};
use crate::users::Users;

/// A user, authenticated until their token expires.
#[derive(Debug, Clone)]
pub(crate) struct Authenticated {
    /// Who it is.
    pub(crate) identity: Identity,
    /// What is kept of the token.
    pub(crate) token: TokenFacts,
}

/// Authenticates users by their tokens.
#[derive(Debug)]
pub(crate) struct Authenticator {
    verifier: Live<Verifier>,
    limits: Arc<AddressLimits>,
    users: Arc<Users>,
    conversations: Arc<Conversations>,
    /// Of users whose tokens have none.
    names: Option<Names>,
    /// Tokens that were taken back.
    revoked: Arc<RevokedTokens>,
    long_lived: LongLived,
    failures: FailureLog,
}

/// Who was not authenticated, and by what they are found again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Attempt<'a> {
    /// Where they come from.
    pub(crate) client: &'a Client,
    /// Their connection, if there is one already.
    pub(crate) connection: Option<ConnectionId>,
    /// The name of the administrator's token that they have.
    pub(crate) admin: Option<&'a Arc<str>>,
    /// The id of their request over REST.
    pub(crate) request: Option<&'a str>,
}

impl Authenticator {
    /// Authenticates with the keys of `verifier`; what tokens say of users is stored beside the conversations. Names
    /// that they lack are looked up in `application`.
    pub(crate) fn new(
        verifier: Verifier,
        limits: Arc<AddressLimits>,
        users: Arc<Users>,
        conversations: Arc<Conversations>,
        application: Option<Arc<ApplicationUsers>>,
        (revoked, config): (Arc<RevokedTokens>, LiveConfig),
    ) -> Self {
        Self {
            verifier: verifier.into(),
            limits,
            users,
            conversations,
            names: application.map(Names::of),
            revoked,
            long_lived: LongLived::new(config),
            failures: FailureLog::default(),
        }
    }

    /// What verifies tokens; it can be replaced.
    pub(crate) fn verifier(&self) -> &Live<Verifier> {
        &self.verifier
    }

    /// Whether the key set can be fetched. `None`: there is none.
    pub(crate) fn key_set_works(&self) -> Option<bool> {
        self.verifier.now().key_set_works()
    }

    /// Records and logs that somebody was refused instead of authenticated.
    pub(crate) fn note_failure(&self, audit: &Audit, attempt: Attempt<'_>, refusal: &Refusal) {
        let Attempt {
            client,
            connection,
            admin,
            request,
        } = attempt;
        let (code, reason) = (refusal.code, refusal.auth_failure());
        if let Some(reason) = reason {
            authentications::failed(reason);
        }
        let identity = refusal.refused_identity();
        let source = match admin {
            Some(token) => client.admin_source(token),
            None => client.source(connection, identity),
        };
        let event = Event::AuthFailed { code, reason };
        audit.record(Record::new(&source, client.declared, event));
        let Some(reason) = reason.filter(|reason| self.failures.admits(*reason, client.address))
        else {
            return;
        };
        tracing::warn!(
            reason = reason.as_str(),
            address = %client.address,
            dialect = client.declared.map(Dialect::as_str),
            session = connection.map(|connection| tracing::field::display(connection.uuid())),
            requestId = request,
            user = identity.map(|identity| identity.user.as_str()),
            token = admin.map(|name| &**name),
            "a client was not authenticated"
        );
    }

    /// Logs what of this minute was only counted.
    pub(crate) fn end_minute(&self) {
        self.failures.end_minute();
        self.long_lived.end_minute();
    }

    /// Finds out whom a token stands for, and stores what it says of them.
    ///
    /// # Errors
    /// The token is not valid, which counts as a failure of the address and of the user that it names; either
    /// had too many; or the user is suspended.
    pub(crate) async fn authenticate(
        &self,
        address: IpAddr,
        token: &str,
    ) -> Result<Authenticated, Refusal> {
        let verified = self.verifier.now().verify(token).await;
        let verified = verified.and_then(|verified| self.unless_revoked(verified));
        let failed = |refusal| self.count_failure(address, token, refusal);
        let Verified { user, token } = verified.map_err(failed)?;
        self.long_lived.look(&user.id, &token);
        let identity = self.identify(user).await?;
        Ok(Authenticated { identity, token })
    }

    fn unless_revoked(&self, verified: Verified) -> Result<Verified, Refusal> {
        match self
            .revoked
            .have(verified.user.id.as_str(), &verified.token)
        {
            true => {
                let identity = identity_of(&verified.user);
                Err(Refusal::unauthenticated(
                    AuthFailure::Revoked,
                    Some(identity),
                ))
            }
            false => Ok(verified),
        }
    }

    /// Counts a token that is not valid; why it is refused.
    fn count_failure(&self, address: IpAddr, token: &str, refusal: Refusal) -> Refusal {
        // One that was good once is the user's own.
        let is_forged = refusal.why() == Why::BadToken && refusal.refused_identity().is_none();
        let subject = is_forged
            .then(|| self.verifier.now().claimed_user(token))
            .flatten();
        let subject = subject.as_ref().map(UserId::as_str);
        match self.limits.authentication.exceeded_by(address, subject) {
            true => Refusal::unauthenticated(
                AuthFailure::Throttled,
                refusal.refused_identity().cloned(),
            ),
            false => refusal,
        }
    }

    /// The identity of the user of a valid token, unless they are suspended. Relaying must not depend
    /// on the store: while it fails, the token is enough for a user not known to be suspended.
    async fn identify(&self, user: TokenUser) -> Result<Identity, Refusal> {
        self.users.note_id_type(&user);
        match self.users.cached_identity(&user) {
            Some(identity) => Ok(identity),
            // In a box: most users who connect need none of it.
            None => Box::pin(self.identify_by_store(user)).await,
        }
    }

    async fn identify_by_store(&self, user: TokenUser) -> Result<Identity, Refusal> {
        match self.record(&user).await {
            Ok(record) if !is_active(&record) => Err(suspended(&user)),
            Ok(record) => {
                let record = self.named(&user, record).await;
                let identity = Identity {
                    user: record.id,
                    name: user.name.clone().unwrap_or(record.name),
                    avatar_url: user.avatar_url.clone().or(record.avatar_url),
                };
                self.users.cache_identity(user, &identity);
                Ok(identity)
            }
            Err(error) => {
                if self.users.is_suspended(&user.id) {
                    tracing::warn!(%error, "a suspended user was refused without the store");
                    return Err(suspended(&user));
                }
                tracing::warn!(%error, "a user was admitted by the token alone");
                Ok(self.known_here(&user))
            }
        }
    }

    /// The record of a user, under the name that the application has for them if nobody else has given one. It is
    /// stored, for histories to have it.
    async fn named(&self, user: &TokenUser, record: UserRecord) -> UserRecord {
        let Some(names) = &self.names else {
            return record;
        };
        if user.name.is_some() || record.given_name.is_some() {
            return record;
        }
        let Some(name) = names
            .find(&user.id)
            .await
            .filter(|name| *name != record.name)
        else {
            return record;
        };
        let named = TokenUser {
            name: Some(name.clone()),
            ..user.clone()
        };
        let stored = self.users_store().upsert(&named).await;
        stored.unwrap_or_else(|error| {
            tracing::warn!(%error, "the name of a user was not stored");
            UserRecord { name, ..record }
        })
    }

    /// A user by the token, and what it lacks as on another connection of theirs.
    fn known_here(&self, user: &TokenUser) -> Identity {
        let members = self.users.members(user.id.as_str());
        let Some(known) = members.first().map(|member| member.identity()) else {
            return identity_of(user);
        };
        Identity {
            user: user.id.clone(),
            name: user.name.clone().unwrap_or_else(|| known.name.clone()),
            avatar_url: user.avatar_url.clone().or_else(|| known.avatar_url.clone()),
        }
    }

    /// Stores what a token says of its user, and reads what the store has of them.
    async fn record(&self, user: &TokenUser) -> Result<UserRecord, StoreError> {
        let record = self.stored(user).await;
        if !self.users.is_suspended(&user.id) {
            return record;
        }
        // Read again: the suspension may have been stored after the first read.
        let record = self.stored(user).await;
        if record.as_ref().is_ok_and(is_active) {
            // Another program lifted the suspension.
            self.users.set_suspended(&user.id, false);
        }
        record
    }

    async fn stored(&self, user: &TokenUser) -> Result<UserRecord, StoreError> {
        // Most users who connect are known, and a read is cheaper.
        let known = self.users_store().find(&user.id).await?;
        if let Some(record) = known.filter(|record| record.covers(user)) {
            return Ok(record);
        }
        // Before it is stored, so that it is repeated if this fails; and again for those who were added by the
        // name meanwhile.
        self.claim_pending(user).await?;
        let record = self.users_store().upsert(user).await?;
        self.claim_pending(user).await?;
        Ok(record)
    }

    async fn claim_pending(&self, user: &TokenUser) -> Result<(), StoreError> {
        let Some(username) = &user.username else {
            return Ok(());
        };
        let (identity, by) = (identity_of(user), KnownBy::Token);
        let conversations = &self.conversations;
        conversations.claim_pending(&identity, username, by).await
    }

    fn users_store(&self) -> &dyn UserStore {
        self.conversations.stores().users.as_ref()
    }
}

fn suspended(user: &TokenUser) -> Refusal {
    Refusal::unauthenticated(AuthFailure::Suspended, Some(identity_of(user)))
}

fn is_active(record: &UserRecord) -> bool {
    record.status == UserStatus::Active
}
