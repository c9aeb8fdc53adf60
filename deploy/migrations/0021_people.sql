-- What it takes to change and to remove lists, messages and people, and to erase a person: the address goes, whoever he was stays
-- a number, and every count stays what it was.

ALTER TABLE list ADD COLUMN mdate timestamptz;
UPDATE list SET mdate = cdate;
ALTER TABLE list ALTER COLUMN mdate SET NOT NULL, ALTER COLUMN mdate SET DEFAULT now();

-- A list is emptied in chunks before its row goes; whoever was added in between goes with the row.
ALTER TABLE subscription
    DROP CONSTRAINT subscription_list_id_fkey,
    ADD CONSTRAINT subscription_list_id_fkey FOREIGN KEY (list_id) REFERENCES list (id) ON DELETE CASCADE;

-- A removed message stays: its tasks report on it, and a member sees them because he wrote it.
ALTER TABLE message ADD COLUMN removed boolean NOT NULL DEFAULT false;

-- Whose values a proof shows, beside whoever gets it: its content is blanked with either.
ALTER TABLE notice ADD COLUMN sample_id bigint;
CREATE INDEX notice_of_sample ON notice (sample_id) WHERE sample_id IS NOT NULL;

-- Of whom a kept answer tells: when he is erased, its status and its id are left.
ALTER TABLE idempotency ADD COLUMN subscriber_ids bigint[];
CREATE INDEX idempotency_of_subscriber ON idempotency USING gin (subscriber_ids) WHERE subscriber_ids IS NOT NULL;

-- Who was erased, and up to which task his contact records are blank: what was begun is finished by whoever comes next.
-- finished_at: nothing of his is left, and nothing to him is under way. No address.
CREATE TABLE erasure (
    subscriber_id  bigint      PRIMARY KEY,
    account_id     bigint      NOT NULL,
    user_id        bigint,
    last_task_id   bigint      NOT NULL DEFAULT 0,
    cdate          timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished_at    timestamptz
);
CREATE INDEX erasure_unfinished ON erasure (cdate) WHERE finished_at IS NULL;

-- Who was counted in the size of a task and will not be found when its audience is frozen, nor what became of him: he was erased,
-- or the address of that channel was taken from him. One row a subscription, channel and class of message that he could have had;
-- only where a task to the list is yet to be frozen. left_at: since when he could not have had it; null: he could until then.
CREATE TABLE vanished_subscription (
    list_id        bigint      NOT NULL,
    subscriber_id  bigint      NOT NULL,
    channel        text        NOT NULL,
    class          text        NOT NULL,
    reason         text        NOT NULL CHECK (reason IN ('erased', 'no_address')),
    signup_at      timestamptz NOT NULL,
    left_at        timestamptz,
    vanished_at    timestamptz NOT NULL,
    PRIMARY KEY (list_id, channel, class, subscriber_id)
);

-- Which recipient of a task somebody is: an audience is frozen in the order of subscriber ids, so it is searched by halves, without
-- an index by subscriber. Where a number is missing, it is read whole.
CREATE FUNCTION ordinal_of_subscriber(sent bigint, wanted bigint) RETURNS integer
    LANGUAGE plpgsql STABLE
AS $$
DECLARE
    first   bigint := 0;
    last    bigint;
    middle  bigint;
    found   bigint;
BEGIN
    SELECT max(ordinal) INTO last FROM contact_record WHERE task_id = sent;
    WHILE first <= last LOOP
        middle := (first + last) / 2;
        SELECT subscriber_id INTO found FROM contact_record WHERE task_id = sent AND ordinal = middle::integer;
        IF found IS NULL THEN
            RETURN (SELECT min(ordinal) FROM contact_record WHERE task_id = sent AND subscriber_id = wanted);
        ELSIF found = wanted THEN
            RETURN middle::integer;
        ELSIF found < wanted THEN
            first := middle + 1;
        ELSE
            last := middle - 1;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
