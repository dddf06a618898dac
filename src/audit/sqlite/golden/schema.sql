CREATE VIEW logs (_id, eventType, level, dialect, user, username, sessionId, ipAddress, userAgent,
                      node, details, success, message, createdAt) AS
    SELECT _id, eventType, level, dialect, user, username, sessionId, ipAddress, userAgent,
           node, details, success, message, createdAt
    FROM rows
    UNION ALL
    SELECT CAST((SELECT byte FROM bytes WHERE hex = substr(id, 1, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 3, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 5, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 7, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 9, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 11, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 13, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 15, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 17, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 19, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 21, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 23, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 25, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 27, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 29, 2)) || (SELECT byte FROM bytes WHERE hex = substr(id, 31, 2)) AS BLOB), type, coalesce(level, 'info'), json_extract(line, '$[2]'), json_extract(line, '$[3]'),
           json_extract(line, '$[4]'), CAST((SELECT byte FROM bytes WHERE hex = substr(session, 1, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 3, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 5, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 7, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 9, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 11, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 13, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 15, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 17, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 19, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 21, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 23, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 25, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 27, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 29, 2)) || (SELECT byte FROM bytes WHERE hex = substr(session, 31, 2)) AS BLOB), json_extract(line, '$[6]'), json_extract(line, '$[7]'), json_extract(line, '$[8]'),
           json_extract(line, '$[9]'), coalesce(success, 1), coalesce(message, type), ((instr('0123456789abcdef', substr(id, 1, 1)) - 1) << 44) + ((instr('0123456789abcdef', substr(id, 2, 1)) - 1) << 40) + ((instr('0123456789abcdef', substr(id, 3, 1)) - 1) << 36) + ((instr('0123456789abcdef', substr(id, 4, 1)) - 1) << 32) + ((instr('0123456789abcdef', substr(id, 5, 1)) - 1) << 28) + ((instr('0123456789abcdef', substr(id, 6, 1)) - 1) << 24) + ((instr('0123456789abcdef', substr(id, 7, 1)) - 1) << 20) + ((instr('0123456789abcdef', substr(id, 8, 1)) - 1) << 16) + ((instr('0123456789abcdef', substr(id, 9, 1)) - 1) << 12) + ((instr('0123456789abcdef', substr(id, 10, 1)) - 1) << 8) + ((instr('0123456789abcdef', substr(id, 11, 1)) - 1) << 4) + ((instr('0123456789abcdef', substr(id, 12, 1)) - 1) << 0) + 0
    FROM (SELECT texts, value AS line, json_extract(value, '$[0]') AS id,
                 json_extract(value, '$[1]') AS type, json_extract(value, '$[5]') AS session
          FROM batches, json_each(body)) AS lines
    LEFT JOIN event_types ON event_types.texts = lines.texts AND eventType = type;

CREATE TABLE batches (
        number INTEGER PRIMARY KEY,
        first INTEGER NOT NULL,
        last INTEGER NOT NULL,
        count INTEGER NOT NULL,
        texts INTEGER NOT NULL,
        body TEXT NOT NULL
    );

CREATE TABLE bytes (hex TEXT PRIMARY KEY, byte BLOB NOT NULL) WITHOUT ROWID;

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
