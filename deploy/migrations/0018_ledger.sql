-- What accounts may send and were charged: the state of their ledger (shared/domain/ledger.py), changed in the transaction that
-- appends its event. Whoever changes it locks the row first, so no unit is given away twice and the row knows the version of
-- the stream. No row, or nothing but null: the account is not metered.
CREATE TABLE balance (
    account_id  bigint  PRIMARY KEY,
    version     integer NOT NULL DEFAULT 0,
    credit      bigint CHECK (credit >= 0),
    quota       bigint CHECK (quota >= 0),
    overage     bigint CHECK (overage >= 0),
    charged     bigint  NOT NULL DEFAULT 0 CHECK (charged >= 0)
);

-- Which recipients of a task are charged, and with how many units each (1 for an email, the parts of an SMS): a set of ordinals
-- per units and chunk, as in ordinal_set. Who is in one is not charged again, whatever attempt it is. Of an account that is not
-- metered there is none.
CREATE TABLE charge (
    shard        smallint NOT NULL,
    task_id      bigint   NOT NULL,
    units        smallint NOT NULL,
    chunk        integer  NOT NULL,
    bits         bytea    NOT NULL,
    cardinality  integer  NOT NULL,
    PRIMARY KEY (task_id, units, chunk)
) PARTITION BY RANGE (task_id);

-- As in 0005_data_plane.sql, with the charges, and also in front of those partitions that are there already.
CREATE OR REPLACE FUNCTION ensure_task_partitions(wanted bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    span    CONSTANT bigint := 100000;
    parent  text;
    child   text;
    lower_bound bigint;
BEGIN
    FOREACH parent IN ARRAY ARRAY['sending', 'contact_record', 'batch', 'segment', 'ordinal_set', 'hit_series', 'charge'] LOOP
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
-- Tasks that are under way while this is applied have partitions, and no other start would make that of the charges.
SELECT ensure_task_partitions(lower_bound)
  FROM generate_series(0, coalesce((SELECT max(task_id) FROM sending), 0), 100000) AS lower_bound;
