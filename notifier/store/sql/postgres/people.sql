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
