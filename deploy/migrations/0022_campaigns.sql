-- Campaigns: payloads to one list at one time. Read-model rows of the campaign aggregate, written in the transaction that appends
-- its events.
CREATE SEQUENCE campaign_id;
CREATE SEQUENCE payload_id;

-- scheduled_at: `when` on the wire; null in DRAFT alone. payloads: [{id, channel, message_id}], at most one a channel. tasks: one a
-- payload, from SENDING on. event_callback may change in every state. held_back: a client took it back from READY, so the service
-- leaves it where it is. error: what is missing though it is time to be READY, or why it ended in ERROR.
CREATE TABLE campaign (
    id              bigint PRIMARY KEY,
    account_id      bigint      NOT NULL,
    user_id         bigint      NOT NULL,
    version         integer     NOT NULL,
    name            text        NOT NULL,
    state           text        NOT NULL
        CHECK (state IN ('DRAFT', 'SCHEDULED', 'READY', 'SENDING', 'DONE', 'ERROR')),
    list_id         bigint      NOT NULL,
    domain_id       bigint,
    segments        bigint[]    NOT NULL,
    scheduled_at    timestamptz,
    event_callback  text,
    payloads        jsonb       NOT NULL,
    tasks           bigint[]    NOT NULL,
    held_back       boolean     NOT NULL,
    error           text,
    cdate           timestamptz NOT NULL,
    removed         boolean     NOT NULL,
    CHECK (scheduled_at IS NOT NULL OR state = 'DRAFT')
);
CREATE INDEX campaign_of_account ON campaign (account_id, id) WHERE NOT removed;
CREATE INDEX campaign_waiting ON campaign (scheduled_at) WHERE state IN ('SCHEDULED', 'READY') AND NOT removed;
CREATE INDEX campaign_sending ON campaign (id) WHERE state = 'SENDING';

-- Of a campaign's task: the campaign, and the segments of the task's list whose union it goes to (none: the whole list).
ALTER TABLE task
    ADD COLUMN campaign_id bigint,
    ADD COLUMN segments bigint[] NOT NULL DEFAULT '{}',
    ADD CHECK (campaign_id IS NOT NULL OR segments = '{}');
CREATE INDEX task_of_campaign ON task (campaign_id) WHERE campaign_id IS NOT NULL;
