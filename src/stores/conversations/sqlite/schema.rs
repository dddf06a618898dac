//! The schema of `conversations.db`, its settings and its migrations.

/// - WAL: readers never wait for the writer, nor it for them.
/// - FULL: what was answered survives even a power failure, for one disk flush for each batch.
/// - `secure_delete`: what was deleted is not left in free pages.
/// - A cache of 32 MiB, for the index pages into which messages are inserted: each conversation has
///   its own.
/// - Larger pages and rarer checkpoints than the defaults write hot index pages less often.
pub(super) const SETTINGS: &str = "
    PRAGMA page_size = 8192;
    PRAGMA journal_mode = WAL;
    PRAGMA synchronous = FULL;
    PRAGMA secure_delete = ON;
    PRAGMA cache_size = -32768;
    PRAGMA wal_autocheckpoint = 2000;
    PRAGMA journal_size_limit = 67108864;
";

/// Capacity of a connection's cache of prepared statements: more than there are.
pub(super) const STATEMENTS: usize = 64;

/// Schema versions, oldest first; `PRAGMA user_version` counts those applied. Never edit one that
/// was released: append.
///
/// Ids that the store makes are the 16 bytes of the UUID, which sort as its text does. Conversations
/// and messages have a number beside the id, to which other tables refer: it is shorter.
///
/// A `tempId` has the type that its sender gave it; a number that is no integer is a BLOB of how they wrote it. `fingerprint` is of what the message said when it was sent, 0 where that
/// is not known.
///
/// Unread messages are counted by subtraction, so that the cost of a message or of a list of
/// conversations does not grow with their number: `participants.passed` of a conversation's
/// `messages` do not count as unread for that participant. `added` is the change by which they were
/// added last, `ended` that by which a former one ceased to be one; `delivered` is that of the last message that was examined for deliveries.
///
/// The changes of a conversation are numbered without gaps, in the step in which they are stored.
/// That a message was sent is logged by its own row (`messages.number`), everything else by a row of
/// `changes`; neither has content that was replaced or deleted. `conversations.changes` is the last
/// number; up to `forgotten` something may be gone. Without an `author` an administrator made a change,
/// with an empty one another program.
///
/// A user is shown as `name`, and found by others by `givenName`, which an administrator has given, or
/// by the `username` that their token has.
/// An `ignored` participant is one for others only, since they have blocked who added them; they have no `ended`.
/// An `invited` one is none until they accept, and has no `ended` either; `invitedBy` is who asked them last.
/// `endedBy` is the user who made somebody a former participant last, or took back an invitation.
/// A `pending` participant is a name that nobody had; `changes.inPlaceOf` is the one whose place the
/// added one took.
///
/// `participants.since` is the change behind which they see messages, 0 for all: where `conversations.history` is
/// `joined`, that by which they were added.
///
/// `conversations.numericId`: who made it wrote its id as a number.
///
/// `messages.extra` is an object: the fields of a message that the relay does not know.
///
/// `deliveries` has one row for all whom a message reached together: `users` are their ids, with a line feed before, between and
/// behind them. Who has a row of their own in `receipts` has that receipt instead.
///
/// `receiptLog` says in which order receipts were noted, and of which messages; up to
/// `forgottenReceipts` something may be gone.
///
/// `messageRetention` is in seconds, 0 for ever; `gone` is how many of the messages were removed since they
/// were old, and `highestGone` the highest number and id of any of them: they are not given again.
pub(super) const MIGRATIONS: &[&str] = &[
    "
    CREATE TABLE users (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        avatarUrl TEXT,
        status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
        lastSeenAt INTEGER
    ) WITHOUT ROWID;

    CREATE TABLE conversations (
        no INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        title TEXT,
        createdBy TEXT NOT NULL,
        createdAt INTEGER NOT NULL,
        lastMessageAt INTEGER NOT NULL,
        messages INTEGER NOT NULL DEFAULT 0
    );

    CREATE TABLE participants (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('admin', 'member')),
        status TEXT NOT NULL CHECK (status IN ('active', 'left', 'removed')),
        joinedAt INTEGER NOT NULL,
        since BLOB NOT NULL,
        delivered BLOB NOT NULL,
        passed INTEGER NOT NULL,
        PRIMARY KEY (conversation, user)
    ) WITHOUT ROWID;
    CREATE INDEX participants_active ON participants (user) WHERE status = 'active';

    CREATE TABLE contentKeys (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        number INTEGER NOT NULL,
        key TEXT NOT NULL,
        keyAttachments BLOB,
        PRIMARY KEY (conversation, user)
    ) WITHOUT ROWID;

    CREATE TABLE messages (
        no INTEGER PRIMARY KEY,
        id BLOB NOT NULL UNIQUE,
        conversation INTEGER NOT NULL,
        sender TEXT NOT NULL,
        tempId,
        keyNumber INTEGER,
        createdAt INTEGER NOT NULL,
        editedAt INTEGER,
        deletedAt INTEGER,
        content TEXT,
        contentAttachments BLOB,
        media TEXT,
        mediaAttachments BLOB
    );
    CREATE UNIQUE INDEX messages_history ON messages (conversation, id);
    CREATE UNIQUE INDEX messages_tempId ON messages (conversation, sender, tempId)
        WHERE tempId IS NOT NULL;

    CREATE TABLE hidden (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        message INTEGER NOT NULL,
        PRIMARY KEY (conversation, user, message)
    ) WITHOUT ROWID;

    CREATE TABLE receipts (
        message INTEGER NOT NULL,
        user TEXT NOT NULL,
        deliveredAt INTEGER NOT NULL,
        readAt INTEGER,
        PRIMARY KEY (message, user)
    ) WITHOUT ROWID;

    CREATE TABLE reactions (
        message INTEGER NOT NULL,
        user TEXT NOT NULL,
        emoji TEXT NOT NULL,
        id BLOB NOT NULL,
        createdAt INTEGER NOT NULL,
        PRIMARY KEY (message, user, emoji)
    ) WITHOUT ROWID;
