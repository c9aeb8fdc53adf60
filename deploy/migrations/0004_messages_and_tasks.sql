-- What is sent, and the sends: read-model rows of the message and task aggregates.
CREATE SEQUENCE message_id;
CREATE SEQUENCE task_id;

CREATE TABLE message (
    id          bigint PRIMARY KEY,
    account_id  bigint      NOT NULL,
    user_id     bigint      NOT NULL,
    channel     text        NOT NULL CHECK (channel IN ('email', 'sms')),
    name        text        NOT NULL,
    version     integer     NOT NULL,
    content     jsonb       NOT NULL,
    cdate       timestamptz NOT NULL
);

-- Each version stays: a task keeps the one it started with. links: the tracked urls, the n-th is link n of its tokens (from 1).
CREATE TABLE message_version (
    message_id  bigint  NOT NULL REFERENCES message (id),
    version     integer NOT NULL,
    content     jsonb   NOT NULL,
    links       text[]  NOT NULL,
    PRIMARY KEY (message_id, version)
);

CREATE TABLE task (
    id               bigint PRIMARY KEY,
    account_id       bigint      NOT NULL,
    user_id          bigint      NOT NULL,
    version          integer     NOT NULL,
    channel          text        NOT NULL CHECK (channel IN ('email', 'sms')),
    name             text        NOT NULL,
    message_id       bigint      NOT NULL,
    message_version  integer,
    list_id          bigint,
    search_id        bigint,
    rate             bigint,
    in_doubt         text        NOT NULL CHECK (in_doubt IN ('resend', 'hold')),
    scheduledtime    timestamptz NOT NULL,
    size             bigint      NOT NULL,
    cdate            timestamptz NOT NULL,
    started          boolean     NOT NULL,
    cancelled        boolean     NOT NULL,
    completed        boolean     NOT NULL,
    endtime          timestamptz,
    recipients       bigint,
    excluded         jsonb,
    CHECK (NOT (cancelled AND completed))
);
CREATE INDEX task_of_account ON task (account_id, id);
CREATE INDEX task_due ON task (scheduledtime) WHERE NOT started AND NOT cancelled;
CREATE INDEX task_open ON task (id) WHERE started AND NOT completed AND NOT cancelled;
