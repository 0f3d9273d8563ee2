-- hold --
SELECT * FROM deliveries WHERE id = :id FOR UPDATE;

-- hold_at_once --
SELECT * FROM deliveries WHERE id = :id FOR UPDATE NOWAIT;

-- cancel --
UPDATE deliveries SET state = 'cancelled', reason = :reason, settled_at = :now, leased_until = NULL
WHERE (state = 'pending' OR (state = 'claimed' AND began_at IS NULL))
  AND (:incident IS NULL OR incident = :incident) AND (:notice IS NULL OR notice = :notice)
  AND (:channel IS NULL OR channel = :channel)
  AND (:stages IS NULL OR stage IN (SELECT jsonb_array_elements_text(:stages::jsonb)))
  AND number IN (SELECT number FROM deliveries WHERE incident = :incident
                 UNION SELECT number FROM deliveries WHERE notice = :notice);

-- cancel_after_this_attempt --
UPDATE deliveries SET cancel_reason = :reason
WHERE state IN ('claimed', 'unknown') AND cancel_reason IS NULL
  AND (:incident IS NULL OR incident = :incident) AND (:notice IS NULL OR notice = :notice)
  AND (:channel IS NULL OR channel = :channel)
  AND (:stages IS NULL OR stage IN (SELECT jsonb_array_elements_text(:stages::jsonb)))
  AND number IN (SELECT number FROM deliveries WHERE incident = :incident
                 UNION SELECT number FROM deliveries WHERE notice = :notice);

-- told --
WITH RECURSIVE family (id) AS (
    SELECT :incident COLLATE "C"
    UNION SELECT i.id FROM incidents AS i JOIN family ON i.merged_into = family.id)
SELECT DISTINCT channel, address FROM deliveries
WHERE incident IN (SELECT id FROM family) AND erased_at IS NULL
  AND (state IN ('sent', 'delivered', 'unknown') OR doubt_since IS NOT NULL OR earlier_doubt IS NOT NULL);

-- claim --
WITH due AS MATERIALIZED (
    SELECT d.number FROM deliveries AS d
    WHERE d.state = 'pending' AND d.channel = :channel AND d.not_before <= :now AND d.expires_at > :now
      AND NOT EXISTS (SELECT 1 FROM deliveries AS e
                      WHERE e.incident = d.incident AND e.channel = d.channel AND e.address = d.address
                        AND e.sequence < d.sequence
                        AND (e.state IN ('claimed', 'unknown')
                             OR (e.state = 'pending' AND e.second_attempts = 0)))
    ORDER BY d.priority, d.created_at, d.number LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE deliveries SET state = 'claimed', token = token + 1, leased_until = :leased_until, reason = 'none'
FROM due WHERE deliveries.number = due.number
RETURNING deliveries.*;

-- next_due --
SELECT d.stage FROM deliveries AS d
WHERE d.state = 'pending' AND d.channel = :channel AND d.not_before <= :now AND d.expires_at > :now
  AND NOT EXISTS (SELECT 1 FROM deliveries AS e
                  WHERE e.incident = d.incident AND e.channel = d.channel AND e.address = d.address
                    AND e.sequence < d.sequence AND e.state IN ('pending', 'claimed', 'unknown'))
ORDER BY d.priority, d.created_at, d.number LIMIT 1;

-- leases_passed --
SELECT * FROM deliveries WHERE state = 'claimed' AND leased_until <= :now ORDER BY leased_until FOR UPDATE SKIP LOCKED;

-- unknowns --
WITH due AS MATERIALIZED (
    SELECT number FROM deliveries WHERE state = 'unknown' AND look_at <= :due
      AND (:asked::text IS NULL OR coalesce(route, channel) = :asked)
    ORDER BY look_at, number LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE deliveries SET look_at = :look_at FROM due WHERE deliveries.number = due.number
RETURNING deliveries.*;

-- more_were_told --
WITH RECURSIVE family (id) AS (
    SELECT :incident COLLATE "C" UNION SELECT i.id FROM incidents AS i JOIN family ON i.merged_into = family.id)
SELECT count(*) AS number FROM (SELECT 1 FROM deliveries WHERE incident IN (SELECT id FROM family) LIMIT :most);

-- told_among --
WITH RECURSIVE family (id) AS (
    SELECT :incident COLLATE "C" UNION SELECT i.id FROM incidents AS i JOIN family ON i.merged_into = family.id)
SELECT DISTINCT channel, address FROM deliveries
WHERE incident IN (SELECT id FROM family) AND channel IN (SELECT jsonb_array_elements_text(:channels::jsonb))
  AND address IN (SELECT jsonb_array_elements_text(:addresses::jsonb)) AND erased_at IS NULL
  AND (state IN ('sent', 'delivered', 'unknown') OR doubt_since IS NOT NULL OR earlier_doubt IS NOT NULL);
