-- The first of a large audience on one channel, and what was made of it. See model/canary.py.
CREATE TABLE canaries (
    notice TEXT NOT NULL REFERENCES notices (id),
    channel TEXT NOT NULL,
    incident TEXT NOT NULL,
    state TEXT NOT NULL,
    people INTEGER NOT NULL,
    size INTEGER NOT NULL,
    due_at INTEGER NOT NULL,
    changed_at INTEGER NOT NULL,
    why TEXT NOT NULL,
    actor TEXT NOT NULL,
    since INTEGER,
    stopped_channel TEXT NOT NULL,
    PRIMARY KEY (notice, channel)
) STRICT, WITHOUT ROWID;
CREATE INDEX canaries_incident ON canaries (incident);
CREATE INDEX canaries_open ON canaries (notice, channel) WHERE state NOT IN ('dropped', 'ended');

-- One delivery in 32, by the hash its id is: what is looked at while the rest of a wave goes out. All that is read of
-- them stands in the index: they lie far apart in the table.
CREATE INDEX deliveries_sampled ON deliveries (notice, channel, began_at, state, reason, id) WHERE substr(id, 35) < '08';
