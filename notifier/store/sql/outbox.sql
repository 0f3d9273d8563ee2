-- add --
INSERT INTO deliveries (id, notice, incident, stage, sequence, channel, address, language, mode, created_at,
                        not_before, expires_at, subscriber, state, reason, attempts, priority, token, leased_until,
                        began_at, settled_at, provider_id, detail, route, doubt_since)
VALUES (:id, :notice, :incident, :stage, :sequence, :channel, :address, :language, :mode, :created_at,
        :not_before, :expires_at, :subscriber, :state, :reason, :attempts, :priority, :token, :leased_until,
        :began_at, :settled_at, :provider_id, :detail, :route, :doubt_since)
ON CONFLICT (notice, channel, address) DO NOTHING;

-- add_alike --
INSERT INTO deliveries (id, address, subscriber, priority, notice, incident, stage, sequence, channel, language, mode,
                        created_at, not_before, expires_at, state, reason, attempts, token,
                        leased_until, began_at, settled_at, provider_id, detail, route, doubt_since)
VALUES (:id, :address, :subscriber, :priority, :notice, :incident, :stage, :sequence, :channel, :language, :mode,
        :created_at, :not_before, :expires_at, :state, :reason, :attempts, :token, :leased_until, :began_at,
        :settled_at, :provider_id, :detail, :route, :doubt_since)
ON CONFLICT (notice, channel, address) DO NOTHING;

-- get --
SELECT * FROM deliveries WHERE id = :id;

-- hold --
SELECT * FROM deliveries WHERE id = :id;

-- hold_at_once --
SELECT * FROM deliveries WHERE id = :id;

-- of_notice --
SELECT * FROM deliveries
WHERE notice = :notice AND (:incident IS NULL OR incident = :incident) AND (:state IS NULL OR state = :state)
ORDER BY number LIMIT :limit;

-- of_incident --
SELECT * FROM deliveries
WHERE incident = :incident AND (:state IS NULL OR state = :state)
ORDER BY number LIMIT :limit;

-- all --
SELECT * FROM deliveries WHERE (:state IS NULL OR state = :state) ORDER BY number LIMIT :limit;

-- notices_of --
SELECT id FROM notices
WHERE (:incident IS NULL OR incident = :incident) AND (:notice IS NULL OR id = :notice)
  AND (:stages IS NULL OR stage IN (SELECT value FROM json_each(:stages)))
ORDER BY id;

-- end_of_page --
SELECT channel, address FROM deliveries
WHERE notice = :notice AND (channel, address) > (:channel, :address) AND (:only = '' OR channel = :only)
ORDER BY channel, address LIMIT 1 OFFSET :limit;

-- cancel_page --
UPDATE deliveries SET state = 'cancelled', reason = :reason, settled_at = :now, leased_until = NULL
WHERE notice = :notice AND (channel, address) > (:channel, :address) AND (channel, address) <= (:last, :last_address)
  AND (:only = '' OR channel = :only) AND (state = 'pending' OR (state = 'claimed' AND began_at IS NULL));

-- cancel_rest --
UPDATE deliveries SET state = 'cancelled', reason = :reason, settled_at = :now, leased_until = NULL
WHERE notice = :notice AND (channel, address) > (:channel, :address)
  AND (:only = '' OR channel = :only) AND (state = 'pending' OR (state = 'claimed' AND began_at IS NULL));

-- cancel_claimed_after_this_attempt --
UPDATE deliveries SET cancel_reason = :reason
WHERE state = 'claimed' AND notice = :notice AND (:only = '' OR channel = :only) AND cancel_reason IS NULL;

-- cancel_unknown_after_this_attempt --
UPDATE deliveries SET cancel_reason = :reason
WHERE state = 'unknown' AND notice = :notice AND (:only = '' OR channel = :only) AND cancel_reason IS NULL;

-- cancelling --
SELECT * FROM cancelling ORDER BY notice, only_on LIMIT 1;

