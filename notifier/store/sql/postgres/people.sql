-- audience --
SELECT * FROM subscribers
WHERE opted_out_at IS NULL
  AND id IN (SELECT subscriber FROM subscriber_regions
             WHERE region IN (SELECT jsonb_array_elements_text(:regions::jsonb)))
  AND (services = '[]' OR jsonb_exists(services::jsonb, :service))
ORDER BY id;

-- suppress --
UPDATE deliveries SET state = 'suppressed', reason = :reason, settled_at = :now, leased_until = NULL
WHERE address <> '' AND address IN (SELECT jsonb_array_elements_text(:addresses::jsonb))
  AND (state = 'pending' OR (state = 'claimed' AND began_at IS NULL));

-- deliveries_to --
SELECT count(*) AS number FROM deliveries
WHERE address <> '' AND address IN (SELECT jsonb_array_elements_text(:addresses::jsonb));

-- stop_repeats --
UPDATE deliveries SET cancel_reason = 'erased'
WHERE address <> '' AND address IN (SELECT jsonb_array_elements_text(:addresses::jsonb)) AND state = 'claimed';

-- give_up_unknown --
UPDATE deliveries SET state = 'failed', reason = 'erased', settled_at = :now, look_at = NULL
WHERE address <> '' AND address IN (SELECT jsonb_array_elements_text(:addresses::jsonb)) AND state = 'unknown';

-- some --
SELECT * FROM subscribers
WHERE opted_out_at IS NULL
  AND id IN (SELECT subscriber FROM subscriber_regions
             WHERE region IN (SELECT jsonb_array_elements_text(:regions::jsonb)) LIMIT :limit)
  AND (services = '[]' OR jsonb_exists(services::jsonb, :service))
ORDER BY address;

-- some_of_kind --
SELECT s.* FROM subscribers AS s
WHERE s.id IN (
    SELECT one.subscriber
    FROM jsonb_array_elements_text(:regions::jsonb) WITH ORDINALITY AS g (region, place)
    CROSS JOIN LATERAL (
        SELECT r.subscriber FROM subscriber_regions AS r JOIN subscribers AS who ON who.id = r.subscriber
        WHERE r.region = g.region AND who.kind = :kind AND who.opted_out_at IS NULL
          AND (who.services = '[]' OR jsonb_exists(who.services::jsonb, :service))
        ORDER BY r.subscriber LIMIT :limit) AS one
    LIMIT :limit)
ORDER BY s.address;

-- more_live_there --
SELECT count(*) AS number
FROM (SELECT 1 FROM subscriber_regions WHERE region IN (SELECT jsonb_array_elements_text(:regions::jsonb)) LIMIT :most);

-- sizes --
SELECT kind, timezone, quiet_hours, count(*) AS number FROM subscribers
WHERE opted_out_at IS NULL
  AND id IN (SELECT subscriber FROM subscriber_regions WHERE region IN (SELECT jsonb_array_elements_text(:regions::jsonb)))
  AND (services = '[]' OR jsonb_exists(services::jsonb, :service))
GROUP BY kind, timezone, quiet_hours;

-- told_sizes --
SELECT channel, EXISTS (
           SELECT 1 FROM subscribers AS s
           WHERE s.id = d.subscriber AND s.opted_out_at IS NULL
             AND EXISTS (SELECT 1 FROM subscriber_regions AS r
                         WHERE r.subscriber = s.id AND r.region IN (SELECT jsonb_array_elements_text(:regions::jsonb)))
             AND (s.services = '[]' OR jsonb_exists(s.services::jsonb, :service))
       ) AS living_there, count(DISTINCT address) AS number
FROM deliveries AS d
WHERE incident = ANY(:family::text[]) AND erased_at IS NULL
  AND (state IN ('sent', 'delivered', 'unknown') OR doubt_since IS NOT NULL OR earlier_doubt IS NOT NULL
       OR (state = 'claimed' AND began_at IS NOT NULL))
GROUP BY channel, living_there;

-- in_order_of_address --
SELECT number FROM subscribers
WHERE address > :after AND opted_out_at IS NULL
  AND id IN (SELECT subscriber FROM subscriber_regions WHERE region IN (SELECT jsonb_array_elements_text(:regions::jsonb)))
  AND (services = '[]' OR jsonb_exists(services::jsonb, :service))
ORDER BY address;

-- these --
SELECT id, address, greatest(consent_at / 604800000000, 0) AS week, kind, regions, language, timezone, quiet_hours
FROM subscribers
WHERE number IN (SELECT jsonb_array_elements_text(:numbers::jsonb)::bigint) AND opted_out_at IS NULL
  AND (services = '[]' OR jsonb_exists(services::jsonb, :service))
ORDER BY address;

-- at_these_addresses --
SELECT * FROM subscribers
WHERE address_hash IN (SELECT jsonb_array_elements_text(:hashes::jsonb)) AND opted_out_at IS NULL ORDER BY id;
