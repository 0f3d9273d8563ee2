-- waiting --
SELECT 1 AS there FROM deliveries
WHERE state = 'pending' AND channel = :channel AND notice = :notice AND second_attempts = 0 LIMIT 1;
