-- Searches, whom they find, and what became of each person over all tasks.
CREATE SEQUENCE search_id;

-- query: the wire form of shared/domain/subscriber_query.py, one spelling for each query. removed: a task that was posted at the
-- very moment still starts with what the search was.
CREATE TABLE saved_search (
    id          bigint PRIMARY KEY,
    account_id  bigint      NOT NULL,
    name        text        NOT NULL,
    version     integer     NOT NULL,
    list_id     bigint,
    query       jsonb       NOT NULL,
    cdate       timestamptz NOT NULL,
    removed     boolean     NOT NULL
);
CREATE INDEX saved_search_of_account ON saved_search (account_id, id) WHERE NOT removed;  -- the pages of GET /search

-- The tasks that a search must not be removed under (tasks_waiting); few, and none once they have started.
CREATE INDEX task_of_search ON task (search_id) WHERE search_id IS NOT NULL AND NOT started AND NOT cancelled;

-- Whom an audience is asked of, page by page in the order of ids (freeze_search_chunk), where no list leads there.
CREATE INDEX subscriber_of_account ON subscriber (account_id, id);

-- Settled when a task to a search starts, null for one to a list: {list_id, query, at} as they are then, and at the first page
-- {lists}: the ids of the lists that the query names. reached_lists: the lists by which people are reached; null: any of theirs.
ALTER TABLE sending
    ADD COLUMN audience jsonb,
    ADD COLUMN reached_lists bigint[];

-- What somebody did with all that was sent to him: a projection of the delivery log of its own, with checkpoints of its own
-- (services/tracker/projector/engagement.py). One row a person who did anything, changed in place: no row a message.
-- generation: a rebuild writes the next one beside the one that is read. newest: the last number that was given out.
CREATE TABLE engagement_generation (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    live      integer NOT NULL DEFAULT 1,
    newest    integer NOT NULL DEFAULT 1
);
INSERT INTO engagement_generation DEFAULT VALUES;

-- The generation that is read.
CREATE FUNCTION live_engagement() RETURNS integer
    LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT live FROM engagement_generation';

-- How far in each shard of the log; from the beginning, so that what was opened before there was this table counts.
CREATE TABLE engagement_reached (
    generation   integer  NOT NULL,
    shard        smallint NOT NULL,
    store_epoch  integer  NOT NULL DEFAULT 0,
    xid          xid8     NOT NULL DEFAULT '0',
    position     bigint   NOT NULL DEFAULT 0,
    PRIMARY KEY (generation, shard)
);
INSERT INTO engagement_reached (generation, shard) SELECT 1, shard FROM generate_series(0, 63) AS shard;

-- The person first, in both: who is erased is found at once in all generations.
CREATE TABLE engagement (
    subscriber_id      bigint  NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,
    generation         integer NOT NULL,
    opens              bigint  NOT NULL,
    clicks             bigint  NOT NULL,
    last_open          timestamptz,
    last_click         timestamptz,
    last_soft_bounce   timestamptz,
    PRIMARY KEY (subscriber_id, generation)
) WITH (fillfactor = 85);

-- Opens a day (UTC), for questions of how often since when. One row a person and day on which he opened anything.
CREATE TABLE daily_open (
    subscriber_id  bigint  NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,
    generation     integer NOT NULL,
    day            date    NOT NULL,
    opens          integer NOT NULL,
    PRIMARY KEY (subscriber_id, generation, day)
) WITH (fillfactor = 85);
