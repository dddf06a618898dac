//! Public keys of the members, and the session keys that are encrypted for each of them.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::ser::{Serialize, SerializeSeq, Serializer};
use smallvec::smallvec;

use super::{PUBLIC_KEYS_UPDATED, member_of, moves};
use crate::app::App;
use crate::connection::Connection;
use crate::connection::rooms::{Lagging, To, of_sessions};
use crate::dialects::Request;
use crate::dialects::fields::Fields;
use crate::model::session::{Member, Members, SessionId};
use crate::model::{Refusal, UserId, Why};
use crate::payload::{FrameSizes, Opaque, OwnedValue, Payload, frames};
use crate::sessions::{Session, SessionUpdate};

const SESSION_KEY_AVAILABLE: &str = "session-key-available";

/// One entry of `public-keys-updated`.
#[derive(serde::Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PublicKey<'a> {
    user_id: &'a str,
    public_key: Opaque<'a>,
    display_name: &'a str,
    /// Milliseconds since the epoch.
    joined_at: u64,
    /// When it took the place of another key, in milliseconds since the epoch.
    #[serde(skip_serializing_if = "Option::is_none")]
    key_changed_at: Option<u64>,
}

/// The payload of `public-keys-updated`: those members who have a key.
pub(super) struct PublicKeys<'a> {
    members: &'a [Member],
    except: Option<&'a UserId>,
    /// The change of the session that they are the keys after.
    revision: u64,
}

impl<'a> PublicKeys<'a> {
    /// The keys of these members after a change.
    pub(super) fn of(members: &'a [Member], revision: u64) -> Self {
        Self {
            members,
            except: None,
            revision,
        }
    }

    /// Publishes them to a session at once; `None`: the newest, when that is allowed.
    pub(super) async fn publish(
        &self,
        app: &Arc<App>,
        session: &mut Session<'_>,
    ) -> Option<Lagging> {
        let bytes = session.for_all(self.size());
        if session.allows_output(bytes) {
            return Some(self.publish_now(session).await);
        }
        if let Some(allowed) = session.defer_keys() {
            let (app, id) = (app.clone(), session.id().clone());
            app.drain.clone().spawn(async move {
                allowed.wait_for_bytes(bytes).await;
                publish_newest(&app, &id).await;
            });
        }
        None
    }

    async fn publish_now(&self, session: &mut Session<'_>) -> Lagging {
        let update = SessionUpdate {
            newest: Some(PUBLIC_KEYS_UPDATED),
            ..SessionUpdate::of(self.revision)
        };
        session
            .publish(
                To::Everyone,
                update,
                PUBLIC_KEYS_UPDATED,
                self,
                &self.frames(),
            )
            .await
    }

    /// Sends them to one connection.
    pub(super) fn send_to(&self, connection: &Arc<Connection>) {
        connection.send_behind(of_sessions, PUBLIC_KEYS_UPDATED, self, &self.frames());
    }

    fn entries(&self) -> impl Iterator<Item = PublicKey<'a>> {
        let except = self.except;
        let others = move |member: &&Member| Some(&member.user) != except;
        self.members.iter().filter(others).filter_map(|member| {
            Some(PublicKey {
                user_id: member.user.as_str(),
                public_key: member.public_key.as_ref()?.as_opaque(),
                display_name: &member.display_name,
                joined_at: member.joined_at,
                key_changed_at: member.key_changed_at,
            })
        })
    }

    fn frames(&self) -> FrameSizes {
        smallvec![self.size()]
    }

    /// Bytes of the list.
    pub(super) fn size(&self) -> usize {
        const NAMES: usize = 384;
        let size = |entry: PublicKey<'_>| NAMES + entry.public_key.written_size();
        NAMES + self.entries().map(size).sum::<usize>()
    }

    /// Bytes that the relay reads, writes and sends for one sender when it changes one of them.
    pub(super) fn cost(&self, session: &Session<'_>) -> usize {
        // In Redis, the whole list is read and written.
        let copies = if session.is_shared() { 3 } else { 1 };
        copies * self.size()
    }
}

/// Publishes the keys that the members of a session have now.
async fn publish_newest(app: &Arc<App>, id: &SessionId) {
    let mut session = app.sessions.lock(id).await;
    session.end_deferral();
    let Members { members, revision } = session.members().await;
    // There is no sender to slow down.
    let _ = PublicKeys::of(&members, revision)
        .publish_now(&mut session)
        .await;
}

