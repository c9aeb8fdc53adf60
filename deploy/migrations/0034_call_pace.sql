-- How far each key has used up what it may ask: one row a key (or, below /v1, a user), by the clock of the database. A call moves
-- next_at on by its share of a second; whoever is more than a burst ahead of the clock waits. Unlogged: it is worth no write to the
-- disk, and after a crash or on a new server counting begins anew.
CREATE UNLOGGED TABLE call_pace (
    who     text        PRIMARY KEY,
    next_at timestamptz NOT NULL,
    granted integer     NOT NULL
);
