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
       AND (c.stages IS NULL OR d.stage IN (SELECT jsonb_array_elements_text(c.stages::jsonb)))
       AND c.newest >= d.number ORDER BY c.number LIMIT 1),
    (SELECT 'superseded' FROM deliveries AS e
     WHERE e.incident IN (SELECT id FROM above) AND e.channel = d.channel AND e.address = d.address
       AND (e.created_at > d.created_at OR (e.incident = d.incident AND e.sequence > d.sequence))
       AND e.state NOT IN ('cancelled', 'expired', 'suppressed') LIMIT 1)) AS overtaken
FROM deliveries AS d JOIN notices AS n ON n.id = d.notice
WHERE d.id = :id;

-- cancelled --
SELECT c.reason FROM deliveries AS d JOIN cancels AS c
ON c.number IN (SELECT number FROM cancels WHERE incident = d.incident
                UNION ALL SELECT number FROM cancels WHERE notice = d.notice)
WHERE d.id = :id AND (c.incident IS NULL OR c.incident = d.incident) AND (c.notice IS NULL OR c.notice = d.notice)
  AND (c.channel IS NULL OR c.channel = d.channel)
  AND (c.stages IS NULL OR d.stage IN (SELECT jsonb_array_elements_text(c.stages::jsonb)))
  AND c.newest >= d.number
ORDER BY c.number LIMIT 1;
