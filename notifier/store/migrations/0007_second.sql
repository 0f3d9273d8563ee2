-- A message that was taken and then given up (a handset that is off) may be followed by another. second_attempts: how
-- many were queued so. earlier_doubt: since when one of the messages before the newest may have arrived.
ALTER TABLE deliveries ADD COLUMN second_attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE deliveries ADD COLUMN earlier_doubt INTEGER;

-- The provider's numbers of the messages before a delivery's newest: what is said of them is not said of that one.
CREATE TABLE earlier_messages (
    provider_id TEXT NOT NULL,
    delivery TEXT NOT NULL REFERENCES deliveries (id),
    reason TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (provider_id, delivery)
) STRICT, WITHOUT ROWID;
CREATE INDEX earlier_messages_delivery ON earlier_messages (delivery);

-- Every cancel: none of the deliveries there were by then (newest: the last) passes the gate any more, nor is a message
-- that had been sent by then followed by another.
CREATE TABLE cancels (
    number INTEGER PRIMARY KEY,
    incident TEXT,
    notice TEXT,
    channel TEXT,
    stages TEXT,
    reason TEXT NOT NULL,
    newest INTEGER NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX cancels_incident ON cancels (incident) WHERE incident IS NOT NULL;
CREATE INDEX cancels_notice ON cancels (notice) WHERE notice IS NOT NULL;
