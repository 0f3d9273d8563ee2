-- hold --
SELECT * FROM limits WHERE name IN (SELECT jsonb_array_elements_text(:names::jsonb)) ORDER BY name FOR UPDATE;
