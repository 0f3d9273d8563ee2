-- get --
SELECT * FROM incidents WHERE id = :id;

-- family --
WITH RECURSIVE family (id) AS (
    SELECT id FROM incidents WHERE merged_into = :incident
    UNION SELECT i.id FROM incidents AS i JOIN family ON i.merged_into = family.id)
SELECT id FROM family;

-- all --
SELECT * FROM incidents ORDER BY opened_at, id;

-- open --
SELECT * FROM incidents WHERE state NOT IN ('resolved', 'withdrawn', 'merged') ORDER BY opened_at, id;

-- since --
SELECT * FROM incidents WHERE state NOT IN ('resolved', 'withdrawn', 'merged')
UNION
SELECT * FROM incidents WHERE moved_at >= :since
ORDER BY opened_at, id;

-- insert --
INSERT INTO incidents (id, service, regions, state, level, started_at, opened_at, policy, template, reason,
                       confirmed_at, acknowledged_at, workaround_at, monitoring_at, resolved_at, calm_since, held_by,
                       widened_by, opened_by, merged_into, next_update_by, facts, version, moved_at)
VALUES (:id, :service, :regions, :state, :level, :started_at, :opened_at, :policy, :template, :reason,
        :confirmed_at, :acknowledged_at, :workaround_at, :monitoring_at, :resolved_at, :calm_since, :held_by,
        :widened_by, :opened_by, :merged_into, :next_update_by, :facts, :version, :moved_at)
ON CONFLICT (id) DO NOTHING;

-- update --
UPDATE incidents SET
    service = :service, regions = :regions, state = :state, level = :level, started_at = :started_at,
    opened_at = :opened_at, policy = :policy, template = :template, reason = :reason, confirmed_at = :confirmed_at,
    acknowledged_at = :acknowledged_at, workaround_at = :workaround_at, monitoring_at = :monitoring_at,
    resolved_at = :resolved_at, calm_since = :calm_since, held_by = :held_by, widened_by = :widened_by,
    opened_by = :opened_by, merged_into = :merged_into, next_update_by = :next_update_by, facts = :facts,
    version = :version, moved_at = CASE WHEN moved_at > :moved_at THEN moved_at ELSE :moved_at END
WHERE id = :id AND version = :version - 1;

-- add_move --
INSERT INTO moves (incident, at, before, after, reason, actor)
VALUES (:incident, :at, :before, :after, :reason, :actor);

-- moves --
SELECT * FROM moves WHERE incident = :incident ORDER BY number;

-- next_number --
INSERT INTO incident_days (day, last) VALUES (:day, 1)
ON CONFLICT (day) DO UPDATE SET last = incident_days.last + 1
RETURNING last;

-- link --
INSERT INTO evidence (incident, source, fingerprint, service, region, klass, level, observed_at, started_at, score,
                      why, lasts_until, facts)
VALUES (:incident, :source, :fingerprint, :service, :region, :klass, :level, :observed_at, :started_at, :score,
        :why, :lasts_until, :facts)
ON CONFLICT (incident, source, fingerprint, service, region) DO UPDATE SET
    klass = excluded.klass,
    why = CASE WHEN excluded.level > 0 AND excluded.score >= evidence.score THEN excluded.why ELSE evidence.why END,
    level = CASE WHEN excluded.level > evidence.level THEN excluded.level ELSE evidence.level END,
    observed_at = CASE WHEN excluded.observed_at < evidence.observed_at THEN excluded.observed_at
                       ELSE evidence.observed_at END,
    started_at = CASE WHEN excluded.started_at < evidence.started_at THEN excluded.started_at
                      ELSE evidence.started_at END,
    score = CASE WHEN excluded.score > evidence.score THEN excluded.score ELSE evidence.score END,
    lasts_until = excluded.lasts_until,
    facts = CASE WHEN excluded.facts = '{}' THEN evidence.facts ELSE excluded.facts END;

-- evidence --
SELECT * FROM evidence WHERE incident = :incident ORDER BY source, fingerprint, service, region;

-- open_by_state --
SELECT state, count(*) AS number FROM incidents
WHERE state NOT IN ('resolved', 'withdrawn', 'merged') GROUP BY state;

-- put_workaround --
INSERT INTO workarounds (id, service, texts, origin, incident, regions, verified_by, verified_at,
                         expires_at, withdrawn_at, evidence, facts)
VALUES (:id, :service, :texts, :origin, :incident, :regions, :verified_by, :verified_at,
        :expires_at, :withdrawn_at, :evidence, :facts)
ON CONFLICT (id) DO UPDATE SET
    service = excluded.service, texts = excluded.texts, origin = excluded.origin, incident = excluded.incident,
    regions = excluded.regions, verified_by = excluded.verified_by, verified_at = excluded.verified_at,
    expires_at = excluded.expires_at, withdrawn_at = excluded.withdrawn_at, evidence = excluded.evidence,
    facts = excluded.facts;

-- workarounds --
SELECT * FROM workarounds
WHERE (:service IS NULL OR service = :service) AND (:incident IS NULL OR incident = :incident)
ORDER BY id;
