//! The schema of the file: its versions and settings.
//!
//! `logs` is what other programs read. Records are in `batches`, in the form of
//! [`line`](crate::audit::line); `rows` has those of the first version, one by one.

/// - WAL: readers (an administrator's shell, the admin API) never block the writer.
/// - NORMAL: a commit survives a crash or a kill of the server; only a power failure can take the
///   last moments, and never damages the file. FULL would pay a disk flush for every batch to
///   protect records that a power failure can take from memory anyway.
/// - Larger pages and rarer checkpoints than the defaults write pages that change often less often.
pub(super) const SETTINGS: &str = "
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = NORMAL;
    PRAGMA wal_autocheckpoint = 2000;
    PRAGMA journal_size_limit = 67108864;
";

/// The blob that a UUID's 32 hexadecimal digits mean, or `NULL`. Programs of today read blobs by `unhex`; those that are
/// years old do not have it, and read this file, too.
macro_rules! uuid {
    ($digits:literal) => {
        uuid!($digits, "1" "3" "5" "7" "9" "11" "13" "15" "17" "19" "21" "23" "25" "27" "29" "31")
    };
    ($digits:literal, $first:literal $($at:literal)*) => {
        concat!(
            "CAST(", byte!($digits, $first), $(" || ", byte!($digits, $at),)* " AS BLOB)"
        )
    };
}
macro_rules! byte {
    ($digits:literal, $at:literal) => {
        concat!(
            "(SELECT byte FROM bytes WHERE hex = substr(",
            $digits,
            ", ",
            $at,
            ", 2))"
        )
    };
}

/// The time in such digits of a version 7: the first twelve of them.
macro_rules! time {
    ($digits:literal) => {
        time!($digits, "1" "44", "2" "40", "3" "36", "4" "32", "5" "28", "6" "24", "7" "20", "8" "16", "9" "12", "10" "8", "11" "4", "12" "0")
    };
    ($digits:literal, $($at:literal $bits:literal),*) => {
        concat!(
            $("((instr('0123456789abcdef', substr(", $digits, ", ", $at, ", 1)) - 1) << ", $bits, ") + ",)* "0"
        )
    };
}

/// Schema versions, oldest first; `PRAGMA user_version` counts those applied. Never edit one that
/// was released: append.
///
/// `_id` and `sessionId` are the 16 bytes of the UUID: half the size of the text. `createdAt` is
/// integer milliseconds since 1970: it sorts and compares as time. It is also part of `_id`, so the
/// unique pair makes `_id` unique and serves as the index on `createdAt`: one index instead of two.
///
/// In `batches`, `body` is a JSON array of lines. Of a batch that grows no more, `filters` says which
/// users (a Bloom filter) and types may be in it, apart from the bodies, so that many are read at once.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE logs (
        _id BLOB NOT NULL,
        eventType TEXT NOT NULL,
        level TEXT NOT NULL,
        dialect TEXT,
        user TEXT,
        username TEXT,
        sessionId BLOB,
        ipAddress TEXT,
        userAgent TEXT,
        node TEXT NOT NULL,
        details TEXT NOT NULL,
        success INTEGER NOT NULL,
        message TEXT NOT NULL,
        createdAt INTEGER NOT NULL,
        UNIQUE (createdAt, _id)
    );
    CREATE INDEX logs_user ON logs (user, createdAt);
    CREATE INDEX logs_event ON logs (eventType, createdAt);
",
    concat!(
        "
    ALTER TABLE logs RENAME TO rows;
    CREATE TABLE event_types (
        texts INTEGER NOT NULL,
        eventType TEXT NOT NULL,
        level TEXT NOT NULL,
        success INTEGER NOT NULL,
        message TEXT NOT NULL,
        PRIMARY KEY (texts, eventType)
    ) WITHOUT ROWID;
    CREATE TABLE batches (
        number INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        count INTEGER NOT NULL,
        texts INTEGER NOT NULL,
        body TEXT NOT NULL
    );
    CREATE INDEX batches_times ON batches (first, last);
    CREATE TABLE filters (number INTEGER PRIMARY KEY, types TEXT NOT NULL, users BLOB NOT NULL);
    CREATE TABLE bytes (hex TEXT PRIMARY KEY, byte BLOB NOT NULL) WITHOUT ROWID;
    WITH RECURSIVE numbers (number) AS (SELECT 0 UNION ALL SELECT number + 1 FROM numbers LIMIT 256)
    INSERT INTO bytes SELECT printf('%02x', number), unhex(printf('%02x', number)) FROM numbers;
    CREATE VIEW logs (_id, eventType, level, dialect, user, username, sessionId, ipAddress, userAgent,
                      node, details, success, message, createdAt) AS
    SELECT _id, eventType, level, dialect, user, username, sessionId, ipAddress, userAgent,
           node, details, success, message, createdAt
    FROM rows
    UNION ALL
    SELECT ",
        uuid!("id"),
        ", type, coalesce(level, 'info'), json_extract(line, '$[2]'), json_extract(line, '$[3]'),
           json_extract(line, '$[4]'), ",
        uuid!("session"),
        ", json_extract(line, '$[6]'), json_extract(line, '$[7]'), json_extract(line, '$[8]'),
           json_extract(line, '$[9]'), coalesce(success, 1), coalesce(message, type), ",
        time!("id"),
        "
    FROM (SELECT texts, value AS line, json_extract(value, '$[0]') AS id,
                 json_extract(value, '$[1]') AS type, json_extract(value, '$[5]') AS session
          FROM batches, json_each(body)) AS lines
    LEFT JOIN event_types ON event_types.texts = lines.texts AND eventType = type;
"
    ),
];

/// The version in which there are batches.
pub(super) const WITH_BATCHES: u32 = 2;