",
    "
    CREATE INDEX users_name ON users (name);
",
    "
    ALTER TABLE conversations ADD COLUMN changes INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE messages ADD COLUMN number INTEGER NOT NULL DEFAULT 0;
    UPDATE messages SET number = ranked.number FROM (
        SELECT no, row_number() OVER (PARTITION BY conversation ORDER BY id) AS number FROM messages
    ) AS ranked WHERE ranked.no = messages.no;
    UPDATE conversations SET changes = (
        SELECT count(*) FROM messages WHERE conversation = conversations.no);
    DROP INDEX messages_history;
    CREATE UNIQUE INDEX messages_log ON messages (conversation, number);

    CREATE TABLE changes (
        conversation INTEGER NOT NULL,
        number INTEGER NOT NULL,
        kind TEXT NOT NULL,
        at INTEGER NOT NULL,
        author TEXT,
        message INTEGER,
        subject TEXT,
        reaction BLOB,
        keyNumber INTEGER,
        detail TEXT,
        PRIMARY KEY (conversation, number)
    ) WITHOUT ROWID;

    ALTER TABLE participants ADD COLUMN added INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE participants ADD COLUMN deliveredNumber INTEGER NOT NULL DEFAULT 0;
    UPDATE participants SET
        added = (SELECT count(*) FROM messages m
                 WHERE m.conversation = participants.conversation AND m.id <= since),
        deliveredNumber = (SELECT count(*) FROM messages m
                 WHERE m.conversation = participants.conversation AND m.id <= delivered);
    ALTER TABLE participants ADD COLUMN ended INTEGER NOT NULL DEFAULT 0;
    DROP INDEX participants_active;
    CREATE INDEX participants_user ON participants (user);
    ALTER TABLE participants DROP COLUMN since;
    ALTER TABLE participants DROP COLUMN delivered;
    ALTER TABLE participants RENAME COLUMN deliveredNumber TO delivered;
",
    "
    ALTER TABLE conversations ADD COLUMN messageRetention INTEGER;
    ALTER TABLE conversations ADD COLUMN gone INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE conversations ADD COLUMN forgottenReceipts INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX conversations_retention ON conversations (no) WHERE messageRetention > 0;
    CREATE TABLE highestGone (
        one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        no INTEGER NOT NULL,
        id BLOB NOT NULL
    ) WITHOUT ROWID;
    CREATE INDEX messages_age ON messages (conversation, createdAt);
    CREATE INDEX hidden_message ON hidden (message);
    CREATE INDEX changes_message ON changes (message) WHERE message IS NOT NULL;
    CREATE INDEX changes_age ON changes (at);

    CREATE TABLE receiptLog (
        conversation INTEGER NOT NULL,
        place INTEGER NOT NULL,
        message INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (conversation, place)
    ) WITHOUT ROWID;
",
    "
    ALTER TABLE users ADD COLUMN givenName TEXT;
    ALTER TABLE users ADD COLUMN username TEXT;
    UPDATE users SET username = name WHERE name <> id;
    DROP INDEX users_name;
    CREATE INDEX users_givenName ON users (givenName) WHERE givenName IS NOT NULL;
    CREATE INDEX users_username ON users (username) WHERE username IS NOT NULL;
    ALTER TABLE participants ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE changes ADD COLUMN inPlaceOf TEXT;
