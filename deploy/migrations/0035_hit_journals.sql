-- How many bytes of a tracker's journal are in the tables: in the transaction that stored them, so that a journal is replayed
-- once, whoever dies in between. A row stays when its file is gone: a file that comes back with an old volume is known.
CREATE TABLE hit_journal (
    journal      bigint      PRIMARY KEY,
    replayed     bigint      NOT NULL,
    advanced_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