-- put_cancelling --
INSERT INTO cancelling (notice, only_on, reason, channel, address) VALUES (:notice, :only, :reason, :channel, :address)
ON CONFLICT (notice, only_on) DO UPDATE SET channel = excluded.channel, address = excluded.address;

-- drop_cancelling --
DELETE FROM cancelling WHERE notice = :notice AND only_on = :only;

-- told --
SELECT DISTINCT channel, address FROM deliveries
WHERE incident IN (SELECT value FROM json_each(:family)) AND erased_at IS NULL
  AND (state IN ('sent', 'delivered', 'unknown') OR doubt_since IS NOT NULL OR earlier_doubt IS NOT NULL);

-- more_were_told --
SELECT count(*) AS number FROM (SELECT 1 FROM deliveries WHERE incident IN (SELECT value FROM json_each(:family)) LIMIT :most);

-- begun --
SELECT channel, address FROM deliveries WHERE state = 'claimed' AND began_at IS NOT NULL AND incident = :incident;

-- told_after --
SELECT DISTINCT channel, address FROM deliveries
WHERE incident = :incident AND (channel, address) > (:channel, :address) AND erased_at IS NULL
  AND (state IN ('sent', 'delivered', 'unknown') OR doubt_since IS NOT NULL OR earlier_doubt IS NOT NULL)
ORDER BY channel, address LIMIT :limit;

-- told_among --
SELECT DISTINCT channel, address FROM deliveries
WHERE incident IN (SELECT value FROM json_each(:family)) AND channel IN (SELECT value FROM json_each(:channels))
  AND address IN (SELECT value FROM json_each(:addresses)) AND erased_at IS NULL
  AND (state IN ('sent', 'delivered', 'unknown') OR doubt_since IS NOT NULL OR earlier_doubt IS NOT NULL);

-- claim --
UPDATE deliveries SET state = 'claimed', token = token + 1, leased_until = :leased_until, reason = 'none'
WHERE number IN (
    SELECT d.number FROM deliveries AS d INDEXED BY deliveries_due
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
    ORDER BY d.priority, d.created_at, d.number LIMIT :limit)
RETURNING *;

-- next_due --
SELECT d.stage FROM deliveries AS d INDEXED BY deliveries_due
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

-- at_the_gate --
SELECT d.*, n.state AS notice_state, n.valid_until AS valid_until,
       EXISTS (SELECT 1 FROM cancels WHERE incident = d.incident)
           OR EXISTS (SELECT 1 FROM cancels WHERE notice = d.notice) AS cancels_there,
       coalesce((SELECT value FROM switches WHERE name = 'kill' ORDER BY number DESC LIMIT 1), 'off') AS kill,
       d.address <> '' AND EXISTS (SELECT 1 FROM opt_outs
                                   WHERE hash IN (:email, :phone))
           AS opted_out,
       d.stage NOT IN ('resolve', 'correct')
           OR EXISTS (WITH RECURSIVE family (id) AS (
                          SELECT d.incident
                          UNION SELECT i.id FROM incidents AS i JOIN family ON i.merged_into = family.id)
                      SELECT 1 FROM family
                      JOIN deliveries AS e ON e.incident = family.id AND e.channel = d.channel AND e.address = d.address
                      WHERE (e.sequence < d.sequence OR e.incident <> d.incident)
                        AND (e.state IN ('sent', 'delivered', 'unknown') OR e.doubt_since IS NOT NULL
                             OR e.earlier_doubt IS NOT NULL))
           AS told
FROM deliveries AS d JOIN notices AS n ON n.id = d.notice
WHERE d.id = :id;

-- begin --
UPDATE deliveries SET began_at = :now, attempts = attempts + 1, route = coalesce(:route, channel) WHERE id = :id;

-- uncount --
UPDATE deliveries SET attempts = attempts - 1 WHERE id = :id AND attempts > 0;

