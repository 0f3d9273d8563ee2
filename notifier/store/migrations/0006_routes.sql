-- The channel whose account the newest attempt asked: the delivery's own, or the one that stood in for it. It is written
-- with began_at, before the first byte, so that a lost answer is looked for where it was asked. NULL: no attempt was made
-- since there are routes, and any made before asked its own channel.
ALTER TABLE deliveries ADD COLUMN route TEXT;
