-- Equals go in the order they were queued, as in SQLite.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (channel, priority, created_at, number, not_before, expires_at)
    WHERE state = 'pending';
