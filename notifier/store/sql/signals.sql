-- get --
SELECT * FROM signals
WHERE source = :source AND fingerprint = :fingerprint AND service = :service AND region = :region;

-- put --
INSERT INTO signals (source, fingerprint, service, region, klass, level, observed_at, started_at, score,
                     why, lasts_until, facts, ended_at)
VALUES (:source, :fingerprint, :service, :region, :klass, :level, :observed_at, :started_at, :score,
        :why, :lasts_until, :facts, NULL)
ON CONFLICT (source, fingerprint, service, region) DO UPDATE SET
    klass = excluded.klass, level = excluded.level, observed_at = excluded.observed_at,
    started_at = excluded.started_at, score = excluded.score, why = excluded.why, lasts_until = excluded.lasts_until,
    facts = excluded.facts, ended_at = excluded.ended_at;

-- end --
UPDATE signals SET ended_at = :ended_at, why = :why
WHERE source = :source AND fingerprint = :fingerprint AND service = :service AND region = :region;

-- open --
SELECT * FROM signals INDEXED BY signals_open
WHERE ended_at IS NULL AND (lasts_until IS NULL OR lasts_until > :now)
ORDER BY source, fingerprint, service, region;

-- ended --
SELECT *, ended_at AS over_at FROM signals
WHERE ended_at IS NOT NULL AND ended_at BETWEEN :since AND :now
UNION ALL
SELECT *, lasts_until AS over_at FROM signals
WHERE ended_at IS NULL AND lasts_until BETWEEN :since AND :now
ORDER BY source, fingerprint, service, region;

-- seal --
UPDATE signals SET ended_at = lasts_until WHERE ended_at IS NULL AND lasts_until <= :now;

-- open_by_class --
SELECT klass, count(*) AS number FROM signals
WHERE ended_at IS NULL AND (lasts_until IS NULL OR lasts_until > :now) GROUP BY klass;

-- source_state --
SELECT * FROM source_states WHERE source = :source;

-- source_states --
SELECT * FROM source_states ORDER BY source;

-- silent_sources --
SELECT source FROM source_states WHERE freshness IN ('stale', 'suspect', 'failing') ORDER BY source;

-- put_source_state --
INSERT INTO source_states (source, freshness, why, last_known_at, last_try_at, failures, memory)
VALUES (:source, :freshness, :why, :last_known_at, :last_try_at, :failures, :memory)
ON CONFLICT (source) DO UPDATE SET
    freshness = excluded.freshness, why = excluded.why, last_known_at = excluded.last_known_at,
    last_try_at = excluded.last_try_at, failures = excluded.failures, memory = excluded.memory;

-- number --
SELECT count(*) AS number FROM signals;
