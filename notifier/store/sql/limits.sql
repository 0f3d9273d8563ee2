-- get --
SELECT * FROM limits WHERE name = :name;

-- hold --
SELECT * FROM limits WHERE name IN (SELECT value FROM json_each(:names)) ORDER BY name;

-- add --
INSERT INTO limits (name, spent_ns, held_until) VALUES (:name, 0, NULL) ON CONFLICT (name) DO NOTHING;

-- put --
UPDATE limits SET spent_ns = :spent_ns, held_until = :held_until WHERE name = :name;
