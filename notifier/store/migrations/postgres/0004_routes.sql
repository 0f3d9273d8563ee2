-- The channel whose account the newest attempt asked; NULL: its own, or none yet. See the schema of the embedded store.
ALTER TABLE deliveries ADD COLUMN route TEXT COLLATE "C";
