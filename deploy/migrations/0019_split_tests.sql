-- Split tests: the read-model row of the aggregate, and the audience that their tasks are drawn from.
CREATE SEQUENCE splittest_id;

-- task_ids: of the variants, in the order of message_ids; these and rest_task_id are settled at the start, the tasks follow.
-- shares, accepted, scores: in the same order.
CREATE TABLE splittest (
    id                 bigint PRIMARY KEY,
    account_id         bigint           NOT NULL,
    user_id            bigint           NOT NULL,
    version            integer          NOT NULL,
    name               text             NOT NULL,
    message_ids        bigint[]         NOT NULL,
    list_id            bigint,
    search_id          bigint,
    criterion          text             NOT NULL CHECK (criterion IN ('open', 'click')),
    action             text             NOT NULL CHECK (action IN ('targetwinner', 'tellme')),
    delay              double precision NOT NULL,
    segmenttype        text             NOT NULL CHECK (segmenttype IN ('percentage', 'number')),
    segmentvalue       bigint           NOT NULL,
    tie                text             NOT NULL CHECK (tie IN ('first', 'random', 'tellme')),
    scheduledtime      timestamptz      NOT NULL,
    rate               bigint,
    in_doubt           text             NOT NULL CHECK (in_doubt IN ('resend', 'hold')),
    size               bigint           NOT NULL,
    cdate              timestamptz      NOT NULL,
    started            boolean          NOT NULL,
    cancelled          boolean          NOT NULL,
    completed          boolean          NOT NULL,
    endtime            timestamptz,
    task_ids           bigint[]         NOT NULL,
    rest_task_id       bigint,
    recipients         bigint,
    seed               bigint,
    shares             bigint[],
    accepted           bigint[],
    scores             bigint[],
    measured_at        timestamptz,
    winner_message_id  bigint,
    winner_task_id     bigint,
    CHECK (NOT (cancelled AND completed))
);
CREATE INDEX splittest_of_account ON splittest (account_id, id);
CREATE INDEX splittest_open ON splittest (scheduledtime) WHERE NOT completed AND NOT cancelled;  -- the few that a planner looks at

ALTER TABLE task ADD COLUMN splittest_id bigint;
CREATE INDEX task_of_splittest ON task (splittest_id) WHERE splittest_id IS NOT NULL;

-- The planner's hold on one split test, as `sending` is on a task; its task_id is that of the task to the rest, whether there will be
-- one or not. mark: no transaction from this one on need be counted, of those of its store epoch; set when the delay was over,
-- which was at marked_for.
CREATE TABLE splitting (
    shard               smallint    NOT NULL,
    task_id             bigint      NOT NULL,
    splittest_id        bigint      NOT NULL,
    frozen              boolean     NOT NULL DEFAULT false,
    last_subscriber_id  bigint      NOT NULL DEFAULT 0,
    next_ordinal        integer     NOT NULL DEFAULT 0,
    audience            jsonb,
    reached_lists       bigint[],
    message_class       text        NOT NULL,
    mark                xid8,
    marked_in           integer,
    marked_for          timestamptz,
    epoch               integer     NOT NULL DEFAULT 0,
    owner               bigint,
    leased_until        timestamptz NOT NULL DEFAULT '-infinity',
    PRIMARY KEY (task_id)
) PARTITION BY RANGE (task_id);
CREATE INDEX splitting_freezing ON splitting (task_id) WHERE NOT frozen;

-- The frozen audience of a split test. No address: a task writes that down when it starts, as every task does.
CREATE TABLE split_recipient (
    shard          smallint NOT NULL,
    task_id        bigint   NOT NULL,
    ordinal        integer  NOT NULL,
    subscriber_id  bigint   NOT NULL,
    PRIMARY KEY (task_id, ordinal)
) PARTITION BY RANGE (task_id);

-- As in 0018_ledger.sql, with the two above.
CREATE OR REPLACE FUNCTION ensure_task_partitions(wanted bigint) RETURNS void
    LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT
AS $$
DECLARE
    span    CONSTANT bigint := 100000;
    parent  text;
    child   text;
    lower_bound bigint;
BEGIN
    FOREACH parent IN ARRAY ARRAY['sending', 'contact_record', 'batch', 'segment', 'ordinal_set', 'hit_series', 'charge',
                                  'splitting', 'split_recipient'] LOOP
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
