-- Who was erased while a job that had been posted before was not done: its lines may name him, and must not bring him back. A keyed
-- hash of each address, forgotten when the last of those jobs has ended.
CREATE TABLE erased_address (
    account_id  bigint      NOT NULL,
    hash        bytea       NOT NULL,
    erased_at   timestamptz NOT NULL,
    PRIMARY KEY (account_id, hash)
);
