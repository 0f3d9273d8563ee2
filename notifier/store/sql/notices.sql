-- put --
INSERT INTO notices (id, incident, stage, wording, sequence, mode, regions, texts, created_at, valid_until, state,
                     reach, release_by, approvals_needed, audience, next_update_by, released_at, reason, facts)
VALUES (:id, :incident, :stage, :wording, :sequence, :mode, :regions, :texts, :created_at, :valid_until, :state,
        :reach, :release_by, :approvals_needed, :audience, :next_update_by, :released_at, :reason, :facts)
ON CONFLICT (id) DO UPDATE SET
    incident = excluded.incident, stage = excluded.stage, wording = excluded.wording, sequence = excluded.sequence,
    mode = excluded.mode, regions = excluded.regions, texts = excluded.texts, created_at = excluded.created_at,
    valid_until = excluded.valid_until, state = excluded.state, reach = excluded.reach,
    release_by = excluded.release_by, approvals_needed = excluded.approvals_needed, audience = excluded.audience,
    next_update_by = excluded.next_update_by, released_at = excluded.released_at, reason = excluded.reason,
    facts = excluded.facts;

-- get --
SELECT * FROM notices WHERE id = :id;

-- all --
SELECT * FROM notices WHERE (:state IS NULL OR state = :state) ORDER BY incident, sequence, id;

-- waiting --
SELECT * FROM notices WHERE state = 'waiting' ORDER BY incident, sequence, id;

-- of_incident --
SELECT * FROM notices WHERE incident = :incident AND (:state IS NULL OR state = :state)
ORDER BY incident, sequence, id;

-- put_approval --
INSERT INTO approvals (notice, actor, digest, at) VALUES (:notice, :actor, :digest, :at)
ON CONFLICT (notice, actor) DO UPDATE SET
    digest = excluded.digest, at = excluded.at;

-- approvals --
SELECT * FROM approvals WHERE notice = :notice ORDER BY at, actor;

-- number_waiting --
SELECT count(*) AS number FROM notices WHERE state = 'waiting';
