//! Reads the databases of a server that has stopped.

use std::fmt::Write as _;
use std::path::Path;

use rusqlite::Connection;
use rusqlite::types::ValueRef;

/// Every column of every row of every table and view of the audit, as text. Of a server that has stopped.
pub fn dump(data: &Path) -> String {
    dump_of(data, "relay.db")
}

/// The same of another database.
pub fn dump_of(data: &Path, file: &str) -> String {
    let database = Connection::open(data.join(file)).unwrap();
    let mut tables = database
        .prepare("SELECT name FROM sqlite_master WHERE type IN ('table', 'view')")
        .unwrap();
    let tables: Vec<String> = tables
        .query_map([], |row| row.get(0))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let mut text = String::new();
    for table in tables {
        let mut query = database
            .prepare(&format!("SELECT * FROM \"{table}\""))
            .unwrap();
        let columns = query.column_count();
        let mut rows = query.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                match row.get_ref(column).unwrap() {
                    ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                        text.push_str(&String::from_utf8_lossy(bytes))
                    }
                    other => write!(text, "{other:?}").unwrap(),
                }
                text.push('\t');
            }
            text.push('\n');
        }
    }
    text
}
