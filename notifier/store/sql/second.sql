-- chance --
WITH RECURSIVE above (id) AS (
    SELECT incident FROM deliveries WHERE id = :id
    UNION SELECT i.merged_into FROM incidents AS i JOIN above ON i.id = above.id WHERE i.merged_into IS NOT NULL)
SELECT n.state AS notice_state, n.valid_until AS valid_until, coalesce(
    (SELECT c.reason FROM cancels AS c
     WHERE c.number IN (SELECT number FROM cancels WHERE incident = d.incident
                        UNION ALL SELECT number FROM cancels WHERE notice = d.notice)
       AND (c.incident IS NULL OR c.incident = d.incident) AND (c.notice IS NULL OR c.notice = d.notice)
       AND (c.channel IS NULL OR c.channel = d.channel)
       AND (c.stages IS NULL OR d.stage IN (SELECT value FROM json_each(c.stages)))
       AND c.newest >= d.number ORDER BY c.number LIMIT 1),
    (SELECT 'superseded' FROM deliveries AS e
     WHERE e.incident IN (SELECT id FROM above) AND e.channel = d.channel AND e.address = d.address
       AND (e.created_at > d.created_at OR (e.incident = d.incident AND e.sequence > d.sequence))
       AND e.state NOT IN ('cancelled', 'expired', 'suppressed') LIMIT 1)) AS overtaken
FROM deliveries AS d JOIN notices AS n ON n.id = d.notice
WHERE d.id = :id;

-- keep --
INSERT INTO earlier_messages (provider_id, delivery, reason, at) VALUES (:provider_id, :id, :reason, :now)
ON CONFLICT (provider_id, delivery) DO NOTHING;

-- again --
UPDATE deliveries SET state = 'pending', reason = :reason, token = token + 1, second_attempts = second_attempts + 1,
                      not_before = CASE WHEN not_before > :not_before THEN not_before ELSE :not_before END,
                      leased_until = NULL, began_at = NULL, look_at = NULL, settled_at = NULL, provider_id = NULL,
                      detail = '', doubt_since = NULL, earlier_doubt = coalesce(earlier_doubt, :earlier_doubt)
WHERE id = :id;

-- doubt_earlier --
UPDATE deliveries SET earlier_doubt = coalesce(earlier_doubt, doubt_since) WHERE id = :id;

-- holders --
SELECT d.id, d.channel FROM earlier_messages AS e JOIN deliveries AS d ON d.id = e.delivery
WHERE e.provider_id = :provider_id LIMIT 2;

-- note_cancel --
INSERT INTO cancels (incident, notice, channel, stages, reason, newest, at)
SELECT :incident, :notice, :channel, :stages, :reason, coalesce(max(number), 0), :now FROM deliveries;

-- forget --
DELETE FROM earlier_messages
WHERE delivery IN (SELECT id FROM deliveries WHERE address <> '' AND address = :address);

-- cancelled --
SELECT c.reason FROM deliveries AS d JOIN cancels AS c
ON c.number IN (SELECT number FROM cancels WHERE incident = d.incident
                UNION ALL SELECT number FROM cancels WHERE notice = d.notice)
WHERE d.id = :id AND (c.incident IS NULL OR c.incident = d.incident) AND (c.notice IS NULL OR c.notice = d.notice)
  AND (c.channel IS NULL OR c.channel = d.channel)
  AND (c.stages IS NULL OR d.stage IN (SELECT value FROM json_each(c.stages)))
  AND c.newest >= d.number
ORDER BY c.number LIMIT 1;
