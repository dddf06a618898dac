CREATE VIEW logs (_id, eventType, level, dialect, user, username, sessionId, ipAddress, userAgent,
                      node, details, success, message, createdAt) AS
    SELECT _id, eventType, level, dialect, user, username, sessionId, ipAddress, userAgent,
           node, details, success, message, createdAt
    FROM rows
    UNION ALL
    SELECT unhex(line ->> 0), line ->> 1, coalesce(level, 'info'), line ->> 2, line ->> 3, line ->> 4,
           unhex(line ->> 5), line ->> 6, line ->> 7, line ->> 8, line -> 9, coalesce(success, 1),
           coalesce(message, line ->> 1), ('0x' || substr(line ->> 0, 1, 12)) ->> '$'
    FROM (SELECT texts, value AS line FROM batches, json_each(body)) AS lines
    LEFT JOIN event_types ON event_types.texts = lines.texts AND eventType = line ->> 1;

CREATE TABLE batches (
        number INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        count INTEGER NOT NULL,
        texts INTEGER NOT NULL,
        body TEXT NOT NULL
    );

CREATE TABLE event_types (
        texts INTEGER NOT NULL,
        eventType TEXT NOT NULL,
        level TEXT NOT NULL,
        success INTEGER NOT NULL,
        message TEXT NOT NULL,
        PRIMARY KEY (texts, eventType)
    ) WITHOUT ROWID;

CREATE TABLE filters (number INTEGER PRIMARY KEY, types TEXT NOT NULL, users BLOB NOT NULL);

CREATE TABLE "rows" (
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

CREATE INDEX batches_times ON batches (first, last);

CREATE INDEX logs_event ON "rows" (eventType, createdAt);

CREATE INDEX logs_user ON "rows" (user, createdAt);
