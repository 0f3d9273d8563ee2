-- SQLite's migration 0004. Every update is a new version of a row that many rewrite, none of them in an index: with
-- room left on its page each stays there, and is cleared away without waiting for the server's vacuum.
CREATE TABLE limits (
    name TEXT COLLATE "C" PRIMARY KEY,
    spent_ns BIGINT NOT NULL,
    held_until BIGINT
) WITH (fillfactor = 10);
