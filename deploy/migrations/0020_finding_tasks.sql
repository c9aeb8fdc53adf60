-- GET /task: each order it sorts by, read from its place on (select_tasks.py). Names go by code point, on every server alike.
CREATE INDEX task_by_cdate ON task (account_id, cdate, id);
CREATE INDEX task_by_scheduledtime ON task (account_id, scheduledtime, id);
CREATE INDEX task_by_endtime ON task (account_id, coalesce(endtime, 'infinity'), id);
-- The order by name, and the filter by it.
CREATE INDEX task_by_name ON task (account_id, name COLLATE "C", id);
-- GET /task?list_id=, also the empty one; and the tasks that a list must not be removed under (tasks_of_list). By message there is one already (0017_signupto.sql).
CREATE INDEX task_of_list ON task (account_id, list_id, id);
-- GET /task?cancelled=, ?completed= and ?channel= where few of many are meant; and X-Total-Count of any, by the index alone.
CREATE INDEX task_by_state ON task (account_id, cancelled, completed, channel);
-- What a member sees: the tasks of the messages he created. And GET /message.
CREATE INDEX message_of_account ON message (account_id, user_id, id);
