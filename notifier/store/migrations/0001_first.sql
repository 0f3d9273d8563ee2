-- Times are microseconds since 1970 UTC. Lists and maps are JSON text. Column names are the model's field names.

CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT;

CREATE TABLE signals (
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    service TEXT NOT NULL,
    region TEXT NOT NULL,
    klass TEXT NOT NULL,
    level INTEGER NOT NULL,
    observed_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    score REAL NOT NULL,
    why TEXT NOT NULL,
    lasts_until INTEGER,
    facts TEXT NOT NULL,
    ended_at INTEGER,
    PRIMARY KEY (source, fingerprint, service, region)
) STRICT, WITHOUT ROWID;
CREATE INDEX signals_open ON signals (lasts_until) WHERE ended_at IS NULL;
CREATE INDEX signals_ended ON signals (ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE source_states (
    source TEXT PRIMARY KEY,
    freshness TEXT NOT NULL,
    why TEXT NOT NULL,
    last_known_at INTEGER,
    last_try_at INTEGER,
    failures INTEGER NOT NULL,
    memory TEXT NOT NULL
) STRICT;

CREATE TABLE incidents (
    id TEXT PRIMARY KEY,
    service TEXT NOT NULL,
    regions TEXT NOT NULL,
    state TEXT NOT NULL,
    level INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    opened_at INTEGER NOT NULL,
    policy TEXT NOT NULL,
    template TEXT NOT NULL,
    reason TEXT NOT NULL,
    confirmed_at INTEGER,
    acknowledged_at INTEGER,
    workaround_at INTEGER,
    monitoring_at INTEGER,
    resolved_at INTEGER,
    calm_since INTEGER,
    held_by TEXT,
    widened_by TEXT,
    opened_by TEXT,
    merged_into TEXT,
    next_update_by INTEGER,
    facts TEXT NOT NULL,
    version INTEGER NOT NULL,
    moved_at INTEGER NOT NULL
) STRICT;
CREATE INDEX incidents_moved ON incidents (moved_at);
CREATE INDEX incidents_merged ON incidents (merged_into) WHERE merged_into IS NOT NULL;
CREATE INDEX incidents_opened ON incidents (opened_at, id);
CREATE INDEX incidents_open ON incidents (opened_at, id) WHERE state NOT IN ('resolved', 'withdrawn', 'merged');

CREATE TABLE moves (
    number INTEGER PRIMARY KEY,
    incident TEXT NOT NULL REFERENCES incidents (id),
    at INTEGER NOT NULL,
    before TEXT,
    after TEXT NOT NULL,
    reason TEXT NOT NULL,
    actor TEXT NOT NULL
) STRICT;
CREATE INDEX moves_incident ON moves (incident);

CREATE TABLE incident_days (
    day TEXT PRIMARY KEY,
    last INTEGER NOT NULL
) STRICT;

CREATE TABLE evidence (
    incident TEXT NOT NULL,
    source TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    service TEXT NOT NULL,
    region TEXT NOT NULL,
    klass TEXT NOT NULL,
    level INTEGER NOT NULL,
    observed_at INTEGER NOT NULL,
    started_at INTEGER NOT NULL,
    score REAL NOT NULL,
    why TEXT NOT NULL,
    lasts_until INTEGER,
    facts TEXT NOT NULL,
    PRIMARY KEY (incident, source, fingerprint, service, region)
) STRICT, WITHOUT ROWID;

-- A notice may name planned work instead of an incident, hence no foreign key on incident.
CREATE TABLE notices (
    id TEXT PRIMARY KEY,
    incident TEXT NOT NULL,
    stage TEXT NOT NULL,
    wording TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    mode TEXT NOT NULL,
    regions TEXT NOT NULL,
    texts TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    valid_until INTEGER NOT NULL,
    state TEXT NOT NULL,
    reach TEXT NOT NULL,
    release_by INTEGER,
    approvals_needed INTEGER NOT NULL,
    audience INTEGER NOT NULL,
    next_update_by INTEGER,
    released_at INTEGER,
    reason TEXT NOT NULL,
    facts TEXT NOT NULL
) STRICT;
CREATE INDEX notices_incident ON notices (incident, sequence);
CREATE INDEX notices_waiting ON notices (incident, sequence) WHERE state = 'waiting';

CREATE TABLE approvals (
    notice TEXT NOT NULL REFERENCES notices (id),
    actor TEXT NOT NULL,
    digest TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (notice, actor)
) STRICT, WITHOUT ROWID;

-- look_at: when an unknown delivery is to be looked for next. cancel_reason: a cancel came after sending had begun,
-- so that this attempt cannot be called back, but no other may follow it. claims_lost: workers that ended between claiming and sending. erased_at: the address is a keyed hash.
CREATE TABLE deliveries (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    notice TEXT NOT NULL REFERENCES notices (id),
    incident TEXT NOT NULL,
    stage TEXT NOT NULL,
    sequence INTEGER NOT NULL,
    channel TEXT NOT NULL,
    address TEXT NOT NULL,
    language TEXT NOT NULL,
    mode TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    not_before INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    subscriber TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'claimed', 'sent', 'delivered', 'failed', 'unknown', 'cancelled',
                                         'expired', 'suppressed')),
    reason TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    priority INTEGER NOT NULL,
    token INTEGER NOT NULL,
    leased_until INTEGER,
    began_at INTEGER,
    settled_at INTEGER,
    provider_id TEXT,
    detail TEXT NOT NULL,
    doubt_since INTEGER,
    look_at INTEGER,
    cancel_reason TEXT,
    claims_lost INTEGER NOT NULL DEFAULT 0,
    erased_at INTEGER,
    UNIQUE (notice, channel, address)
) STRICT;
-- SQLite uses a partial index only where the query says exactly `state = '…'`; a test reads the query plans.
CREATE INDEX deliveries_due ON deliveries (channel, priority, created_at, id, not_before, expires_at)
    WHERE state = 'pending';
