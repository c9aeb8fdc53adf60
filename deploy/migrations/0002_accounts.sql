-- Read-model rows of the account aggregate: written in the transaction that appends its events.
CREATE SEQUENCE account_id;
CREATE SEQUENCE user_id;
CREATE SEQUENCE key_id;

CREATE TABLE account (
    id       bigint PRIMARY KEY,
    name     text        NOT NULL UNIQUE,
    version  integer     NOT NULL,
    cdate    timestamptz NOT NULL,
    -- What must be signed with; encrypted under POSTROOM_SECRET, never in an event.
    sailthru_secret  bytea NOT NULL,
    webhook_secret   bytea NOT NULL
);

CREATE TABLE account_user (
    id          bigint PRIMARY KEY,
    account_id  bigint      NOT NULL REFERENCES account (id),
    name        text        NOT NULL,
    role        text        NOT NULL CHECK (role IN ('operator', 'admin', 'member', 'reader')),
    cdate       timestamptz NOT NULL,
    signupto_key       bytea NOT NULL,
    signupto_password  bytea NOT NULL,
    UNIQUE (account_id, name)
);

-- A key is found by its prefix and proved by its hash; the key itself is stored nowhere.
CREATE TABLE api_key (
    id          bigint PRIMARY KEY,
    account_id  bigint      NOT NULL REFERENCES account (id),
    user_id     bigint      NOT NULL REFERENCES account_user (id),
    name        text        NOT NULL,
    prefix      text        NOT NULL UNIQUE,
    hash        bytea       NOT NULL,
    cdate       timestamptz NOT NULL,
    revoked     boolean     NOT NULL DEFAULT false
);
