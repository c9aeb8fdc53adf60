-- The names that an SMSC gave the messages it took, by which its receipts speak of them: the way back to task and ordinal.
-- One row a message, in one statement a batch; gone when no receipt is to be expected any more. Names may come again after
-- a while, so the newest counts. Not partitioned by task: it is only ever asked by name.
CREATE TABLE sms_reference (
    reference    text        NOT NULL,
    task_id      bigint      NOT NULL,
    ordinal      integer     NOT NULL,
    recorded_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (reference, task_id, ordinal)
);
CREATE INDEX sms_reference_age ON sms_reference (recorded_at);
