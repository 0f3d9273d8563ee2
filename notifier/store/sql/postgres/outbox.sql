-- add_alike --
INSERT INTO deliveries (id, address, subscriber, priority, notice, incident, stage, sequence, channel, language, mode,
                        created_at, not_before, expires_at, state, reason, attempts, token,
                        leased_until, began_at, settled_at, provider_id, detail, route, doubt_since)
SELECT id, address, subscriber, priority, notice, incident, stage, sequence, channel, language, mode, created_at,
       not_before, expires_at, state, reason, attempts, token, leased_until, began_at, settled_at,
       provider_id, detail, route, doubt_since
FROM unnest(:id::text[], :address::text[], :subscriber::text[], :priority::bigint[], :alike::bigint[])
         AS own (id, address, subscriber, priority, alike)
JOIN unnest(:notice::text[], :incident::text[], :stage::text[], :sequence::bigint[], :channel::text[], :language::text[],
            :mode::text[], :created_at::bigint[], :not_before::bigint[], :expires_at::bigint[],
            :state::text[], :reason::text[], :attempts::bigint[], :token::bigint[], :leased_until::bigint[],
            :began_at::bigint[], :settled_at::bigint[], :provider_id::text[], :detail::text[],
            :route::text[], :doubt_since::bigint[])
         WITH ORDINALITY AS shared (notice, incident, stage, sequence, channel, language, mode, created_at, not_before,
                                    expires_at, state, reason, attempts, token,
                                    leased_until, began_at, settled_at, provider_id,
                                    detail, route, doubt_since, number)
    ON shared.number = own.alike
ON CONFLICT (notice, channel, address) DO NOTHING;

-- hold --
SELECT * FROM deliveries WHERE id = :id FOR UPDATE;

-- hold_at_once --
SELECT * FROM deliveries WHERE id = :id FOR UPDATE NOWAIT;

-- notices_of --
SELECT id FROM notices
WHERE (:incident IS NULL OR incident = :incident) AND (:notice IS NULL OR id = :notice)
  AND (:stages IS NULL OR stage IN (SELECT jsonb_array_elements_text(:stages::jsonb)))
ORDER BY id;

-- told --
SELECT DISTINCT channel, address FROM deliveries
WHERE incident = ANY(:family::text[]) AND erased_at IS NULL
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
      AND NOT EXISTS (WITH RECURSIVE below (id) AS (
                          SELECT id FROM incidents WHERE merged_into = d.incident
                          UNION SELECT i.id FROM incidents AS i JOIN below ON i.merged_into = below.id)
                      SELECT 1 FROM below JOIN deliveries AS e
                      ON e.incident = below.id AND e.channel = d.channel AND e.address = d.address
                      WHERE e.state IN ('claimed', 'unknown') OR (e.state = 'pending' AND e.second_attempts = 0))
    ORDER BY d.priority, d.created_at, d.number LIMIT :limit FOR UPDATE SKIP LOCKED)
UPDATE deliveries SET state = 'claimed', token = token + 1, leased_until = :leased_until, reason = 'none'
FROM due WHERE deliveries.number = due.number
RETURNING deliveries.*;

-- next_due --
SELECT d.stage FROM deliveries AS d
WHERE d.state = 'pending' AND d.channel = :channel AND d.not_before <= :now AND d.expires_at > :now
  AND NOT EXISTS (SELECT 1 FROM deliveries AS e
                  WHERE e.incident = d.incident AND e.channel = d.channel AND e.address = d.address
                    AND e.sequence < d.sequence
                    AND (e.state IN ('claimed', 'unknown') OR (e.state = 'pending' AND e.second_attempts = 0)))
  AND NOT EXISTS (WITH RECURSIVE below (id) AS (
                      SELECT id FROM incidents WHERE merged_into = d.incident
                      UNION SELECT i.id FROM incidents AS i JOIN below ON i.merged_into = below.id)
                  SELECT 1 FROM below JOIN deliveries AS e
                  ON e.incident = below.id AND e.channel = d.channel AND e.address = d.address
                  WHERE e.state IN ('claimed', 'unknown') OR (e.state = 'pending' AND e.second_attempts = 0))
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
SELECT count(*) AS number FROM (SELECT 1 FROM deliveries WHERE incident = ANY(:family::text[]) LIMIT :most);

-- told_among --
SELECT DISTINCT channel, address FROM deliveries
WHERE incident = ANY(:family::text[]) AND channel IN (SELECT jsonb_array_elements_text(:channels::jsonb))
  AND address IN (SELECT jsonb_array_elements_text(:addresses::jsonb)) AND erased_at IS NULL
  AND (state IN ('sent', 'delivered', 'unknown') OR doubt_since IS NOT NULL OR earlier_doubt IS NOT NULL);
