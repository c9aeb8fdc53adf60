-- The domains that accounts send from, and what their mail is signed with.
CREATE SEQUENCE domain_id;
CREATE SEQUENCE dkim_key_id;

-- found: the records that DNS showed at the last look. look_at: when it is looked at next.
CREATE TABLE sending_domain (
    id          bigint PRIMARY KEY,
    account_id  bigint      NOT NULL,
    name        text        NOT NULL,
    version     integer     NOT NULL,
    cdate       timestamptz NOT NULL,
    bouncing    boolean     NOT NULL,
    algorithm   text        NOT NULL CHECK (algorithm IN ('rsa-sha256', 'ed25519-sha256')),
    selector    text        NOT NULL,
    rsa_public_key      text NOT NULL,
    ed25519_public_key  text NOT NULL,
    found       text[]      NOT NULL,
    removed     boolean     NOT NULL,
    look_at     timestamptz NOT NULL DEFAULT now()
);
-- A name is one domain of an account; another account may have it too, with keys of its own.
CREATE UNIQUE INDEX sending_domain_name ON sending_domain (account_id, name) WHERE NOT removed;
CREATE INDEX sending_domain_look ON sending_domain (look_at) WHERE NOT removed;

-- The private halves, encrypted under POSTROOM_SECRET. A key never changes, and it stays when its domain is removed: a task
-- that signs with it repeats its messages octet for octet.
CREATE TABLE dkim_key (
    id           bigint PRIMARY KEY,
    domain_id    bigint NOT NULL REFERENCES sending_domain (id),
    algorithm    text   NOT NULL CHECK (algorithm IN ('rsa-sha256', 'ed25519-sha256')),
    selector     text   NOT NULL,
    private_key  bytea  NOT NULL,
    UNIQUE (domain_id, algorithm)
);

-- Settled when the task starts.
ALTER TABLE sending ADD COLUMN dkim_keys bigint[] NOT NULL DEFAULT '{}';
