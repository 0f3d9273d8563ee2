-- put --
INSERT INTO canaries (notice, channel, incident, state, people, size, due_at, changed_at, why, actor, since,
                      stopped_channel)
VALUES (:notice, :channel, :incident, :state, :people, :size, :due_at, :changed_at, :why, :actor, :since,
        :stopped_channel)
ON CONFLICT (notice, channel) DO UPDATE SET
    state = excluded.state, people = excluded.people, size = excluded.size, due_at = excluded.due_at,
    changed_at = excluded.changed_at, why = excluded.why, actor = excluded.actor, since = excluded.since,
    stopped_channel = excluded.stopped_channel;

-- get --
SELECT * FROM canaries WHERE notice = :notice AND channel = :channel;

-- open --
SELECT * FROM canaries WHERE state NOT IN ('dropped', 'ended') ORDER BY notice, channel;

-- of_incident --
SELECT * FROM canaries WHERE incident = :incident ORDER BY notice, channel;

-- fates --
SELECT state, reason, began_at, second_attempts, created_at FROM deliveries
WHERE notice = :notice AND channel = :channel
ORDER BY began_at, number LIMIT :most;

-- sampled_fates --
SELECT state, reason, began_at, second_attempts, created_at FROM deliveries
WHERE notice = :notice AND channel = :channel AND substr(id, 35) < '08'
ORDER BY began_at, number LIMIT :most;

-- waiting --
SELECT 1 AS there FROM deliveries INDEXED BY deliveries_due
WHERE state = 'pending' AND channel = :channel AND notice = :notice AND second_attempts = 0 LIMIT 1;
