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

-- forget_others --
DELETE FROM subscribers WHERE address_hash = :hash AND id <> :id;

-- forget_regions --
DELETE FROM subscriber_regions WHERE subscriber = :id;

-- add_region --
INSERT INTO subscriber_regions (region, subscriber) VALUES (:region, :subscriber) ON CONFLICT DO NOTHING;

-- quiet_hours --
SELECT quiet_hours, timezone FROM subscribers WHERE id = :id AND quiet_hours IS NOT NULL;

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

-- some --
SELECT * FROM subscribers
WHERE opted_out_at IS NULL
  AND id IN (SELECT subscriber FROM subscriber_regions WHERE region IN (SELECT value FROM json_each(:regions))
             LIMIT :limit)
  AND (services = '[]' OR EXISTS (SELECT 1 FROM json_each(services) WHERE value = :service))
ORDER BY address;

-- some_of_kind --
SELECT s.* FROM subscribers AS s
WHERE s.id IN (
    SELECT r.subscriber FROM subscriber_regions AS r JOIN subscribers AS who ON who.id = r.subscriber
    WHERE r.region IN (SELECT value FROM json_each(:regions)) AND who.kind = :kind AND who.opted_out_at IS NULL
      AND (who.services = '[]' OR EXISTS (SELECT 1 FROM json_each(who.services) WHERE value = :service))
    LIMIT :limit)
ORDER BY s.address;

-- more_live_there --
SELECT count(*) AS number
FROM (SELECT 1 FROM subscriber_regions WHERE region IN (SELECT value FROM json_each(:regions)) LIMIT :most);

-- sizes --
SELECT kind, timezone, quiet_hours, count(*) AS number FROM subscribers
WHERE opted_out_at IS NULL
  AND id IN (SELECT subscriber FROM subscriber_regions WHERE region IN (SELECT value FROM json_each(:regions)))
  AND (services = '[]' OR EXISTS (SELECT 1 FROM json_each(services) WHERE value = :service))
GROUP BY kind, timezone, quiet_hours;

-- told_sizes --
SELECT channel, EXISTS (
           SELECT 1 FROM subscribers AS s
           WHERE s.id = d.subscriber AND s.opted_out_at IS NULL
             AND EXISTS (SELECT 1 FROM subscriber_regions AS r
                         WHERE r.subscriber = s.id AND r.region IN (SELECT value FROM json_each(:regions)))
             AND (s.services = '[]' OR EXISTS (SELECT 1 FROM json_each(s.services) WHERE value = :service))
       ) AS living_there, count(DISTINCT address) AS number
FROM deliveries AS d
WHERE incident IN (SELECT value FROM json_each(:family)) AND erased_at IS NULL
  AND (state IN ('sent', 'delivered', 'unknown') OR doubt_since IS NOT NULL OR earlier_doubt IS NOT NULL
       OR (state = 'claimed' AND began_at IS NOT NULL))
GROUP BY channel, living_there;

-- in_order_of_address --
SELECT rowid AS number FROM subscribers
WHERE address > :after AND opted_out_at IS NULL
  AND id IN (SELECT subscriber FROM subscriber_regions WHERE region IN (SELECT value FROM json_each(:regions)))
  AND (services = '[]' OR EXISTS (SELECT 1 FROM json_each(services) WHERE value = :service))
ORDER BY address;

-- these --
SELECT id, address, max(consent_at / 604800000000, 0) AS week, kind, regions, language, timezone, quiet_hours
FROM subscribers
WHERE rowid IN (SELECT value FROM json_each(:numbers)) AND opted_out_at IS NULL
  AND (services = '[]' OR EXISTS (SELECT 1 FROM json_each(services) WHERE value = :service))
ORDER BY address;

-- at_these_addresses --
SELECT * FROM subscribers
WHERE address_hash IN (SELECT value FROM json_each(:hashes)) AND opted_out_at IS NULL ORDER BY id;

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
