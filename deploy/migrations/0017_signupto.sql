-- What the dialect of Sign-Up.to's clients remembers, over all replicas: which nonces were used, and which tokens are valid.
-- Both go when they have expired.
CREATE TABLE signupto_nonce (
    user_id     bigint      NOT NULL,
    nonce       text        NOT NULL,
    expires_at  timestamptz NOT NULL,
    PRIMARY KEY (user_id, nonce)
);
CREATE INDEX signupto_nonce_expired ON signupto_nonce (expires_at);

-- A token itself is stored nowhere.
CREATE TABLE signupto_token (
    hash        bytea       PRIMARY KEY,
    user_id     bigint      NOT NULL REFERENCES account_user (id),
    expires_at  timestamptz NOT NULL
);
CREATE INDEX signupto_token_expired ON signupto_token (expires_at);

-- The clients page over all subscribers of an account, and a message tells whether a task used it.
CREATE INDEX IF NOT EXISTS subscriber_of_account ON subscriber (account_id, id);
CREATE INDEX IF NOT EXISTS task_of_message ON task (message_id);
