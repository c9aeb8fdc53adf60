-- The event store: one append-only table, read by stream and tailed in commit order.

-- The epoch stands first in the order of every tail: xid8 starts again after a dump and restore, so a restored
-- store must sort behind everything that was read before. One row.
CREATE TABLE store (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    store_epoch  integer NOT NULL DEFAULT 1
);
INSERT INTO store DEFAULT VALUES;

CREATE FUNCTION store_epoch() RETURNS integer
    LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT store_epoch FROM store';

CREATE TABLE event (
    store_epoch  integer     NOT NULL DEFAULT store_epoch(),
    xid          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    position     bigint      GENERATED ALWAYS AS IDENTITY,
    stream       text        NOT NULL,
    version      integer     NOT NULL CHECK (version > 0),
    type         text        NOT NULL,
    data         jsonb       NOT NULL,
    account_id   bigint      NOT NULL,
    user_id      bigint,
    correlation  text,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (stream, version)
);
-- Readers go by (store_epoch, xid, position) below pg_snapshot_xmin: position alone skips late commits.
CREATE UNIQUE INDEX event_tail ON event (store_epoch, xid, position);

-- Who has read how far, and who may: one row per tail, held by a lease with an epoch that rises at each takeover.
CREATE TABLE checkpoint (
    name          text PRIMARY KEY,
    store_epoch   integer     NOT NULL DEFAULT 0,
    xid           xid8        NOT NULL DEFAULT '0',
    position      bigint      NOT NULL DEFAULT 0,
    epoch         integer     NOT NULL DEFAULT 0,
    owner         bigint,
    leased_until  timestamptz NOT NULL DEFAULT '-infinity'
);

-- The first answer to a POST, for good: written in the transaction of its events.
CREATE TABLE idempotency (
    account_id   bigint      NOT NULL,
    method       text        NOT NULL,
    path         text        NOT NULL,
    key          text        NOT NULL,
    body_hash    bytea       NOT NULL,
    status       smallint    NOT NULL,
    headers      jsonb       NOT NULL,
    body         bytea       NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, method, path, key)
);
