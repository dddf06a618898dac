CREATE TABLE blocks (
        user TEXT NOT NULL,
        blocked TEXT NOT NULL,
        since INTEGER NOT NULL,
        PRIMARY KEY (user, blocked)
    ) WITHOUT ROWID;

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
        detail TEXT, inPlaceOf TEXT,
        PRIMARY KEY (conversation, number)
    ) WITHOUT ROWID;

CREATE TABLE contentKeys (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        number INTEGER NOT NULL,
        key TEXT NOT NULL,
        keyAttachments BLOB,
        PRIMARY KEY (conversation, user)
    ) WITHOUT ROWID;

CREATE TABLE conversations (
        no INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        title TEXT,
        createdBy TEXT NOT NULL,
        createdAt INTEGER NOT NULL,
        lastMessageAt INTEGER NOT NULL,
        messages INTEGER NOT NULL DEFAULT 0
    , changes INTEGER NOT NULL DEFAULT 0, messageRetention INTEGER, gone INTEGER NOT NULL DEFAULT 0, forgotten INTEGER NOT NULL DEFAULT 0, forgottenReceipts INTEGER NOT NULL DEFAULT 0, numericId INTEGER NOT NULL DEFAULT 0, history TEXT NOT NULL DEFAULT 'all'
        CHECK (history IN ('all', 'joined')), avatarUrl TEXT);

CREATE TABLE deliveries (
        message INTEGER PRIMARY KEY,
        deliveredAt INTEGER NOT NULL,
        users TEXT NOT NULL
    );

CREATE TABLE hidden (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        message INTEGER NOT NULL,
        PRIMARY KEY (conversation, user, message)
    ) WITHOUT ROWID;

CREATE TABLE highestGone (
        one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
        no INTEGER NOT NULL,
        id BLOB NOT NULL
    ) WITHOUT ROWID;

CREATE TABLE keyHistory (
        conversation INTEGER NOT NULL,
        user TEXT NOT NULL,
        number INTEGER NOT NULL,
        key TEXT NOT NULL,
        keyAttachments BLOB,
        at INTEGER NOT NULL,
        PRIMARY KEY (conversation, user, number)
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
    , number INTEGER NOT NULL DEFAULT 0, extra TEXT, extraAttachments BLOB, fingerprint INTEGER NOT NULL DEFAULT 0);

CREATE TABLE "participants" (
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
        invitedBy TEXT, since INTEGER NOT NULL DEFAULT 0, endedBy TEXT,
        PRIMARY KEY (conversation, user)
    ) WITHOUT ROWID;

CREATE TABLE reactions (
        message INTEGER NOT NULL,
        user TEXT NOT NULL,
        emoji TEXT NOT NULL,
        id BLOB NOT NULL,
        createdAt INTEGER NOT NULL,
        PRIMARY KEY (message, user, emoji)
    ) WITHOUT ROWID;

CREATE TABLE receiptLog (
        conversation INTEGER NOT NULL,
        place INTEGER NOT NULL,
        message INTEGER NOT NULL,
        at INTEGER NOT NULL,
        PRIMARY KEY (conversation, place)
    ) WITHOUT ROWID;

CREATE TABLE receipts (
        message INTEGER NOT NULL,
        user TEXT NOT NULL,
        deliveredAt INTEGER NOT NULL,
        readAt INTEGER,
        PRIMARY KEY (message, user)
    ) WITHOUT ROWID;

CREATE TABLE revocations (
        id BLOB NOT NULL,
        kind TEXT NOT NULL,
        subject TEXT NOT NULL,
        before INTEGER,
        createdAt INTEGER NOT NULL,
        expiresAt INTEGER NOT NULL,
        PRIMARY KEY (kind, subject)
    ) WITHOUT ROWID;

CREATE TABLE users (
        id TEXT NOT NULL PRIMARY KEY,
        name TEXT NOT NULL,
        avatarUrl TEXT,
        status TEXT NOT NULL CHECK (status IN ('active', 'suspended')),
        lastSeenAt INTEGER
    , givenName TEXT, username TEXT, numericId INTEGER) WITHOUT ROWID;

CREATE INDEX blocks_blocked ON blocks (blocked);

CREATE INDEX changes_age ON changes (at);

CREATE INDEX changes_message ON changes (message) WHERE message IS NOT NULL;

CREATE INDEX conversations_retention ON conversations (no) WHERE messageRetention > 0;

CREATE INDEX hidden_message ON hidden (message);

CREATE INDEX messages_age ON messages (conversation, createdAt);

CREATE UNIQUE INDEX messages_log ON messages (conversation, number);

CREATE INDEX messages_tempId ON messages (conversation, sender, tempId, fingerprint)
        WHERE tempId IS NOT NULL;

CREATE INDEX participants_invited ON participants (user) WHERE status = 'invited';

CREATE INDEX participants_since ON participants (conversation) WHERE since > 0;

CREATE INDEX participants_user ON participants (user);

CREATE INDEX revocations_expiresAt ON revocations (expiresAt);

CREATE UNIQUE INDEX revocations_id ON revocations (id);

CREATE INDEX users_givenName ON users (givenName) WHERE givenName IS NOT NULL;

CREATE INDEX users_numericId ON users (id) WHERE numericId IS NOT NULL;

CREATE INDEX users_username ON users (username) WHERE username IS NOT NULL;
