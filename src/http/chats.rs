//! `/api/chats`: conversations in the form of `chat`, for its deployed clients. It does what `/api/conversations` does,
//! and owns the form alone.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::sync::Arc;

use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use schemars::JsonSchema;
use serde::Serialize;

use super::body::{JsonText, run_to_end};
use super::caller::{Caller, only_users};
use super::chat_json::ChatJson;
use super::conversations::max_body;
use super::made_conversation::{self, Made};
use super::new_conversation::{self, ConversationRequest};
use super::paging;
use super::path::PathParameters;
use super::query::Parameters;
use super::refuse::conversation_exists;
use crate::app::App;
use crate::conversations::Initiator;
use crate::model::conversation::{
    ConversationId, Extra, Listed, Message, PageLimit, Participant, UserRecord, Window,
};
use crate::model::{Refusal, UserId, Why};
use crate::stores::conversations::StoreError;

/// How many chats are listed by default, and at most.
const DEFAULT_LIMIT: usize = 50;
const MAX_LIMIT: usize = 100;
/// The most participants that a chat has in a list, and alone.
const MAX_LISTED_PARTICIPANTS: usize = 20;
const MAX_PARTICIPANTS: usize = 1_000;
/// How many chats of a list are read at once.
const READ_AT_ONCE: usize = 8;

/// The routes.
pub(super) fn routes(app: &Arc<App>) -> Router<Arc<App>> {
    let limit = DefaultBodyLimit::max(max_body(&app.config.now()));
    let users = |methods| only_users(app, methods);
    Router::new()
        .route("/api/chats", users(post(create).get(list)).layer(limit))
        .route("/api/chats/{id}", users(get(show)))
}

#[derive(Serialize, JsonSchema)]
pub(super) struct OneChat<'a> {
    message: &'static str,
    chat: ChatJson<'a>,
}

#[derive(Serialize, JsonSchema)]
pub(super) struct ChatList<'a> {
    message: &'static str,
    total: u64,
    count: usize,
    limit: usize,
    offset: u64,
    chats: Vec<ChatJson<'a>>,
}

/// A chat with what is read of it for the caller.
struct Read {
    listed: Listed,
    participants: Vec<Participant>,
    last: Option<Message>,
}

/// Makes a chat. One with a single other user and no title is made once for the two.
async fn create(State(app): State<Arc<App>>, caller: Caller, body: JsonText) -> Response {
    run_to_end(&app.drain.clone(), async move {
        caller.check_limit()?;
        caller.check_stored(body.len())?;
        let payload = body.payload(&app.config.now())?;
        let request = new_conversation::by_user(&app, &caller, &payload).await?;
        // Of several requests at a time, such as by a click too many, the others find what one has made.
        let mut _alone = None;
        if let Some(other) = only_other(&caller, &request) {
            let conversations = &app.conversations;
            _alone = Some(conversations.lock(&place_of(caller.id(), other)).await);
            let known = &conversations.stores().conversations;
            if let Some(known) = known.between(caller.id(), other).await? {
                let message = "Chat already exists";
                return one(&app, &caller, &known, (StatusCode::OK, message), None).await;
            }
        }
        let by = Initiator::Participant(caller.acts(None));
        let check = || caller.check_conversation(request.new.participants.len());
        let made = made_conversation::make(&app, by, caller.id(), &request, check);
        let status = match made.await? {
            Made::Now(_) => (StatusCode::CREATED, "Chat created"),
            Made::Before(_) => (StatusCode::OK, "Chat already exists"),
            Made::By(creator) => return Ok(conversation_exists(&creator)),
        };
        one(&app, &caller, &request.new.id, status, Some(&request.extra)).await
    })
    .await
}

/// The only other user of a request that asks for nothing else.
fn only_other<'a>(caller: &Caller, request: &'a ConversationRequest) -> Option<&'a UserId> {
    let first = request.new.first();
    let mut others = first.iter().filter(|one| one.user != *caller.id());
    let other = others.next().filter(|other| !other.pending)?;
    let is_plain = !request.is_named && request.key.is_none();
    let is_plain = is_plain && request.new.description.title.is_none();
    (is_plain && others.next().is_none()).then_some(&other.user)
}

/// What is locked while a chat of these two is looked for and made.
fn place_of(one: &UserId, other: &UserId) -> ConversationId {
    let mut hasher = DefaultHasher::new();
    one.min(other).as_str().hash(&mut hasher);
    one.max(other).as_str().hash(&mut hasher);
    hasher.finish().cast_signed().into()
}

async fn show(
    State(app): State<Arc<App>>,
    caller: Caller,
    PathParameters(id): PathParameters<String>,
) -> Result<Response, Refusal> {
    let id = ConversationId::parse(&id).ok_or_else(not_found)?;
    one(&app, &caller, &id, (StatusCode::OK, "Chat retrieved"), None).await
}

/// A chat of others is answered like one that does not exist.
fn not_found() -> Refusal {
    Refusal::new(Why::ConversationNotFound).worded("Chat not found")
}

