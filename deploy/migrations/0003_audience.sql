-- Whom messages go to. Lists are streams with a row each; subscribers and subscriptions are rows changed in place.
CREATE SEQUENCE list_id;
CREATE SEQUENCE subscriber_id;

CREATE TABLE list (
    id          bigint PRIMARY KEY,
    account_id  bigint      NOT NULL,
    name        text        NOT NULL,
    version     integer     NOT NULL,
    cdate       timestamptz NOT NULL,
    UNIQUE (account_id, name)
);

CREATE TABLE subscriber (
    id           bigint PRIMARY KEY,
    account_id   bigint      NOT NULL,
    email        text,
    telephone    text,
    external_id  text,
    vars         jsonb       NOT NULL DEFAULT '{}',
    optout       text        NOT NULL DEFAULT 'none' CHECK (optout IN ('none', 'basic', 'blast', 'all')),
    cdate        timestamptz NOT NULL,
    CHECK (email IS NOT NULL OR telephone IS NOT NULL)
);
-- An address is one person of an account; the email is kept as given and compared without case.
CREATE UNIQUE INDEX subscriber_email ON subscriber (account_id, lower(email)) WHERE email IS NOT NULL;
CREATE UNIQUE INDEX subscriber_telephone ON subscriber (account_id, telephone) WHERE telephone IS NOT NULL;
CREATE UNIQUE INDEX subscriber_external_id ON subscriber (account_id, external_id) WHERE external_id IS NOT NULL;

-- ended_at: unsubscribed or removed; nothing but an explicit wish of the person or an operator sets it back to null.
CREATE TABLE subscription (
    list_id        bigint      NOT NULL REFERENCES list (id),
    subscriber_id  bigint      NOT NULL REFERENCES subscriber (id) ON DELETE CASCADE,
    confirmed      boolean     NOT NULL,
    signup_at      timestamptz NOT NULL,
    ended_at       timestamptz,
    source         text,
    consent        jsonb,
    PRIMARY KEY (list_id, subscriber_id)
);
CREATE INDEX subscription_subscriber ON subscription (subscriber_id);
