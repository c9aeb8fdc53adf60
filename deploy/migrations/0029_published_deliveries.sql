-- How far the bus has heard what became of recipients, by shard of the delivery log (services/api/relay_deliveries.py). From here
-- on: who wants to know what was before reads GET /events.
CREATE TABLE delivery_reached (
    shard        smallint PRIMARY KEY,
    store_epoch  integer NOT NULL,
    xid          xid8    NOT NULL,
    position     bigint  NOT NULL
);
INSERT INTO delivery_reached (shard, store_epoch, xid, position)
SELECT shard, store_epoch(), pg_snapshot_xmin(pg_current_snapshot()), 0 FROM generate_series(0, 63) AS shard;

-- From this transaction on GET /events can tell everything. Whoever drops segments or events raises it in the same transaction
-- above the highest (store_epoch, xid) of what is dropped; a cursor before it is refused. One row.
CREATE TABLE events_kept (
    only_row     boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    store_epoch  integer NOT NULL DEFAULT 0,
    xid          xid8    NOT NULL DEFAULT '0'
);
INSERT INTO events_kept DEFAULT VALUES;
