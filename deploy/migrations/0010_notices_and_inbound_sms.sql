-- Single messages outside any task, and the SMS that people send to us. Both are rows: few, each for its own cause. They hold
-- addresses, so they name the subscriber where he is known, and what they hold is blanked at expires_at.
CREATE SEQUENCE notice_id;
CREATE SEQUENCE inbound_sms_id;

-- origin: what it was made for; the same cause makes it once. sender: the envelope's, or what an SMS shows. content: the octets of
-- an email, the text of an SMS in UTF-8; gone once nothing can be sent any more. begun: handed to the channel under this epoch, so
-- that its final dot may be out. user_id: who asked for it, null: the service.
CREATE TABLE notice (
    id             bigint PRIMARY KEY DEFAULT nextval('notice_id'),
    account_id     bigint      NOT NULL,
    user_id        bigint,
    subscriber_id  bigint,
    channel        text        NOT NULL CHECK (channel IN ('email', 'sms')),
    purpose        text        NOT NULL,
    origin         text        NOT NULL,
    sender         text        NOT NULL,
    address        text,
    content        bytea,
    state          text        NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'accepted', 'failed', 'in_doubt')),
    reason         text        NOT NULL DEFAULT '',
    due_at         timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempt        integer     NOT NULL DEFAULT 1,
    begun          boolean     NOT NULL DEFAULT false,
    epoch          integer     NOT NULL DEFAULT 0,
    owner          bigint,
    leased_until   timestamptz NOT NULL DEFAULT '-infinity',
    cdate          timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at     timestamptz NOT NULL,
    UNIQUE (account_id, origin)
);
CREATE INDEX notice_due ON notice (channel, due_at) WHERE state = 'waiting';
CREATE INDEX notice_held ON notice (owner) WHERE owner IS NOT NULL;
CREATE INDEX notice_expiry ON notice (expires_at) WHERE address IS NOT NULL;
CREATE INDEX notice_of_subscriber ON notice (subscriber_id) WHERE subscriber_id IS NOT NULL;

-- What people wrote to a number of ours. repeat_key: a digest of the gateway's own id, or of the whole message where it gives none,
-- so that a gateway that tells it twice is heard once; it goes with the rest, as a number can be guessed from a digest.
CREATE TABLE inbound_sms (
    id             bigint PRIMARY KEY DEFAULT nextval('inbound_sms_id'),
    account_id     bigint      NOT NULL,
    subscriber_id  bigint,
    meaning        text        NOT NULL CHECK (meaning IN ('stop', 'start', 'text')),
    from_number    text,
    to_number      text,
    body           text,
    repeat_key     bytea,
    cdate          timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at     timestamptz NOT NULL
);
CREATE INDEX inbound_sms_repeat ON inbound_sms (account_id, repeat_key) WHERE repeat_key IS NOT NULL;
CREATE INDEX inbound_sms_expiry ON inbound_sms (expires_at) WHERE from_number IS NOT NULL;
CREATE INDEX inbound_sms_of_subscriber ON inbound_sms (subscriber_id) WHERE subscriber_id IS NOT NULL;
