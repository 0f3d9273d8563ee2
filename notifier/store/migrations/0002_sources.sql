-- Ten thousand sources are asked every second which of them are silent.
CREATE INDEX source_states_freshness ON source_states (freshness);

-- How early each source spoke in each incident that has ended, and whether it was right. Lengths are microseconds.
CREATE TABLE track_records (
    source TEXT NOT NULL,
    incident TEXT NOT NULL,
    service TEXT NOT NULL,
    regions TEXT NOT NULL,
    verdict TEXT NOT NULL,
    closed_at INTEGER NOT NULL,
    lag INTEGER,
    lead INTEGER,
    PRIMARY KEY (source, incident)
) STRICT, WITHOUT ROWID;
CREATE INDEX track_records_closed ON track_records (closed_at);
