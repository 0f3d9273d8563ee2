-- Equals go in the order they were queued. By id, which is a hash, every row went into the index at a place of its own,
-- and a million of them rewrote the index hundreds of times.
DROP INDEX deliveries_due;
CREATE INDEX deliveries_due ON deliveries (channel, priority, created_at, number, not_before, expires_at)
    WHERE state = 'pending';
