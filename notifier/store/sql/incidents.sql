-- get --
SELECT * FROM incidents WHERE id = :id;

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
    version = :version, moved_at = max(moved_at, :moved_at)
WHERE id = :id AND version = :version - 1;

-- add_move --
INSERT INTO moves (incident, at, before, after, reason, actor)
VALUES (:incident, :at, :before, :after, :reason, :actor);

-- moves --
SELECT * FROM moves WHERE incident = :incident ORDER BY number;

-- next_number --
INSERT INTO incident_days (day, last) VALUES (:day, 1)
ON CONFLICT (day) DO UPDATE SET last = last + 1
RETURNING last;

-- link --
INSERT INTO evidence (incident, source, fingerprint, service, region, klass, level, observed_at, started_at, score,
                      why, lasts_until, facts)
VALUES (:incident, :source, :fingerprint, :service, :region, :klass, :level, :observed_at, :started_at, :score,
        :why, :lasts_until, :facts)
ON CONFLICT (incident, source, fingerprint, service, region) DO UPDATE SET
    klass = excluded.klass,
    why = CASE WHEN excluded.level > 0 AND excluded.score >= score THEN excluded.why ELSE why END,
    level = max(level, excluded.level),
    observed_at = min(observed_at, excluded.observed_at),
    started_at = min(started_at, excluded.started_at),
    score = max(score, excluded.score),
    lasts_until = excluded.lasts_until,
    facts = CASE WHEN excluded.facts = '{}' THEN facts ELSE excluded.facts END;

-- evidence --
SELECT * FROM evidence WHERE incident = :incident ORDER BY source, fingerprint, service, region;

-- open_by_state --
SELECT state, count(*) AS number FROM incidents
WHERE state NOT IN ('resolved', 'withdrawn', 'merged') GROUP BY state;

-- put_workaround --
INSERT OR REPLACE INTO workarounds (id, service, texts, origin, incident, regions, verified_by, verified_at,
                                    expires_at, withdrawn_at, evidence, facts)
VALUES (:id, :service, :texts, :origin, :incident, :regions, :verified_by, :verified_at,
        :expires_at, :withdrawn_at, :evidence, :facts);

-- workarounds --
SELECT * FROM workarounds
WHERE (:service IS NULL OR service = :service) AND (:incident IS NULL OR incident = :incident)
ORDER BY id;
