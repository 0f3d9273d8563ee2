-- get --
SELECT number FROM marks WHERE node = :node;

-- put --
INSERT INTO marks (node, number, until) VALUES (:node, :number, :until)
ON CONFLICT (node) DO UPDATE SET number = excluded.number, until = excluded.until;

-- doubt --
UPDATE deliveries SET state = 'unknown', reason = 'restored', token = token + 1, leased_until = NULL,
                      look_at = :look_at, doubt_since = coalesce(doubt_since, began_at, created_at), began_at = :now
WHERE state IN ('pending', 'claimed', 'unknown') AND created_at < :until;
