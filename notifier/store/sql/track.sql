-- put --
INSERT INTO track_records (source, incident, service, regions, verdict, closed_at, lag, lead)
VALUES (:source, :incident, :service, :regions, :verdict, :closed_at, :lag, :lead)
ON CONFLICT (source, incident) DO UPDATE SET
    service = excluded.service, regions = excluded.regions, verdict = excluded.verdict,
    closed_at = excluded.closed_at, lag = excluded.lag, lead = excluded.lead;

-- since --
SELECT * FROM track_records WHERE closed_at >= :since ORDER BY source, closed_at, incident;

-- drop --
DELETE FROM track_records WHERE incident = :incident;
