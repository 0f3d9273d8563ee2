-- The first of a large audience on one channel, and what was made of it. See model/canary.py.
CREATE TABLE canaries (
    notice TEXT COLLATE "C" NOT NULL REFERENCES notices (id),
    channel TEXT COLLATE "C" NOT NULL,
    incident TEXT COLLATE "C" NOT NULL,
    state TEXT COLLATE "C" NOT NULL,
    people BIGINT NOT NULL,
    size BIGINT NOT NULL,
    due_at BIGINT NOT NULL,
    changed_at BIGINT NOT NULL,
    why TEXT COLLATE "C" NOT NULL,
    actor TEXT COLLATE "C" NOT NULL,
    since BIGINT,
    stopped_channel TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (notice, channel)
);
CREATE INDEX canaries_incident ON canaries (incident);
CREATE INDEX canaries_open ON canaries (notice, channel) WHERE state NOT IN ('dropped', 'ended');

-- One delivery in 32, by the hash its id is: what is looked at while the rest of a wave goes out. Without what changes
-- as they are sent: with began_at in any index, no update of a delivery could stay on its page (HOT).
CREATE INDEX deliveries_sampled ON deliveries (notice, channel) WHERE substr(id, 35) < '08';
