-- Callbacks: what became of a campaign's recipients, told to its event_callback. A projection of the delivery log with
-- checkpoints of its own (services/tracker/callbacks/cut_windows.py), which no rebuild touches.

-- How far in each shard of the log events have been cut into windows. From here on: nobody could wish for callbacks before.
CREATE TABLE callback_reached (
    shard        smallint PRIMARY KEY,
    store_epoch  integer NOT NULL,
    xid          xid8    NOT NULL,
    position     bigint  NOT NULL
);
INSERT INTO callback_reached (shard, store_epoch, xid, position)
SELECT shard, store_epoch(), pg_snapshot_xmin(pg_current_snapshot()), 0 FROM generate_series(0, 63) AS shard;

-- One call each: at most 1,000 people of one task to whom one event happened in one window. A window with more has several rows.
-- opened_at: when the window began. first_ms: the earliest event in it, unix milliseconds. ordinals: a serialized roaring
-- bitmap; addresses are read from contact_record when the call is made, so that whoever is erased is named no more. number:
-- the order of the calls of one campaign, and with the campaign its webhook-id. empty: nobody was left to be named.
CREATE SEQUENCE callback_window_number;
CREATE TABLE callback_window (
    shard         smallint    NOT NULL,
    task_id       bigint      NOT NULL,
    number        bigint      NOT NULL DEFAULT nextval('callback_window_number'),
    campaign_id   bigint      NOT NULL,
    kind          smallint    NOT NULL,
    opened_at     timestamptz NOT NULL,
    first_ms      bigint      NOT NULL,
    ordinals      bytea       NOT NULL,
    people        integer     NOT NULL,
    state         text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'empty')),
    attempts      integer     NOT NULL DEFAULT 0,
    attempted_at  timestamptz,
    last_status   integer,
    last_error    text,
    PRIMARY KEY (task_id, number)
) PARTITION BY RANGE (task_id);
CREATE INDEX callback_window_of_campaign ON callback_window (campaign_id, number);
CREATE INDEX callback_window_waiting ON callback_window (campaign_id, number) WHERE state = 'waiting';

-- Where the calls of one campaign stand: one at a time, in their order. due_at: when the first one that waits may be tried;
-- infinity: nothing waits, or not before somebody wants it again. failures: of that one, in a row, at url; another event_callback begins
-- anew. parked: given up for now, stopped: answered with 410, and all that wait behind it with it. wishes: counts whatever gave it
-- something to do, so that nobody lays it to rest over what he has not seen.
CREATE TABLE callback_line (
    campaign_id   bigint PRIMARY KEY,
    account_id    bigint      NOT NULL,
    state         text        NOT NULL DEFAULT 'open' CHECK (state IN ('open', 'parked', 'stopped')),
    url           text,
    failures      integer     NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL,
    wishes        bigint      NOT NULL DEFAULT 0,
    epoch         integer     NOT NULL DEFAULT 0,
    owner         bigint,
    leased_until  timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX callback_line_due ON callback_line (due_at) WHERE due_at < 'infinity';
CREATE INDEX callback_line_failing ON callback_line (campaign_id) WHERE failures > 0;

-- Every table that is partitioned by task id, found by that: a new one need not be named here any more.
CREATE OR REPLACE FUNCTION ensure_task_partitions(wanted bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    span    CONSTANT bigint := 100000;
    parent  text;
    child   text;
    lower_bound bigint;
BEGIN
    FOR parent IN SELECT relname
                    FROM pg_partitioned_table
                    JOIN pg_class ON pg_class.oid = partrelid
                    JOIN pg_attribute ON attrelid = partrelid AND attnum = partattrs[0] AND attname = 'task_id'
                   WHERE relnamespace = current_schema()::regnamespace
                   ORDER BY relname LOOP
        FOR lower_bound IN SELECT (wanted / span + step) * span FROM generate_series(0, 1) AS step LOOP
            child := parent || '_' || lower_bound;
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            PERFORM pg_advisory_xact_lock(hashtext('ensure_task_partitions'));
            CONTINUE WHEN to_regclass(child) IS NOT NULL;
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMPRESSION)', child, parent);
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', parent, child, lower_bound, lower_bound + span);
        END LOOP;
    END LOOP;
END $$;
SELECT ensure_task_partitions(lower_bound)
  FROM generate_series(0, coalesce((SELECT max(task_id) FROM sending), 0), 100000) AS lower_bound;
