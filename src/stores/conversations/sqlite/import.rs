//! Lines of an import: all of a batch in one transaction.

use async_trait::async_trait;
use rusqlite::params;

use super::columns::number;
use super::leaving::end;
use super::membership::{add, counted};
use super::participant_rows;
use super::roles::set_role;
use super::store::SqliteConversations;
use super::writer::Writing;
use super::{conversations, users};
use crate::model::conversation::{
    Change, ChangedBy, Import, Imported, ImportedConversation, ImportedParticipant, Logged, Role,
    Step,
};
use crate::stores::conversations::error::StoreError;
use crate::stores::conversations::import::{ImportStore, of_line};

#[async_trait]
impl ImportStore for SqliteConversations {
    async fn import(
        &self,
        lines: Vec<Import>,
        max_active: usize,
    ) -> Result<Vec<Result<Imported, StoreError>>, StoreError> {
        let rows = lines.len();
        let write = self.writer.write_rows(None, rows, move |writing| {
            let each = lines.iter().map(|line| import(writing, line, max_active));
            each.map(of_line).collect()
        });
        write.await
    }
}

/// Nothing is changed where it fails.
fn import(writing: &Writing<'_>, line: &Import, max_active: usize) -> Result<Imported, StoreError> {
    match line {
        Import::User(user, change) => {
            let record = users::change(writing.db, user, change)?;
            Ok(Imported::User(record))
        }
        Import::Conversation(line) => conversation(writing, line).map(Imported::Logged),
        Import::Participant(line) => participant(writing, line, max_active).map(Imported::Logged),
    }
}

fn conversation(
    writing: &Writing<'_>,
    line: &ImportedConversation,
) -> Result<Vec<Change>, StoreError> {
    let known = conversations::find(writing.db, &line.id)?;
    match (known, line.new_conversation()) {
        (Some(known), _) if line.may_be_by(&known.created_by) => Ok(Vec::new()),
        (Some(_), _) | (None, None) => Err(StoreError::ConversationExists),
        (None, Some(new)) => {
            let created = conversations::create(writing, &new, ChangedBy::Admin)?;
            Ok(created.into_changes())
        }
    }
}

fn participant(
    writing: &Writing<'_>,
    line: &ImportedParticipant,
    max_active: usize,
) -> Result<Vec<Change>, StoreError> {
    let (db, id, user) = (writing.db, &line.conversation, &line.user);
    let conversation = counted(db, id)?.ok_or(StoreError::NoConversation)?;
    let known = participant_rows::find(db, id, user)?;
    let changed = match line.step(known.as_ref()) {
        Step::Nothing => return Ok(Vec::new()),
        Step::Add { .. } => {
            let new = line.new_participant();
            Some(add(writing, id, &new, ChangedBy::Admin, max_active)?)
        }
        Step::SetRole(role) => set_role(writing, id, user, role, &ChangedBy::Admin)?,
        Step::End => {
            // To who is ignored, there was nothing that they could leave.
            let has_left = known.is_some_and(|one| one.is_active() || one.is_invited());
            let by = line.ended_by().filter(|_| has_left);
            let by = by.cloned().map_or(ChangedBy::Admin, ChangedBy::User);
            end(writing, id, user, by)?
        }
        Step::Note => return note(writing, conversation, line).map(|()| Vec::new()),
    };
    Ok(changed.map(Logged::into_changes).unwrap_or_default())
}

/// One of whom the log says nothing: they have read nothing here, and nobody is told of them.
fn note(
    writing: &Writing<'_>,
    (conversation, messages): (i64, i64),
    line: &ImportedParticipant,
) -> Result<(), StoreError> {
    const INSERT: &str = "
        INSERT INTO participants
            (conversation, user, role, status, joinedAt, added, delivered, passed, endedBy)
        SELECT no, ?2, ?3, ?4, ?5, changes, changes, ?6, ?7 FROM conversations WHERE no = ?1";
    let mut insert = writing.db.prepare_cached(INSERT)?;
    insert.execute(params![
        conversation,
        line.user,
        line.role.unwrap_or(Role::Member),
        line.status,
        number(line.joined_at.unwrap_or(writing.now)),
        messages,
        line.ended_by(),
    ])?;
    Ok(())
}
