//! SQLite files of the data folder: how they are created, opened and migrated. Their content belongs
//! to the stores: each has a file, settings and migrations of its own.

use std::fs::{DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, TransactionBehavior};

/// How long opening waits for another process that holds the file's write lock.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a file could not be opened. Holds nothing of what is stored.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The data folder or the file in it cannot be created.
    #[error("cannot create {}: {source}", path.display())]
    Create {
        /// The folder or file.
        path: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The file was written by a newer version of this program.
    #[error("{} has schema version {found}; this program knows {known}", path.display())]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema version.
        found: u32,
        /// The newest version that this program knows.
        known: u32,
    },
    /// The database failed.
    #[error("database: {0}")]
    Database(#[from] rusqlite::Error),
}

/// Opens `file` in `data_dir`, and applies `settings` and the missing ones of `migrations`:
/// `PRAGMA user_version` counts those applied. A missing folder is created with mode 0700 and a
/// missing file with 0600; the modes of existing ones stay.
///
/// # Errors
/// When folder or file cannot be created or opened, another process holds the file for longer than
/// [`OPEN_TIMEOUT`], or its schema is newer than this program.
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
    let path = data_dir.join(file);
    // Created explicitly because SQLite would use the process's umask; its side files copy this mode.
    OpenOptions::new()
        .append(true)
        .create(true)
        .mode(0o600)
        .open(&path)
        .map_err(create(&path))?;
    let mut connection = Connection::open(&path)?;
    connection.busy_timeout(OPEN_TIMEOUT)?;
    keep_plans(&connection)?;
    connection.execute_batch(settings)?;
    migrate(&mut connection, &path, migrations)?;
    Ok(connection)
}

/// Has SQLite plan a statement once. Without that it is planned again each time that a value is bound
/// which might matter to a partial index.
pub(crate) fn keep_plans(connection: &Connection) -> rusqlite::Result<()> {
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)
        .map(drop)
}

/// Brings the schema up to date, all or nothing.
fn migrate(connection: &mut Connection, path: &Path, migrations: &[&str]) -> Result<(), OpenError> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0))?;
    let known = migrations.len() as u32;
    let Some(missing) = migrations.get(found as usize..) else {
        return Err(OpenError::Newer {
            path: path.to_owned(),
            found,
            known,
        });
    };
    for migration in missing {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", known)?;
    Ok(transaction.commit()?)
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