",
    "
    ALTER TABLE messages ADD COLUMN extra TEXT;
    ALTER TABLE messages ADD COLUMN extraAttachments BLOB;
    ALTER TABLE conversations ADD COLUMN numericId INTEGER NOT NULL DEFAULT 0;
",
    "
    CREATE TABLE blocks (
        user TEXT NOT NULL,
        blocked TEXT NOT NULL,
        since INTEGER NOT NULL,
        PRIMARY KEY (user, blocked)
    ) WITHOUT ROWID;
    CREATE INDEX blocks_blocked ON blocks (blocked);

    CREATE TABLE participantsAnew (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('admin', 'member')),
        status TEXT NOT NULL CHECK (status IN ('active', 'left', 'removed', 'ignored')),
        joinedAt INTEGER NOT NULL,
        passed INTEGER NOT NULL,
        added INTEGER NOT NULL DEFAULT 0,
        delivered INTEGER NOT NULL DEFAULT 0,
        ended INTEGER NOT NULL DEFAULT 0,
        pending INTEGER NOT NULL DEFAULT 0,
        PRIMARY KEY (conversation, user)
    ) WITHOUT ROWID;
    INSERT INTO participantsAnew
        (conversation, user, role, status, joinedAt, passed, added, delivered, ended, pending)
    SELECT conversation, user, role, status, joinedAt, passed, added, delivered, ended, pending
    FROM participants;
    DROP TABLE participants;
    ALTER TABLE participantsAnew RENAME TO participants;
    CREATE INDEX participants_user ON participants (user);
",
    "
    CREATE TABLE participantsAnew (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        role TEXT NOT NULL CHECK (role IN ('admin', 'member')),
        status TEXT NOT NULL CHECK (status IN ('active', 'left', 'removed', 'ignored', 'invited')),
        joinedAt INTEGER NOT NULL,
        passed INTEGER NOT NULL,
        added INTEGER NOT NULL DEFAULT 0,
        delivered INTEGER NOT NULL DEFAULT 0,
        ended INTEGER NOT NULL DEFAULT 0,
        pending INTEGER NOT NULL DEFAULT 0,
        invitedBy TEXT,
        PRIMARY KEY (conversation, user)
    ) WITHOUT ROWID;
    INSERT INTO participantsAnew
        (conversation, user, role, status, joinedAt, passed, added, delivered, ended, pending)
    SELECT conversation, user, role, status, joinedAt, passed, added, delivered, ended, pending
    FROM participants;
    DROP TABLE participants;
    ALTER TABLE participantsAnew RENAME TO participants;
    CREATE INDEX participants_user ON participants (user);
    CREATE INDEX participants_invited ON participants (user) WHERE status = 'invited';
",
    "
    ALTER TABLE conversations ADD COLUMN history TEXT NOT NULL DEFAULT 'all'
        CHECK (history IN ('all', 'joined'));
    ALTER TABLE participants ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
    CREATE INDEX participants_since ON participants (conversation) WHERE since > 0;
",
    "
    CREATE TABLE keyHistory (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        number INTEGER NOT NULL,
        key TEXT NOT NULL,
        keyAttachments BLOB,
        at INTEGER NOT NULL,
        PRIMARY KEY (conversation, user, number)
    ) WITHOUT ROWID;
    INSERT INTO keyHistory (conversation, user, number, key, keyAttachments, at)
    SELECT k.conversation, k.user, k.number, k.key, k.keyAttachments, coalesce(
        (SELECT p.joinedAt FROM participants p
         WHERE p.conversation = k.conversation AND p.user = k.user), 0)
    FROM contentKeys k;
",
    "
    ALTER TABLE messages ADD COLUMN fingerprint INTEGER NOT NULL DEFAULT 0;
    DROP INDEX messages_tempId;
    CREATE INDEX messages_tempId ON messages (conversation, sender, tempId, fingerprint)
        WHERE tempId IS NOT NULL;
",
    "
    ALTER TABLE participants ADD COLUMN endedBy TEXT;
",
    "
    ALTER TABLE conversations ADD COLUMN avatarUrl TEXT;
",
    "
    ALTER TABLE users ADD COLUMN numericId INTEGER;
    CREATE INDEX users_numericId ON users (id) WHERE numericId IS NOT NULL;
",
    "
    CREATE TABLE revocations (
        id BLOB NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        before INTEGER,
        createdAt INTEGER NOT NULL,
        expiresAt INTEGER NOT NULL,
        PRIMARY KEY (kind, subject)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX revocations_id ON revocations (id);
    CREATE INDEX revocations_expiresAt ON revocations (expiresAt);
",
    "
    CREATE TABLE deliveries (
        message INTEGER PRIMARY KEY,
        deliveredAt INTEGER NOT NULL,
        users TEXT NOT NULL
    );
",
];
