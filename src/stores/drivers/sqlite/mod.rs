//! SQLite files of the data folder: how they are created, opened, checked, watched and migrated. Their
//! content belongs to the stores: each has a file, settings and migrations of its own.

mod codes;
mod error;
mod file;
mod integrity;
mod lazy;
#[cfg(test)]
mod tests;
mod used;

pub(crate) use codes::has_no_room;
pub(crate) use error::{OpenError, UnusableError};
pub(crate) use file::DataFile;
pub(crate) use file::FileError;
pub(crate) use lazy::{LazyDatabase, WatchedFile};

use std::fs::{DirBuilder, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

use used::Used;

/// How long opening waits for another process that holds the file's write lock.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens `file` in `data_dir`, and applies `settings` and the missing ones of `migrations`:
/// `PRAGMA user_version` counts those applied. A missing folder is created with mode 0700 and a
/// missing file with 0600; the modes of existing ones stay.
///
/// # Errors
/// When folder or file cannot be created or opened, another process holds the file for longer than
/// [`OPEN_TIMEOUT`], its schema is newer than this program, or it is damaged or lost.
pub(crate) fn open(
    data_dir: &Path,
    file: &str,
    settings: &str,
    migrations: &[&str],
) -> Result<Connection, OpenError> {
    let create = |path: &Path| {
        let path = path.to_owned();
        move |source| OpenError::Create { path, source }
    };
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(data_dir)
        .map_err(create(data_dir))?;
    let used = Used::read(data_dir)?;
    used.check(data_dir, file)?;
    let path = data_dir.join(file);
    // Created explicitly because SQLite would use the process's umask; its side files copy this mode.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .map_err(create(&path))?;
    let failed = |source| integrity::failed(&path, source);
    let mut connection = Connection::open(&path).map_err(failed)?;
    connection.busy_timeout(OPEN_TIMEOUT).map_err(failed)?;
    keep_plans(&connection).map_err(failed)?;
    integrity::check(&connection, &path)?;
    let version = connection.pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
    if used.has(file) && version.map_err(failed)? == 0 {
        return Err(used.lost(path, "empty"));
    }
    connection.execute_batch(settings).map_err(failed)?;
    let found = migrate(&mut connection, migrations).map_err(failed)?;
    let known = migrations.len() as u32;
    if found > known {
        return Err(OpenError::Newer { path, found, known });
    }
    if !used.has(file) {
        // What it begins with must be on the disk before it counts as used.
        connection
            .query_row("PRAGMA wal_checkpoint", [], |_| Ok(()))
            .map_err(failed)?;
        used.add(file)?;
    }
    Ok(connection)
}

/// Has SQLite plan a statement once. Without that it is planned again each time that a value is bound
/// which might matter to a partial index.
pub(crate) fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(drop)
}

/// Brings the schema up to date, all or nothing. Returns its version before; one that is newer is left
/// as it is.
fn migrate(connection: &mut Connection, migrations: &[&str]) -> rusqlite::Result<u32> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let Some(missing) = migrations.get(found as usize..) else {
        return Ok(found);
    };
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", migrations.len() as u32)?;
    transaction.commit()?;
    Ok(found)
}

/// The schema of a file as SQLite stores it, one statement after the other, for comparison with a
/// golden text.
#[cfg(test)]
pub(crate) fn schema_of(connection: &Connection) -> String {
    let mut select = connection
        .prepare("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name")
        .unwrap();
    let statements = select.query_map([], |row| row.get::<_, String>(0)).unwrap();
    let statements = statements.map(|sql| sql.unwrap() + ";\n");
    statements.collect::<Vec<_>>().join("\n")
}
