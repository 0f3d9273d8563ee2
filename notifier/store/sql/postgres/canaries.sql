-- waiting --
SELECT 1 AS there FROM deliveries
WHERE state = 'pending' AND channel = :channel AND notice = :notice LIMIT 1;
