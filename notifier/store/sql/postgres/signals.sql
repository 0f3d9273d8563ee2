-- open --
SELECT * FROM signals
WHERE ended_at IS NULL AND (lasts_until IS NULL OR lasts_until > :now)
ORDER BY source, fingerprint, service, region;
