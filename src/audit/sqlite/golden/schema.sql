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

CREATE INDEX logs_event ON logs (eventType, createdAt);

CREATE INDEX logs_user ON logs (user, createdAt);
