-- Jobs: streams with a row each (job); what each is to do, how far it is and who is at it (job_work); what was uploaded for it
-- (job_input); and what is told to a URL when it has ended (postback).
CREATE SEQUENCE job_number;

-- job_id: what callers know it by (shared/domain/job_id.py).
CREATE TABLE job (
    id          bigint PRIMARY KEY,
    account_id  bigint      NOT NULL,
    job_id      text        NOT NULL,
    kind        text        NOT NULL,
    name        text        NOT NULL,
    version     integer     NOT NULL,
    status      text        NOT NULL CHECK (status IN ('pending', 'completed', 'error')),
    reason      text,
    cdate       timestamptz NOT NULL,
    started_at  timestamptz,
    ended_at    timestamptz
);
CREATE INDEX job_of_account ON job (account_id, id);

-- params: as its type reads them (shared/jobs). job_cursor: where the next chunk begins, written in the transaction of the one
-- before. errors: [{line, message}], the first hundred. result: what its type tells callers. failures: how often in a row the same
-- chunk went wrong unexpectedly. sealed_key: the key it was posted with, for the postback; gone, like the addresses, when it has ended.
CREATE TABLE job_work (
    id            bigint PRIMARY KEY REFERENCES job (id),
    account_id    bigint      NOT NULL,
    user_id       bigint      NOT NULL,
    kind          text        NOT NULL,
    params        jsonb       NOT NULL,
    report_email  text,
    postback_url  text,
    sealed_key    bytea,
    job_cursor    jsonb       NOT NULL DEFAULT '{}',
    progress      real        NOT NULL DEFAULT 0,
    rows          bigint      NOT NULL DEFAULT 0,
    rows_failed   bigint      NOT NULL DEFAULT 0,
    errors        jsonb       NOT NULL DEFAULT '[]',
    result        jsonb       NOT NULL DEFAULT '{}',
    failures      integer     NOT NULL DEFAULT 0,
    ended         boolean     NOT NULL DEFAULT false,
    due_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    epoch         integer     NOT NULL DEFAULT 0,
    owner         bigint,
    leased_until  timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 70);
CREATE INDEX job_due ON job_work (due_at) WHERE NOT ended;

-- The lines of a job, in pieces of a chunk each: cut between lines, numbered from 0. first_line: the number of its first line in the
-- whole, from 1. Gone when the job has ended.
CREATE TABLE job_input (
    job_id      bigint   NOT NULL REFERENCES job (id),
    piece       integer  NOT NULL,
    first_line  bigint   NOT NULL,
    data        bytea    NOT NULL,
    PRIMARY KEY (job_id, piece)
);
-- It is there for minutes: packing it would take longer than it saves.
ALTER TABLE job_input ALTER COLUMN data SET STORAGE EXTERNAL;

-- body: sealed, as it holds a key, and gone once it was taken or given up.
CREATE TABLE postback (
    job_id        bigint PRIMARY KEY REFERENCES job (id),
    account_id    bigint      NOT NULL,
    url           text,
    body          bytea,
    state         text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'delivered', 'given_up')),
    reason        text        NOT NULL DEFAULT '',
    attempt       integer     NOT NULL DEFAULT 1,
    due_at        timestamptz NOT NULL DEFAULT clock_timestamp(),
    cdate         timestamptz NOT NULL DEFAULT clock_timestamp(),
    epoch         integer     NOT NULL DEFAULT 0,
    owner         bigint,
    leased_until  timestamptz NOT NULL DEFAULT '-infinity'
);
CREATE INDEX postback_due ON postback (due_at) WHERE state = 'waiting';

-- How often each account has called what within the minute. Nothing is lost with it in a crash but the count of a minute.
CREATE UNLOGGED TABLE call_count (
    account_id  bigint      NOT NULL,
    call        text        NOT NULL,
    minute      timestamptz NOT NULL,
    calls       integer     NOT NULL,
    PRIMARY KEY (account_id, call)
);
