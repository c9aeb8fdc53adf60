-- Until when a task is worth sending, and at which hours of which days it may be. The row of the task says what a reader sees; the
-- dispatcher's hold on it says it once more, written in the transaction of the event, so that no claim joins the task.
ALTER TABLE task
    ADD COLUMN expires timestamptz,
    ADD COLUMN send_window jsonb;

-- in_doubt: may change while it is sent. opens_at, closes_at: when the window is open next, or is now; without a window for ever. A
-- planner keeps them: only it reckons in time zones, everybody else compares two moments. redecided: whom somebody wanted
-- to be sent to once more though he was in doubt, a serialized roaring bitmap: nobody twice.
ALTER TABLE sending
    ADD COLUMN in_doubt text NOT NULL DEFAULT 'resend' CHECK (in_doubt IN ('resend', 'hold')),
    ADD COLUMN expires timestamptz NOT NULL DEFAULT 'infinity',
    ADD COLUMN send_window jsonb,
    ADD COLUMN opens_at timestamptz NOT NULL DEFAULT '-infinity',
    ADD COLUMN closes_at timestamptz NOT NULL DEFAULT 'infinity',
    ADD COLUMN redecided bytea;
UPDATE sending SET in_doubt = task.in_doubt FROM task WHERE task.id = sending.task_id AND task.in_doubt <> 'resend';

DROP INDEX sending_paused;
CREATE INDEX sending_resting ON sending (task_id) WHERE paused OR send_window IS NOT NULL;

-- A paused task that is not worth sending any more starts all the same: its recipients come to their end.
CREATE INDEX task_expiring ON task (expires) WHERE NOT started AND NOT cancelled AND expires IS NOT NULL;

-- Whether nothing of a task is begun for now: it is paused, or its window is shut. What has expired does not rest: it ends.
CREATE FUNCTION rests(held sending) RETURNS boolean
    LANGUAGE sql VOLATILE
    RETURN (held.paused OR clock_timestamp() < held.opens_at OR clock_timestamp() >= held.closes_at)
           AND held.expires > clock_timestamp();
