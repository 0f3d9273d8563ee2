-- All that is read of the watched deliveries stands in the index, second attempts included: they lie far apart in the
-- table.
DROP INDEX deliveries_sampled;
CREATE INDEX deliveries_sampled ON deliveries (notice, channel, began_at, number, state, reason, second_attempts,
                                               created_at, id)
WHERE substr(id, 35) < '08';
