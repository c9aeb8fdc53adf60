-- Many small segments of one producer become one row, once every reader is past them (services/tracker/compactor). merged: which
-- segments it was made of, see shared/delivery_log/merged.py; null: a segment as it was recorded. ordinals: null in a merged one
-- of whom nobody asks by batch or for final states.
ALTER TABLE segment ADD COLUMN merged bytea;
ALTER TABLE segment ALTER COLUMN ordinals DROP NOT NULL;

-- How far each shard has been looked through.
CREATE TABLE merged_reached (
    shard        smallint PRIMARY KEY,
    store_epoch  integer NOT NULL DEFAULT 0,
    xid          xid8    NOT NULL DEFAULT '0',
    position     bigint  NOT NULL DEFAULT 0
);
INSERT INTO merged_reached (shard) SELECT shard FROM generate_series(0, 63) AS shard;

-- Up to where everybody who reads the log from a checkpoint of his own has come, a rebuild that has just begun among them.
CREATE FUNCTION everybody_reached(of_shard smallint, OUT store_epoch integer, OUT xid xid8, OUT "position" bigint)
    LANGUAGE sql STABLE
AS $$
    SELECT reached.store_epoch, reached.xid, reached.position
      FROM (SELECT shard, store_epoch, xid, position FROM projection
             UNION ALL
            SELECT shard, store_epoch, xid, position FROM engagement_reached
             UNION ALL
            SELECT shard, store_epoch, xid, position FROM callback_reached
             UNION ALL
            SELECT shard, store_epoch, xid, position FROM delivery_reached) AS reached
     WHERE reached.shard = of_shard
     ORDER BY reached.store_epoch, reached.xid, reached.position
     LIMIT 1
$$;

-- Until the transaction ends nobody appends what may have been merged meanwhile, and no rebuild begins; and the other way round.
-- Shared or alone: see merging_stops and try_merging.
CREATE FUNCTION merging_lock() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 20362';
CREATE FUNCTION merging_stops(of_shard smallint) RETURNS void
    LANGUAGE sql
AS 'SELECT pg_advisory_xact_lock_shared(merging_lock(), of_shard)';
CREATE FUNCTION try_merging(of_shard smallint) RETURNS boolean
    LANGUAGE sql
AS 'SELECT pg_try_advisory_xact_lock(merging_lock(), of_shard)';

-- How many hits a segment has, by its header (shared/delivery_log/segments.py).
CREATE FUNCTION hit_count(hits bytea) RETURNS integer
    LANGUAGE sql IMMUTABLE
AS $$
    SELECT CASE WHEN octet_length(hits) < 16 THEN 0
                ELSE get_byte(hits, 4) + get_byte(hits, 5) * 256 + get_byte(hits, 6) * 65536
           END
$$;

-- The one way by which anything leaves the delivery log: for what it takes away it puts a row with as many hits of the same kind of
-- the same producer, and only where everybody has read. That row stands at the last place of them, so no checkpoint lies before it,
-- and has the highest name, so whoever reads by name and has not come to the end of them meets it. False: they are not all there any
-- more, or somebody has still to read them; nothing is changed.
CREATE FUNCTION merge_segments(of_shard smallint, of_task bigint, of_batch bigint, of_epoch integer, of_parts integer[],
                               their_ordinals bytea, their_hits bytea, their_merged bytea)
    RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    found    record;
    newest   segment;
    reached  record;
BEGIN
    IF their_hits IS NULL OR their_merged IS NULL OR NOT try_merging(of_shard) THEN
        RETURN false;
    END IF;
    SELECT * INTO reached FROM everybody_reached(of_shard);
    SELECT count(*) AS rows, sum(hit_count(hits)) AS hits, count(DISTINCT (kind, store_epoch)) AS kinds,
           min(first_ordinal) AS first, max(last_ordinal) AS last, min(recorded_at) AS recorded_at,
           max(part) AS part
      INTO found
      FROM segment
     WHERE task_id = of_task AND batch = of_batch AND epoch = of_epoch AND part = ANY (of_parts)
       AND shard = of_shard AND merged IS NULL
       AND (store_epoch, xid, position) <= (reached.store_epoch, reached.xid, reached.position);
    IF found.rows < 2 OR found.rows <> cardinality(of_parts) OR found.kinds <> 1 OR found.hits <> hit_count(their_hits) THEN
        RETURN false;
    END IF;
    SELECT * INTO newest
      FROM segment
     WHERE task_id = of_task AND batch = of_batch AND epoch = of_epoch AND part = ANY (of_parts)
     ORDER BY store_epoch DESC, xid DESC, position DESC
     LIMIT 1;
    DELETE FROM segment WHERE task_id = of_task AND batch = of_batch AND epoch = of_epoch AND part = ANY (of_parts);
    INSERT INTO segment (shard, task_id, store_epoch, xid, position, kind, batch, epoch, part, first_ordinal, last_ordinal,
                         ordinals, hits, merged, recorded_at)
    VALUES (of_shard, of_task, newest.store_epoch, newest.xid, newest.position, newest.kind, of_batch, of_epoch, found.part,
            found.first, found.last, their_ordinals, their_hits, their_merged, found.recorded_at);
    RETURN true;
END $$;

-- As in 0024_callbacks.sql; but a partition of contact_record has its columns by their length, the longest first, so that nothing is
-- spent on aligning them. Whoever goes through the table does not see in which order they are.
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
            IF parent = 'contact_record' THEN
                EXECUTE format('CREATE TABLE %I (%s)', child, (
                    SELECT string_agg(format('%I %s%s', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN ' NOT NULL' END),
                                      ', ' ORDER BY attlen < 0, attlen DESC, attnum)
                      FROM pg_attribute
                     WHERE attrelid = to_regclass(parent) AND attnum > 0 AND NOT attisdropped));
            ELSE
                EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING COMPRESSION)', child, parent);
            END IF;
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', parent, child, lower_bound, lower_bound + span);
        END LOOP;
    END LOOP;
END $$;

-- Those that are there already stay, but where nobody has been written down yet.
DO $$
DECLARE
    partition regclass;
BEGIN
    IF NOT EXISTS (SELECT FROM contact_record) THEN
        LOCK TABLE contact_record IN ACCESS EXCLUSIVE MODE;
        IF EXISTS (SELECT FROM contact_record) THEN
            RETURN;
        END IF;
        FOR partition IN SELECT inhrelid FROM pg_inherits WHERE inhparent = 'contact_record'::regclass LOOP
            EXECUTE format('DROP TABLE %s', partition);
        END LOOP;
        PERFORM ensure_task_partitions(lower_bound)
           FROM generate_series(0, coalesce((SELECT max(task_id) FROM sending), 0), 100000) AS lower_bound;
    END IF;
END $$;
