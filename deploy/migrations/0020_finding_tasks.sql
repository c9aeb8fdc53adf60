-- GET /task: each order it sorts by, read from its place on (select_tasks.py). Names go by code point, on every server alike.
CREATE INDEX task_by_cdate ON task (account_id, cdate, id);
CREATE INDEX task_by_scheduledtime ON task (account_id, scheduledtime, id);
CREATE INDEX task_by_endtime ON task (account_id, coalesce(endtime, 'infinity'), id);
-- The order by name, and the filter by it.
CREATE INDEX task_by_name ON task (account_id, name COLLATE "C", id);
-- GET /task?list_id=, also the empty one. By message there is one already (0017_signupto.sql).
CREATE INDEX task_of_list ON task (account_id, list_id, id);
-- GET /task?cancelled=, ?completed= and ?channel= where few of many are meant.
CREATE INDEX task_by_state ON task (account_id, cancelled, completed, channel);
-- What a member sees: the tasks of the messages he created. And GET /message.
CREATE INDEX message_of_account ON message (account_id, user_id, id);

-- How many tasks there are, for X-Total-Count: counting a million takes longer than finding a page of them. What an account has
-- is the sum over the slots. A slot belongs to few connections, so those who write at the same time seldom wait for each other.
CREATE TABLE task_tally (
    account_id  bigint   NOT NULL,
    channel     text     NOT NULL,
    cancelled   boolean  NOT NULL,
    completed   boolean  NOT NULL,
    slot        smallint NOT NULL,
    tasks       bigint   NOT NULL,
    PRIMARY KEY (account_id, slot, channel, cancelled, completed)
) WITH (fillfactor = 50);

CREATE FUNCTION add_to_tally(counted task, change integer) RETURNS void
    LANGUAGE sql
AS $$
    INSERT INTO task_tally AS kept (account_id, channel, cancelled, completed, slot, tasks)
    VALUES (counted.account_id, counted.channel, counted.cancelled, counted.completed, pg_backend_pid() % 256, change)
        ON CONFLICT (account_id, slot, channel, cancelled, completed) DO UPDATE SET tasks = kept.tasks + excluded.tasks
$$;

CREATE FUNCTION tally_task() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP <> 'DELETE' THEN
        PERFORM add_to_tally(NEW, 1);
    END IF;
    IF TG_OP <> 'INSERT' THEN
        PERFORM add_to_tally(OLD, -1);
    END IF;
    RETURN NULL;
END $$;

INSERT INTO task_tally (account_id, channel, cancelled, completed, slot, tasks)
SELECT account_id, channel, cancelled, completed, 0, count(*) FROM task GROUP BY account_id, channel, cancelled, completed;
CREATE TRIGGER task_comes_or_goes AFTER INSERT OR DELETE ON task FOR EACH ROW EXECUTE FUNCTION tally_task();
CREATE TRIGGER task_ends AFTER UPDATE ON task FOR EACH ROW
    WHEN ((OLD.account_id, OLD.channel, OLD.cancelled, OLD.completed)
          IS DISTINCT FROM (NEW.account_id, NEW.channel, NEW.cancelled, NEW.completed))
    EXECUTE FUNCTION tally_task();
