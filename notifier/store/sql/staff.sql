-- add --
INSERT INTO requests (verb, actor, at, arguments, answer) VALUES (:verb, :actor, :at, :arguments, '') RETURNING id;

-- waiting --
SELECT * FROM requests WHERE accepted IS NULL ORDER BY id;

-- get --
SELECT * FROM requests WHERE id = :id;

-- answer --
UPDATE requests SET accepted = :accepted, answer = :answer, answered_at = :at WHERE id = :id AND accepted IS NULL;

-- set_switch --
INSERT INTO switches (name, value, actor, at) VALUES (:name, :value, :actor, :at);

-- switch --
SELECT value FROM switches WHERE name = :name ORDER BY number DESC LIMIT 1;

-- put_checkpoint --
INSERT INTO checkpoints (name, state, at) VALUES (:name, :state, :at)
ON CONFLICT (name) DO UPDATE SET
    state = excluded.state, at = excluded.at;

-- checkpoint --
SELECT state FROM checkpoints WHERE name = :name;

-- meta --
SELECT value FROM meta WHERE name = :name;

-- keep_meta --
INSERT INTO meta (name, value) VALUES (:name, :value) ON CONFLICT (name) DO NOTHING;

-- put_meta --
INSERT INTO meta (name, value) VALUES (:name, :value)
ON CONFLICT (name) DO UPDATE SET
    value = excluded.value;

-- hash_key --
SELECT name, value FROM meta WHERE name IN ('hash_key', 'hash_key_mark');

-- anybody --
SELECT EXISTS (SELECT 1 FROM subscribers) OR EXISTS (SELECT 1 FROM opt_outs) AS anybody;
