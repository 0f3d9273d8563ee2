-- How far sending has come from each node; the same stands in a file of that node's. A row that is older than its file
-- says that this database was put back from a backup.
CREATE TABLE marks (
    node TEXT PRIMARY KEY,
    number INTEGER NOT NULL,
    until INTEGER NOT NULL
) STRICT;