CREATE INDEX deliveries_expiring ON deliveries (expires_at) WHERE state = 'pending';
CREATE INDEX deliveries_leased ON deliveries (leased_until, channel) WHERE state = 'claimed';
CREATE INDEX deliveries_unknown ON deliveries (look_at, channel) WHERE state = 'unknown';
CREATE INDEX deliveries_order ON deliveries (incident, channel, address, sequence);
CREATE INDEX deliveries_address ON deliveries (address) WHERE address <> '';
CREATE INDEX deliveries_provider ON deliveries (provider_id) WHERE provider_id IS NOT NULL;

CREATE TABLE subscribers (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    address TEXT NOT NULL,
    address_hash TEXT NOT NULL,
    regions TEXT NOT NULL,
    language TEXT NOT NULL,
    timezone TEXT NOT NULL,
    consent_at INTEGER NOT NULL,
    consent_by TEXT NOT NULL,
    services TEXT NOT NULL,
    quiet_hours TEXT,
    opted_out_at INTEGER
) STRICT;
CREATE INDEX subscribers_hash ON subscribers (address_hash);

CREATE TABLE subscriber_regions (
    region TEXT NOT NULL,
    subscriber TEXT NOT NULL REFERENCES subscribers (id) ON DELETE CASCADE,
    PRIMARY KEY (region, subscriber)
) STRICT, WITHOUT ROWID;
CREATE INDEX subscriber_regions_subscriber ON subscriber_regions (subscriber);

-- The keyed hash covers kind and address; it outlives the person's erasure.
CREATE TABLE opt_outs (
    hash TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    at INTEGER NOT NULL,
    how TEXT NOT NULL
) STRICT;

CREATE TABLE workarounds (
    id TEXT PRIMARY KEY,
    service TEXT NOT NULL,
    texts TEXT NOT NULL,
    origin TEXT NOT NULL,
    incident TEXT,
    regions TEXT NOT NULL,
    verified_by TEXT,
    verified_at INTEGER,
    expires_at INTEGER,
    withdrawn_at INTEGER,
    evidence TEXT NOT NULL,
    facts TEXT NOT NULL
) STRICT;

CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    verb TEXT NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL,
    arguments TEXT NOT NULL,
    accepted INTEGER,
    answer TEXT NOT NULL,
    answered_at INTEGER
) STRICT;
CREATE INDEX requests_waiting ON requests (id) WHERE accepted IS NULL;

-- Every setting is kept: the newest row of a name is its value, the others say who set it before.
CREATE TABLE switches (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    value TEXT NOT NULL,
    actor TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX switches_name ON switches (name, number);

CREATE TABLE checkpoints (
    name TEXT PRIMARY KEY,
    state BLOB NOT NULL,
    at INTEGER NOT NULL
) STRICT;
