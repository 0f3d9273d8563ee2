-- put --
INSERT OR REPLACE INTO track_records (source, incident, service, regions, verdict, closed_at, lag, lead)
VALUES (:source, :incident, :service, :regions, :verdict, :closed_at, :lag, :lead);

-- since --
SELECT * FROM track_records WHERE closed_at >= :since ORDER BY source, closed_at, incident;

-- drop --
DELETE FROM track_records WHERE incident = :incident;
