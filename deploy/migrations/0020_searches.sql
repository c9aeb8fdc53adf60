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

-- What somebody did with all that was sent to him, added up by the live projector in the transaction of its checkpoint
-- (services/tracker/projector/note_engagement.py). One row a person who did anything, changed in place: no row a message.
-- generation: a rebuild writes the next one beside the one that is read.
CREATE TABLE engagement_generation (
    only_row  boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    live      integer NOT NULL DEFAULT 1
);
INSERT INTO engagement_generation DEFAULT VALUES;

CREATE TABLE engagement (
    generation         integer NOT NULL,
    subscriber_id      bigint  NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,
    opens              bigint  NOT NULL,
    clicks             bigint  NOT NULL,
    last_open          timestamptz,
    last_click         timestamptz,
    last_soft_bounce   timestamptz,
    PRIMARY KEY (generation, subscriber_id)
) WITH (fillfactor = 85);

-- Opens a day (UTC), for questions of how often since when. One row a person and day on which he opened anything.
CREATE TABLE daily_open (
    generation     integer NOT NULL,
    subscriber_id  bigint  NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,
    day            date    NOT NULL,
    opens          integer NOT NULL,
    PRIMARY KEY (generation, subscriber_id, day)
) WITH (fillfactor = 85);

-- The generation that is read.
CREATE FUNCTION live_engagement() RETURNS integer
    LANGUAGE sql STABLE PARALLEL SAFE
    AS 'SELECT live FROM engagement_generation';
