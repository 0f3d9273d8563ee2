-- put --
INSERT INTO subscribers (id, kind, address, address_hash, regions, language, timezone, consent_at, consent_by,
                         services, quiet_hours, opted_out_at)
VALUES (:id, :kind, :address, :address_hash, :regions, :language, :timezone, :consent_at, :consent_by,
        :services, :quiet_hours, :opted_out_at)
ON CONFLICT (id) DO UPDATE SET
    kind = excluded.kind, address = excluded.address, address_hash = excluded.address_hash,
    regions = excluded.regions, language = excluded.language, timezone = excluded.timezone,
    consent_at = excluded.consent_at, consent_by = excluded.consent_by, services = excluded.services,
    quiet_hours = excluded.quiet_hours, opted_out_at = excluded.opted_out_at;

-- forget_regions --
DELETE FROM subscriber_regions WHERE subscriber = :id;

-- add_region --
INSERT INTO subscriber_regions (region, subscriber) VALUES (:region, :subscriber) ON CONFLICT DO NOTHING;

-- get --
SELECT * FROM subscribers WHERE id = :id;

-- after --
SELECT * FROM subscribers WHERE id > :after ORDER BY id LIMIT :limit;

-- audience --
SELECT * FROM subscribers
WHERE opted_out_at IS NULL
  AND id IN (SELECT subscriber FROM subscriber_regions WHERE region IN (SELECT value FROM json_each(:regions)))
  AND (services = '[]' OR EXISTS (SELECT 1 FROM json_each(services) WHERE value = :service))
ORDER BY id;

-- by_hash --
SELECT * FROM subscribers WHERE address_hash = :hash;

-- opted_out --
SELECT at FROM opt_outs WHERE hash = :hash;

-- opt_out --
INSERT INTO opt_outs (hash, kind, at, how) VALUES (:hash, :kind, :at, :how) ON CONFLICT (hash) DO NOTHING;

-- mark_opted_out --
UPDATE subscribers SET opted_out_at = :at WHERE address_hash = :hash AND opted_out_at IS NULL;

-- opt_in --
DELETE FROM opt_outs WHERE hash = :hash;

-- mark_opted_in --
UPDATE subscribers SET opted_out_at = NULL, consent_at = :at, consent_by = :how WHERE address_hash = :hash;

-- suppress --
UPDATE deliveries SET state = 'suppressed', reason = :reason, settled_at = :now, leased_until = NULL
WHERE address <> '' AND address IN (SELECT value FROM json_each(:addresses))
  AND (state = 'pending' OR (state = 'claimed' AND began_at IS NULL));

-- deliveries_to --
SELECT count(*) AS number FROM deliveries
WHERE address <> '' AND address IN (SELECT value FROM json_each(:addresses));

-- stop_repeats --
UPDATE deliveries SET cancel_reason = 'erased'
WHERE address <> '' AND address IN (SELECT value FROM json_each(:addresses)) AND state = 'claimed';

-- give_up_unknown --
UPDATE deliveries SET state = 'failed', reason = 'erased', settled_at = :now, look_at = NULL
WHERE address <> '' AND address IN (SELECT value FROM json_each(:addresses)) AND state = 'unknown';

-- erase_deliveries --
UPDATE deliveries SET address = :erased, subscriber = NULL, provider_id = NULL, detail = '', erased_at = :now
WHERE address <> '' AND address = :address;

-- erase_subscriber --
DELETE FROM subscribers WHERE address_hash = :hash;
