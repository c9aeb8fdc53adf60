-- A task that rests, and a task that cannot be sent. The row of the task says what a reader sees; the dispatcher's hold on it,
-- which every claim reads anyway, says it once more: written in the transaction of the event, so that no claim joins the task.
ALTER TABLE task
    ADD COLUMN paused boolean NOT NULL DEFAULT false,
    ADD COLUMN paused_reason text,
    ADD CHECK (NOT (paused AND (cancelled OR completed)));

-- blocked_reason: why the last batch that came to nothing did; null while messages get through. No event: it says how it is now.
ALTER TABLE sending
    ADD COLUMN paused boolean NOT NULL DEFAULT false,
    ADD COLUMN blocked_reason text;
CREATE INDEX sending_paused ON sending (task_id) WHERE paused;

-- A paused task is not due, however long its time is past: the planners do not look at it again and again.
DROP INDEX task_due;
CREATE INDEX task_due ON task (scheduledtime) WHERE NOT started AND NOT cancelled AND NOT paused;