impl Serialize for PublicKeys<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        for entry in self.entries() {
            seq.serialize_element(&entry)?;
        }
        seq.end()
    }
}

#[derive(serde::Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionKeyAvailable<'p, 'a> {
    encrypted_keys: &'p Opaque<'a>,
}

/// A public key, if there is one: a string or an object. Binary keys could add up to more attachments
/// in one event than clients accept.
pub(super) fn optional_public_key(
    fields: &Fields<'_, '_>,
    max: usize,
) -> Result<Option<OwnedValue>, Refusal> {
    const NAME: &str = "publicKey";
    let Some(key) = fields.optional(NAME) else {
        return Ok(None);
    };
    let json = key.json();
    let is_text = json.is_some_and(|json| json.starts_with(['"', '{']));
    match is_text && key.size() <= max {
        true => Ok(Some(OwnedValue::from(key))),
        false => Err(fields.refuse(NAME)),
    }
}

/// `save-public-key`
pub(super) async fn save_public_key(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    let (app, connection) = (request.app, request.connection);
    let fields = Fields::new(payload, request.config);
    let key = optional_public_key(&fields, request.config.max_key_bytes)?;
    let key = key.ok_or_else(|| Refusal::invalid("publicKey"))?;
    let name = fields.optional_name("displayName")?;
    let mut session = member_of(request, &fields, Some("userId")).await?;
    let saved = session.save_key(connection, key, name).await;
    let (saved, displaced) = saved.ok_or_else(Refusal::busy)?;
    moves::end_displaced(&mut session, &displaced, true).await;
    let keys = PublicKeys::of(&saved.members, saved.revision);
    let lagging = keys.publish(app, &mut session).await.unwrap_or_default();
    let cost = keys.cost(&session);
    drop(session);
    lagging.wait_at_rate(request.config.room_min_rate).await;
    request.pay_for_output(cost).await;
    Ok(())
}

/// `get-public-keys`. Clients ask before they join, and leave on an error: who may not see the keys
/// gets none. Who asks too often is answered later: a client waits for the answer.
pub(super) async fn get_public_keys(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    Box::pin(request.wait_for_question()).await?;
    let connection = request.connection;
    let fields = Fields::new(payload, request.config);
    let session = match member_of(request, &fields, Some("userId")).await {
        Ok(session) => session,
        Err(refusal) if refusal.why() == Why::NotMember => {
            PublicKeys::of(&[], 0).send_to(connection);
            return Ok(());
        }
        Err(malformed) => return Err(malformed),
    };
    let Members { members, .. } = session.members().await;
    let own = session.member_on(connection).map(|member| &member.user);
    let keys = PublicKeys {
        except: own,
        ..PublicKeys::of(&members, 0)
    };
    keys.send_to(connection);
    let size = keys.size();
    drop(session);
    request.pay_for_output(size).await;
    Ok(())
}

/// `set-session-key`
pub(super) async fn set_session_key(
    request: &mut Request<'_>,
    payload: &Payload<'_>,
) -> Result<(), Refusal> {
    const NAME: &str = "encryptedKeys";
    let fields = Fields::new(payload, request.config);
    let encrypted_keys = fields.filled(NAME)?;
    let fits = encrypted_keys.total_size() <= request.config.max_session_keys_bytes;
    if !encrypted_keys.is_object() || !fits {
        return Err(fields.refuse(NAME));
    }
    let mut session = member_of(request, &fields, None).await?;
    let keys = OwnedValue::from(encrypted_keys);
    let revision = session.set_session_keys(keys).await?;
    let available = SessionKeyAvailable { encrypted_keys };
    let frames = frames([encrypted_keys]);
    let update = SessionUpdate {
        newest: Some(SESSION_KEY_AVAILABLE),
        ..SessionUpdate::of(revision)
    };
    let published = session.publish(
        To::Everyone,
        update,
        SESSION_KEY_AVAILABLE,
        &available,
        &frames,
    );
    let lagging = published.await;
    drop(session);
    lagging.wait_at_rate(request.config.room_min_rate).await;
    Ok(())
}
