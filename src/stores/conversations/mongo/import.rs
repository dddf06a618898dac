//! Lines of an import: those of one user or conversation one after the other, those of several beside each other.

use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt as _, stream};
use mongodb::bson::{Document, doc};

use super::collections::{one, unless_there};
use super::db::Db;
use super::documents::{ParticipantDocument, State, date};
use super::filters::this;
use super::leaving::end;
use super::log::Log;
use super::participants::add;
use super::roles::set_role;
use super::store::MongoConversations;
use super::{conversations, users};
use crate::model::UserId;
use crate::model::conversation::{
    Change, ChangedBy, ConversationId, Import, Imported, ImportedConversation, ImportedParticipant,
    Logged, Role, Step,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::import::{ImportStore, of_line};

/// How many users and conversations are stored at once.
const AT_ONCE: usize = 16;

#[async_trait]
impl ImportStore for MongoConversations {
    async fn import(
        &self,
        lines: Vec<Import>,
        max_active: usize,
    ) -> Result<Vec<Result<Imported, StoreError>>, StoreError> {
        let is_user = |line: &Import| matches!(line, Import::User(..));
        match lines.iter().all(is_user) {
            true => {
                self.write_user(|db| import_all(db, lines, max_active))
                    .await
            }
            false => self.write(|db| import_all(db, lines, max_active)).await,
        }
    }
}

/// Whose lines keep their order.
#[derive(PartialEq, Eq, Hash)]
enum Of {
    User(UserId),
    Conversation(ConversationId),
}

fn of(line: &Import) -> Of {
    match line {
        Import::User(user, _) => Of::User(user.clone()),
        Import::Conversation(line) => Of::Conversation(line.id.clone()),
        Import::Participant(line) => Of::Conversation(line.conversation.clone()),
    }
}

async fn import_all(
    db: Arc<Db>,
    lines: Vec<Import>,
    max_active: usize,
) -> Result<Vec<Result<Imported, StoreError>>, StoreError> {
    let mut groups: HashMap<Of, Vec<(usize, Import)>> = HashMap::new();
    for (index, line) in lines.into_iter().enumerate() {
        groups.entry(of(&line)).or_default().push((index, line));
    }
    let db = &db;
    let groups = groups.into_values().map(|group| async move {
        let mut done = Vec::with_capacity(group.len());
        for (index, line) in group {
            done.push((index, of_line(import(db, &line, max_active).await)?));
        }
        Ok(done)
    });
    let mut groups = stream::iter(groups).buffer_unordered(AT_ONCE);
    let mut all = Vec::new();
    while let Some(done) = groups.next().await {
        let done: Result<Vec<_>, StoreError> = done;
        all.extend(done?);
    }
    all.sort_by_key(|(index, _)| *index);
    Ok(all.into_iter().map(|(_, done)| done).collect())
}

async fn import(db: &Db, line: &Import, max_active: usize) -> Result<Imported, StoreError> {
    Ok(match line {
        Import::User(user, change) => Imported::User(users::change(db, user, change).await?),
        Import::Conversation(line) => Imported::Logged(conversation(db, line).await?),
        Import::Participant(line) => Imported::Logged(participant(db, line, max_active).await?),
    })
}

async fn conversation(db: &Db, line: &ImportedConversation) -> Result<Vec<Change>, StoreError> {
    let known = conversations::find(db, &line.id).await?;
    if known.is_none()
        && let Some(new) = line.new_conversation()
    {
        match conversations::create(db, &new, &ChangedBy::Admin).await {
            Err(StoreError::ConversationExists) => {}
            created => return created.map(Logged::into_changes),
        }
    }
    // Another node may have made it meanwhile.
    let known = conversations::find(db, &line.id).await?;
    match known.is_some_and(|known| line.may_be_by(&known.created_by)) {
        true => Ok(Vec::new()),
        false => Err(StoreError::ConversationExists),
    }
}

async fn participant(
    db: &Db,
    line: &ImportedParticipant,
    max_active: usize,
) -> Result<Vec<Change>, StoreError> {
    let (id, user, by) = (&line.conversation, &line.user, ChangedBy::Admin);
    loop {
        if conversations::find(db, id).await?.is_none() {
            return Err(StoreError::NoConversation);
        }
        let known = one(db.participants.find_one(this(id, user))).await?;
        let known = known.as_ref().and_then(ParticipantDocument::participant);
        let changed = match line.step(known.as_ref()) {
            Step::Nothing => return Ok(Vec::new()),
            Step::Add { .. } => {
                let new = line.new_participant();
                Some(add(db, id, &new, &by, max_active).await?)
            }
            Step::SetRole(role) => set_role(db, id, user, role, &by).await?,
            Step::End => {
                // To who is ignored, there was nothing that they could leave.
                let has_left = known.is_some_and(|one| one.is_active() || one.is_invited());
                let by = line.ended_by().filter(|_| has_left);
                let by = by.cloned().map_or(ChangedBy::Admin, ChangedBy::User);
                end(db, id, user, &by).await?
            }
            Step::Note if note(db, line).await? => return Ok(Vec::new()),
            // Somebody else was faster.
            Step::Note => continue,
        };
        return Ok(changed.map(Logged::into_changes).unwrap_or_default());
    }
}

/// One of whom the log says nothing: they have read nothing here, and nobody is told of them. `false`: they are there.
async fn note(db: &Db, line: &ImportedParticipant) -> Result<bool, StoreError> {
    let _log = Log::open(db, &line.conversation).await;
    let state = State {
        status: line.status,
        role: line.role.unwrap_or(Role::Member),
        key_number: None,
    };
    let mut document = this(&line.conversation, &line.user);
    document.extend(doc! {
        "role": state.role.as_str(),
        "status": state.status.as_str(),
        "joinedAt": date(line.joined_at.unwrap_or_else(|| db.now())),
        "logged": state.logged(0),
        "pending": false,
        "ignored": true,
        "endedBy": line.ended_by().map(UserId::as_str),
    });
    let participants = db.participants.clone_with_type::<Document>();
    let inserted = unless_there(participants.insert_one(document)).await?;
    Ok(inserted.is_some())
}