/// The answer with one chat of the caller.
async fn one(
    app: &App,
    caller: &Caller,
    id: &ConversationId,
    (status, message): (StatusCode, &'static str),
    said: Option<&Extra>,
) -> Result<Response, Refusal> {
    let conversations = &app.conversations.stores().conversations;
    let Some(listed) = conversations.find_for(id, caller.id()).await? else {
        let invitation = app.conversations.invitation(caller.id(), id).await?;
        let invitation = invitation.ok_or_else(not_found)?;
        let known = users(app, [&invitation.by]).await?;
        let chat = ChatJson::invitation(&invitation, &known, caller.id());
        return Ok((status, Json(OneChat { message, chat })).into_response());
    };
    let read = read(app, caller.id(), listed, MAX_PARTICIPANTS).await?;
    let known = users(app, read.participants.iter().map(|one| &one.user)).await?;
    let chat = read.json(&known, caller.id());
    let chat = match said {
        Some(said) => chat.saying(said),
        None => chat,
    };
    Ok((status, Json(OneChat { message, chat })).into_response())
}

async fn list(
    State(app): State<Arc<App>>,
    caller: Caller,
    Query(query): Query<Parameters>,
) -> Result<Response, Refusal> {
    let limit = paging::limit_within(&query, DEFAULT_LIMIT, MAX_LIMIT)?;
    let offset = paging::offset(&query)?.unwrap_or(0);
    // Each of them costs about as much as a message.
    caller.pass_over(offset.saturating_add(limit as u64)).await;
    let stores = app.conversations.stores();
    let total = stores.conversations.count_for(caller.id()).await?;
    let listed = listed_from(&app, caller.id(), offset, limit).await?;
    let reads = listed
        .into_iter()
        .map(|one| read(&app, caller.id(), one, MAX_LISTED_PARTICIPANTS));
    let reads = stream::iter(reads).buffered(READ_AT_ONCE);
    let mut chats: Vec<_> = reads.try_collect().await?;
    cut(&mut chats);
    let invitations = match offset {
        0 => app.conversations.invitations_of(caller.id()).await?,
        _ => Vec::new(),
    };
    let named = chats.iter().flat_map(|chat| &chat.participants);
    let named = named.map(|one| &one.user);
    let known = users(&app, named.chain(invitations.iter().map(|one| &one.by))).await?;
    let invited = invitations.iter();
    let invited = invited.map(|one| ChatJson::invitation(one, &known, caller.id()));
    let own = chats.iter().map(|chat| chat.json(&known, caller.id()));
    Ok(Json(ChatList {
        message: "Chats retrieved",
        total,
        count: chats.len(),
        limit,
        offset,
        chats: invited.chain(own).collect(),
    })
    .into_response())
}

/// The chats of a user behind so many, the one with the newest message first.
async fn listed_from(
    app: &App,
    user: &UserId,
    offset: u64,
    limit: usize,
) -> Result<Vec<Listed>, StoreError> {
    let conversations = &app.conversations.stores().conversations;
    let (mut passed, mut after) = (0, None);
    while passed < offset {
        let step = (offset - passed).min(MAX_LIMIT as u64);
        let page = conversations.list_for(user, after.as_ref(), step as usize);
        after = page.await?.next;
        if after.is_none() {
            return Ok(Vec::new());
        }
        passed += step;
    }
    let page = conversations.list_for(user, after.as_ref(), limit).await?;
    Ok(page.conversations)
}

/// Reads of a chat what a list of them does not have.
async fn read(app: &App, user: &UserId, listed: Listed, most: usize) -> Result<Read, StoreError> {
    let stores = app.conversations.stores();
    let id = &listed.conversation.id;
    let participants = stores.participants.page(id, None, most).await?;
    let newest = PageLimit::new(1).unwrap_or(PageLimit::MAX);
    let page = stores.messages.page(id, user, Window::default(), newest);
    let last = match page.await {
        Ok(mut page) => page.messages.pop(),
        // Who has left meanwhile.
        Err(StoreError::NotParticipant) => None,
        Err(error) => return Err(error),
    };
    Ok(Read {
        listed,
        participants,
        last,
    })
}

impl Read {
    fn json<'a>(
        &'a self,
        known: &'a HashMap<UserId, UserRecord>,
        caller: &'a UserId,
    ) -> ChatJson<'a> {
        let own = (caller, self.listed.unread);
        let chat = ChatJson::new(&self.listed.conversation, &self.participants, known, own);
        chat.with_last(self.last.as_ref())
    }
}

/// Leaves out the newest messages that exceed the size of a page together.
fn cut(chats: &mut [Read]) {
    let mut size = 0;
    for chat in chats {
        size += chat.last.as_ref().map_or(0, Message::size);
        if size > PageLimit::MAX_BYTES {
            chat.last = None;
        }
    }
}

/// Those of these users whom the store knows.
async fn users(
    app: &App,
    users: impl IntoIterator<Item = &UserId>,
) -> Result<HashMap<UserId, UserRecord>, StoreError> {
    let users: HashSet<_> = users.into_iter().cloned().collect();
    let users: Vec<_> = users.into_iter().collect();
    let known = app.conversations.stores().users.find_all(&users).await?;
    Ok(known
        .into_iter()
        .map(|user| (user.id.clone(), user))
        .collect())
}
