-- Who must not be written to. A row is one reason for one address: of the whole account, or of one list. What it is of is a
-- keyed hash of the address (shared/suppression/address_hash.py), which survives when the address itself is erased; whose the
-- address is (subscriber_id) is kept beside it, so that an audience is joined by subscriber. marketing_only: an opt-out that
-- still permits messages of class service.
CREATE SEQUENCE suppression_id;

CREATE TABLE suppression (
    id              bigint      PRIMARY KEY DEFAULT nextval('suppression_id'),
    account_id      bigint      NOT NULL,
    channel         text        NOT NULL CHECK (channel IN ('email', 'sms')),
    hash            bytea       NOT NULL,
    address         text,
    subscriber_id   bigint,
    list_id         bigint,
    reason          text        NOT NULL
        CHECK (reason IN ('hard_bounce', 'soft_bounces', 'complaint', 'unsubscribed', 'opted_out', 'manual')),
    marketing_only  boolean     NOT NULL DEFAULT false,
    source          text        NOT NULL,
    detail          text,
    task_id         bigint,
    ordinal         integer,
    cdate           timestamptz NOT NULL,
    CHECK (list_id IS NOT NULL OR reason <> 'unsubscribed')
);
-- Each reason stands by itself: lifting a bounce leaves a complaint. List 0 is no list.
CREATE UNIQUE INDEX suppression_address ON suppression (account_id, channel, hash, coalesce(list_id, 0), reason);
CREATE INDEX suppression_of_account ON suppression (account_id, id);
CREATE INDEX suppression_subscriber ON suppression (subscriber_id) WHERE subscriber_id IS NOT NULL;

-- Temporary bounces, counted per address until they are many (shared/suppression) or too old; each task counts once.
CREATE TABLE soft_bounce (
    account_id  bigint      NOT NULL,
    channel     text        NOT NULL,
    hash        bytea       NOT NULL,
    task_id     bigint      NOT NULL,
    bounced_at  timestamptz NOT NULL,
    PRIMARY KEY (account_id, channel, hash, task_id)
);
CREATE INDEX soft_bounce_age ON soft_bounce (bounced_at);

-- When an opt-out was last changed, whoever changed it: a report tells who left between the count and the freeze.
ALTER TABLE subscriber ADD COLUMN optout_at timestamptz;

CREATE FUNCTION note_optout_time() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.optout_at := clock_timestamp();
    RETURN NEW;
END $$;
CREATE TRIGGER subscriber_optout BEFORE UPDATE OF optout ON subscriber
    FOR EACH ROW WHEN (OLD.optout IS DISTINCT FROM NEW.optout) EXECUTE FUNCTION note_optout_time();

-- The rules of who may be written to, once for the count of a new task, the freeze of its audience and the hand-over of a
-- batch. Each is one expression, which the planner puts in place of the call.

-- What a message is, in the words of the opt-outs.
CREATE FUNCTION message_class(content jsonb) RETURNS text
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT coalesce(content ->> 'class', 'marketing') $$;

-- blast and basic forbid marketing, all forbids both.
CREATE FUNCTION optout_forbids(optout text, class text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    AS $$ SELECT optout = 'all' OR (optout <> 'none' AND class <> 'service') $$;

-- Whether a suppression of a subscriber holds for one message to him: it is of the account, or of the list by which he is found
-- (null: a search). Compared by address too: one that he gave up is no reason against his new one.
CREATE FUNCTION suppresses(held suppression, way text, written_to text, list bigint, class text) RETURNS boolean
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT held.channel = way AND lower(held.address) = lower(written_to) AND (held.list_id IS NULL OR held.list_id = list)
           AND (NOT held.marketing_only OR class <> 'service')
$$;

-- As a contact record tells it: ``hard bounce on 2026-11-20: 550 5.1.1 no such user``. What the person said needs no date.
CREATE FUNCTION suppression_words(reason text, since timestamptz, detail text) RETURNS text
    LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN reason IN ('unsubscribed', 'opted_out') THEN replace(reason, '_', ' ')
                ELSE replace(reason, '_', ' ') || to_char(since AT TIME ZONE 'UTC', ' "on" YYYY-MM-DD')
                     || coalesce(': ' || detail, '')
            END
$$;