-- to_pending --
UPDATE deliveries SET state = 'pending', reason = :reason, not_before = CASE WHEN not_before > :not_before THEN not_before ELSE :not_before END,
                      leased_until = NULL, began_at = NULL, look_at = NULL, detail = :detail, doubt_since = :doubt_since
WHERE id = :id;

-- lose_claim --
UPDATE deliveries SET state = 'pending', token = token + 1,
                      not_before = CASE WHEN not_before > :not_before THEN not_before ELSE :not_before END,
                      leased_until = NULL, claims_lost = claims_lost + 1
WHERE id = :id;

-- to_unknown --
UPDATE deliveries SET state = 'unknown', reason = :reason, token = token + 1, leased_until = NULL, look_at = :look_at,
                      began_at = coalesce(began_at, :now), detail = :detail,
                      doubt_since = coalesce(doubt_since, began_at, :now)
WHERE id = :id;

-- put_route --
UPDATE deliveries SET route = :route WHERE id = :id;

-- to_sent --
UPDATE deliveries SET state = 'sent', reason = :reason, provider_id = CASE WHEN erased_at IS NULL THEN :provider_id END,
                      leased_until = NULL, look_at = NULL, settled_at = :now, detail = :detail, doubt_since = NULL
WHERE id = :id;

-- to_end --
UPDATE deliveries SET state = :state, reason = :reason, leased_until = NULL, look_at = NULL, settled_at = :now,
                      detail = :detail, doubt_since = :doubt_since
WHERE id = :id;

-- by_word --
UPDATE deliveries SET state = :state, reason = :reason, leased_until = NULL, look_at = NULL, settled_at = :now,
                      provider_id = CASE WHEN erased_at IS NULL THEN coalesce(provider_id, :provider_id) END, doubt_since = NULL
WHERE id = :id;

-- doubt --
UPDATE deliveries SET doubt_since = coalesce(doubt_since, :now) WHERE id = :id;

-- add_provider_id --
UPDATE deliveries SET provider_id = coalesce(provider_id, :provider_id) WHERE id = :id AND erased_at IS NULL;

-- leases_passed --
SELECT * FROM deliveries WHERE state = 'claimed' AND leased_until <= :now ORDER BY leased_until;

-- unknowns --
UPDATE deliveries SET look_at = :look_at
WHERE number IN (SELECT number FROM deliveries WHERE state = 'unknown' AND look_at <= :due
                   AND (:asked IS NULL OR coalesce(route, channel) = :asked)
                 ORDER BY look_at, number LIMIT :limit)
RETURNING *;

-- look_again --
UPDATE deliveries SET look_at = :look_at, detail = :detail WHERE id = :id;

-- by_provider --
SELECT * FROM deliveries WHERE provider_id = :provider_id LIMIT 2;

-- unanswered_beside --
SELECT e.id FROM deliveries AS d JOIN deliveries AS e ON e.address = d.address AND e.channel = d.channel
WHERE d.id = :id AND e.id <> d.id AND e.address <> '' AND e.state = 'claimed' AND e.began_at IS NOT NULL LIMIT 1;

-- expire --
UPDATE deliveries SET state = 'expired', reason = 'too_late', settled_at = :now
WHERE number IN (SELECT number FROM deliveries WHERE state = 'pending' AND expires_at <= :now
                 ORDER BY expires_at LIMIT :limit)
  AND state = 'pending';

-- pending_by_channel --
SELECT channel, count(*) AS number, min(CASE WHEN not_before <= :now THEN not_before END) AS oldest
FROM deliveries WHERE state = 'pending' GROUP BY channel;

-- claimed_by_channel --
SELECT channel, count(*) AS number FROM deliveries WHERE state = 'claimed' GROUP BY channel;

-- unknown_by_channel --
SELECT channel, count(*) AS number FROM deliveries WHERE state = 'unknown' GROUP BY channel;
