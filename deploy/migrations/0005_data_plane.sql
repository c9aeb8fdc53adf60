-- What became of each recipient of each task. Every table leads with shard and task and is range-partitioned by task id:
-- a shard is the unit of work of a reader, a partition the unit of retention, and both are what a distributed engine splits by.

-- The dispatcher's hold on one task: where freezing its audience stands, and for a task with a rate (burst and seconds_each,
-- see shared/domain/pacing.py; null without) when the next messages may go.
CREATE TABLE sending (
    shard          smallint    NOT NULL,
    task_id        bigint      NOT NULL,
    frozen         boolean     NOT NULL DEFAULT false,
    last_subscriber_id  bigint NOT NULL DEFAULT 0,
    next_ordinal   integer     NOT NULL DEFAULT 0,
    excluded       jsonb       NOT NULL DEFAULT '{}',
    burst          integer,
    seconds_each   double precision,
    next_at        timestamptz NOT NULL DEFAULT '-infinity',
    epoch          integer     NOT NULL DEFAULT 0,
    owner          bigint,
    leased_until   timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (task_id)
) PARTITION BY RANGE (task_id);
CREATE INDEX sending_freezing ON sending (task_id) WHERE NOT frozen;

-- The frozen audience: recipient n of a task, and the address as it was then. No state and no time lives here.
CREATE TABLE contact_record (
    shard          smallint NOT NULL,
    task_id        bigint   NOT NULL,
    ordinal        integer  NOT NULL,
    subscriber_id  bigint   NOT NULL,
    address        text     NOT NULL,
    PRIMARY KEY (task_id, ordinal)
) PARTITION BY RANGE (task_id);

-- A set of ordinals to be attempted together, claimed by lease. ordinals and resent: serialized roaring bitmaps. Batches cut
-- from the audience count from 0, those of later attempts take their numbers from a sequence far above. taken_over: claimed
-- from a process that did not give it back, and who of it is in doubt is not settled yet; in the row, so that one that dies
-- before it could settle that does not pass the batch on as if nothing of it had been begun.
CREATE SEQUENCE retry_batch_number START 4294967296;
CREATE TABLE batch (
    shard         smallint    NOT NULL,
    task_id       bigint      NOT NULL,
    number        bigint      NOT NULL,
    ordinals      bytea       NOT NULL,
    size          integer     NOT NULL,
    resent        bytea,
    attempt       integer     NOT NULL,
    due_at        timestamptz NOT NULL,
    epoch         integer     NOT NULL DEFAULT 0,
    owner         bigint,
    leased_until  timestamptz NOT NULL DEFAULT '-infinity',
    taken_over    boolean     NOT NULL DEFAULT false,
    done          boolean     NOT NULL DEFAULT false,
    PRIMARY KEY (task_id, number)
) PARTITION BY RANGE (task_id);
CREATE INDEX batch_due ON batch (due_at) WHERE NOT done;
CREATE INDEX batch_held ON batch (owner) WHERE NOT done AND owner IS NOT NULL;

-- The delivery log: append-only segments, one row per batch of hits of one kind. (task, batch, epoch, part) is the producer's
-- id of it: appending the same segment twice stores it once. hits: see shared/delivery_log/segments.py.
CREATE SEQUENCE segment_position;
CREATE TABLE segment (
    shard          smallint NOT NULL,
    task_id        bigint   NOT NULL,
    store_epoch    integer  NOT NULL DEFAULT store_epoch(),
    xid            xid8     NOT NULL DEFAULT pg_current_xact_id(),
    position       bigint   NOT NULL DEFAULT nextval('segment_position'),
    kind           smallint NOT NULL,
    batch          bigint   NOT NULL,
    epoch          integer  NOT NULL,
    part           integer  NOT NULL,
    first_ordinal  integer  NOT NULL,
    last_ordinal   integer  NOT NULL,
    ordinals       bytea    NOT NULL,
    hits           bytea    NOT NULL,
    recorded_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (task_id, batch, epoch, part)
) PARTITION BY RANGE (task_id);
CREATE INDEX segment_tail ON segment (shard, store_epoch, xid, position);
CREATE INDEX segment_range ON segment (task_id, first_ordinal);

-- The projection: who is in which set, one roaring bitmap per chunk of 65,536 ordinals. link 0 is the whole kind.
CREATE TABLE ordinal_set (
    shard        smallint NOT NULL,
    task_id      bigint   NOT NULL,
    generation   integer  NOT NULL,
    kind         smallint NOT NULL,
    link         integer  NOT NULL,
    chunk        integer  NOT NULL,
    bits         bytea    NOT NULL,
    cardinality  integer  NOT NULL,
    PRIMARY KEY (task_id, generation, kind, link, chunk)
) PARTITION BY RANGE (task_id);

-- Hits per minute (unix time / 60); their sum over the minutes is the total.
CREATE TABLE hit_series (
    shard       smallint NOT NULL,
    task_id     bigint   NOT NULL,
    generation  integer  NOT NULL,
    kind        smallint NOT NULL,
    link        integer  NOT NULL,
    minute      integer  NOT NULL,
    hits        bigint   NOT NULL,
    PRIMARY KEY (task_id, generation, kind, link, minute)
) PARTITION BY RANGE (task_id);

-- How far each shard is projected, and by whom. The live generation is the one reads use; a rebuild writes the next beside it.
CREATE TABLE projection (
    shard         smallint    NOT NULL,
    generation    integer     NOT NULL,
    live          boolean     NOT NULL,
    store_epoch   integer     NOT NULL DEFAULT 0,
    xid           xid8        NOT NULL DEFAULT '0',
    position      bigint      NOT NULL DEFAULT 0,
    epoch         integer     NOT NULL DEFAULT 0,
    owner         bigint,
    leased_until  timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (shard, generation)
);
CREATE UNIQUE INDEX projection_live ON projection (shard) WHERE live;
INSERT INTO projection (shard, generation, live) SELECT shard, 1, true FROM generate_series(0, 63) AS shard;

-- lz4 where this server was built with it: a segment is read far more often than written.
DO $$
BEGIN
    ALTER TABLE segment ALTER COLUMN hits SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported THEN
    NULL;
END $$;

-- Makes sure that the partitions for this task id and the range after it exist. Attached rather than created in place:
-- attaching does not wait for the readers and writers of the other partitions.
CREATE FUNCTION ensure_task_partitions(wanted bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    span    CONSTANT bigint := 100000;
    parent  text;
    child   text;
    lower_bound bigint;
BEGIN
    FOREACH parent IN ARRAY ARRAY['sending', 'contact_record', 'batch', 'segment', 'ordinal_set', 'hit_series'] LOOP
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
SELECT ensure_task_partitions(0);
