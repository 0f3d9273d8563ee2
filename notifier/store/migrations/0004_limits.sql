-- Where each limit stands, for all channels and nodes that share it; a limit is a row however much was sent. spent_ns:
-- nanoseconds since 1970. held_until: the provider's "not before". Rows of limits no longer configured harm nobody.
CREATE TABLE limits (
    name TEXT PRIMARY KEY,
    spent_ns INTEGER NOT NULL,
    held_until INTEGER
) STRICT;
