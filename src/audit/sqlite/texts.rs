//! What follows from the type of a record, in table `event_types`: the level, whether it was a success,
//! and the message.
//!
//! A batch names the texts that its records were written with. Those of a later version are added, so
//! that old records keep theirs.

use std::collections::HashMap;

use rusqlite::{Connection, params};

use crate::audit::event_type::EventType;
use crate::audit::line;

const CURRENT: &str = "SELECT max(texts) FROM event_types";
const ALL: &str = "SELECT texts, eventType, level, success, message FROM event_types";
const INSERT: &str = "
    INSERT INTO event_types (texts, eventType, level, success, message) VALUES (?1, ?2, ?3, ?4, ?5)";

/// The number of this version's texts; 0: there are none yet.
pub(super) fn current(connection: &Connection) -> rusqlite::Result<i64> {
    let current = connection.query_row(CURRENT, [], |row| row.get::<_, Option<i64>>(0))?;
    Ok(current.unwrap_or(0))
}

/// Adds those of this version, unless they are there.
pub(super) fn add(connection: &Connection) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    let (current, known) = (current(&transaction)?, Texts::read(&transaction)?);
    let is_known = |event_type: &EventType| {
        let text = known.0.get(&(current, event_type.as_str().to_owned()));
        text.is_some_and(|text| *text == Text::of(*event_type))
    };
    if EventType::ALL.iter().all(is_known) {
        return Ok(());
    }
    let mut insert = transaction.prepare(INSERT)?;
    for event_type in EventType::ALL {
        let text = Text::of(*event_type);
        let name = event_type.as_str();
        insert.execute(params![
            current + 1,
            name,
            text.level,
            text.success,
            text.message
        ])?;
    }
    drop(insert);
    transaction.commit()
}

#[derive(PartialEq)]
struct Text {
    level: String,
    success: bool,
    message: String,
}

impl Text {
    fn of(event_type: EventType) -> Self {
        Self {
            level: event_type.level().as_str().to_owned(),
            success: event_type.success(),
            message: event_type.message().to_owned(),
        }
    }
}

/// All texts of a file.
pub(super) struct Texts(HashMap<(i64, String), Text>);

impl Texts {
    pub(super) fn read(connection: &Connection) -> rusqlite::Result<Self> {
        let mut select = connection.prepare(ALL)?;
        let texts = select.query_map([], |row| {
            let text = Text {
                level: row.get(2)?,
                success: row.get(3)?,
                message: row.get(4)?,
            };
            Ok(((row.get(0)?, row.get(1)?), text))
        })?;
        texts.collect::<Result<_, _>>().map(Self)
    }

    /// Those of a type in a batch.
    pub(super) fn of<'a>(&'a self, number: i64, event_type: &'a str) -> line::Texts<'a> {
        match self.0.get(&(number, event_type.to_owned())) {
            Some(text) => line::Texts {
                level: &text.level,
                success: text.success,
                message: &text.message,
            },
            None => line::Texts::of(event_type),
        }
    }
}
