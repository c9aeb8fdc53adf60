"""Every breach that the auditor looks for, one at least for each of its checks."""

from typing import Final

from shared.domain.delivery import Kind
from tests.integration.auditing.plants import (
    Plant,
    batches,
    members,
    outside,
    received,
    recorded,
    sql,
    together,
    window,
)

#: One recipient more, of whom nothing is known.
_ONE_MORE: Final = sql(
    "UPDATE event SET data = jsonb_set(data, '{recipients}', '11') "
    "WHERE stream = 'task-' || $1 AND type = 'task.audience_frozen'",
    "UPDATE task SET recipients = 11 WHERE id = $1",
    "INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address) "
    "SELECT shard, $1, 10, 1, '' FROM sending WHERE task_id = $1",
)
_CANCELLED: Final = sql(
    "UPDATE event SET type = 'task.cancelled' WHERE stream = 'task-' || $1 AND type = 'task.completed'",
    "UPDATE task SET cancelled = true, completed = false WHERE id = $1",
)
_OPEN_AGAIN: Final = sql(
    "DELETE FROM event WHERE stream = 'task-' || $1 AND type = 'task.completed'",
    "UPDATE task SET completed = false, endtime = NULL, version = version - 1 WHERE id = $1",
)
_PENDING: Final = sql(
    "UPDATE job SET status = 'pending', ended_at = NULL WHERE id = $1",
    "UPDATE job_work SET ended = false WHERE id = $1",
)


def _event(stream: str, version: str, name: str, data: str = '{"at": 1}') -> str:
    return (
        "INSERT INTO event (stream, version, type, data, account_id) "
        f"SELECT '{stream}' || $1, {version}, '{name}', '{data}', 1 FROM task WHERE id = $1"
    )


_SENDING: Final = (
    Plant("numbered audience", sql("DELETE FROM contact_record WHERE task_id = $1 AND ordinal = 4")),
    Plant(
        "distinct people",
        sql("UPDATE contact_record SET subscriber_id = subscriber_id + 1 WHERE task_id = $1 AND ordinal = 4"),
    ),
    Plant("own people", sql("UPDATE subscriber SET account_id = 2 WHERE id = $1 * 1000 + 4")),
    Plant("hits of recipients", recorded(Kind.OPENED, 10, 11), 2),
    Plant("nobody forgotten", _ONE_MORE, also=("completed is through",)),
    Plant("completed is through", together(_ONE_MORE, batches((10,)))),
    Plant("one state each", recorded(Kind.SUPPRESSED, 3)),
    Plant("one state each", together(recorded(Kind.FAILED, 3), recorded(Kind.RESENT, 3), recorded(Kind.CANCELLED, 4))),
    Plant("disjoint batches", batches((1, 2, 3), (2, 3, 4)), 2),
    Plant("disjoint batches", batches((1, 2, 3), size=5)),
    Plant("accepted once", recorded(Kind.SUBMITTED, 2)),
    Plant("doubled are listed", outside(lambda world, task: world.deliveries.take(task, 2))),
    Plant(
        "two copies at most",
        together(recorded(Kind.RESENT, 2), outside(lambda world, task: world.deliveries.take(task, 2, 2))),
    ),
    Plant("accepted were taken", outside(lambda world, task: world.deliveries.once[task].discard(2))),
    Plant("taken are recorded", outside(lambda world, task: world.deliveries.take(task, 9))),
    Plant("same on each attempt", outside(lambda world, task: world.deliveries.altered[task].add(2))),
)
_LIFE: Final = (
    Plant("rows follow events", sql("UPDATE task SET version = version + 1 WHERE id = $1")),
    Plant("rows follow events", sql("UPDATE task SET completed = false WHERE id = $1")),
    Plant(
        "one end",
        sql(_event("task-", "version + 1", "task.completed"), "UPDATE task SET version = version + 1 WHERE id = $1"),
        2,
    ),
    Plant(
        "one end",
        sql(_event("task-", "version + 1", "task.resumed"), "UPDATE task SET version = version + 1 WHERE id = $1"),
    ),
    Plant("not before its time", sql("UPDATE task SET scheduledtime = now() + interval '1 hour' WHERE id = $1")),
    Plant(
        "cancel is heeded",
        together(_CANCELLED, outside(lambda world, task: world.deliveries.begin(task, world.began + 1000))),
    ),
    Plant(
        "rate in every window",
        outside(lambda world, task: world.deliveries.begun[task].extend([world.began + 8] * 10)),
        8,
    ),
    Plant("rate in every hour", sql("UPDATE task SET rate = 1 WHERE id = $1"), 6, also=("rate in every window",)),
)
_COUNTS: Final = (
    Plant("everybody counted", members("ordinal_set", "kind", Kind.SUBMITTED, remove=3)),
    Plant("nobody invented", members("ordinal_set", "kind", Kind.SUBMITTED, add=9)),
    Plant("true cardinalities", sql("UPDATE ordinal_set SET cardinality = 8 WHERE task_id = $1 AND kind = 1")),
    Plant("true minutes", sql("UPDATE hit_series SET hits = hits + 5 WHERE task_id = $1 AND kind = 1"), 5),
    Plant("right shards", sql("UPDATE segment SET shard = (shard + 1) % 64 WHERE task_id = $1"), 2),
    Plant("reasons without addresses", recorded(Kind.DEFERRED, 1, note="451 <ada@example.com>: later")),
    Plant(
        "erased are blank",
        sql("INSERT INTO erasure (subscriber_id, account_id, finished_at) VALUES ($1 * 1000 + 4, 1, now())"),
    ),
)
_CHARGES: Final = (
    Plant(
        "charged once",
        together(
            sql("INSERT INTO charge SELECT shard, task_id, 2, chunk, bits, cardinality FROM charge WHERE task_id = $1"),
            members("charge", "units", 2, remove=0),
        ),
        9,
        also=("true balances",),
    ),
    Plant("charged once", sql("UPDATE charge SET cardinality = 9 WHERE task_id = $1"), also=("true balances",)),
    Plant("unsent are free", recorded(Kind.SUPPRESSED, 9), also=("one state each",)),
    Plant("sent are charged", members("charge", "units", 1, remove=3), also=("true balances",)),
    Plant("true balances", sql("UPDATE balance SET charged = charged + 100"), 100, "account 1"),
)
_STORE: Final = (
    Plant("gapless streams", sql(_event("list-", "5", "list.created")), 4, "stream list-{}"),
    Plant(
        "ended once",
        sql(_event("job-", "4", "job.failed"), "UPDATE job SET version = 4 WHERE id = $1"),
        2,
        "stream job-{}",
    ),
    Plant(
        "ended once",
        sql(_event("job-", "4", "job.started"), "UPDATE job SET version = 4 WHERE id = $1"),
        2,
        "stream job-{}",
    ),
    Plant("rows and streams", sql("UPDATE job SET version = 9 WHERE id = $1"), 1, "job {}"),
    Plant(
        "rows and streams",
        sql("UPDATE event SET stream = stream || '000' WHERE stream = 'job-' || $1"),
        1,
        "job {}000",
        also=("rows and streams",),
    ),
    Plant(
        "kept promises",
        sql(
            "INSERT INTO idempotency (account_id, method, path, key, body_hash, status, headers, body) "
            "VALUES (1, 'POST', '/task', 'lost', '', 201, '{}', '{\"id\": 99999}')"
        ),
        1,
        "answer to POST /task",
    ),
    Plant(
        "one key each",
        sql(
            "INSERT INTO idempotency (account_id, method, path, key, body_hash, status, headers, body) "
            "SELECT 1, 'POST', '/message', key, '', 201, '{}', '{\"id\": 1}' FROM unnest('{a,b}'::text[]) AS key"
        ),
        1,
        "answer to POST /message",
    ),
    Plant(
        "no reader ahead",
        sql("INSERT INTO checkpoint (name, store_epoch, xid) VALUES ('relay', 1, '99999999999')"),
        1,
        "tail relay",
    ),
    Plant("every shard read", sql("DELETE FROM callback_reached WHERE shard = 5"), 1, "shard 5"),
    Plant("rows of tasks", sql("INSERT INTO sending (shard, task_id) VALUES (0, 99998)"), 1, "task 99998"),
    Plant("whole ends of jobs", sql("UPDATE job_work SET ended = false WHERE id = $1"), 1, "job {}"),
    Plant(
        "whole ends of jobs",
        together(_PENDING, sql("INSERT INTO postback (job_id, account_id) VALUES ($1, 1)")),
        1,
        "job {}",
    ),
    Plant(
        "whole ends of jobs",
        together(
            _PENDING,
            sql(
                "INSERT INTO notice (account_id, channel, purpose, origin, sender, expires_at) "
                "VALUES (1, 'email', 'job_report', 'job-' || $1, '', now())"
            ),
        ),
        1,
        "job {}",
    ),
    Plant("whole files", sql("UPDATE export_file SET expires_at = NULL WHERE job_id = $1"), 1, "job {}"),
    Plant(
        "whole files",
        sql(
            "INSERT INTO export_file (key, job_id, account_id, upload, filename, expires_at) "
            "VALUES ('second', $1, 1, 'u', 'f.csv', now())"
        ),
        2,
        "job {}",
    ),
    Plant("one account each", sql("UPDATE task SET list_id = 2 WHERE id = $1")),
    Plant(
        "one account each",
        sql(
            "INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at) VALUES (2, $1 * 1000, true, now())"
        ),
        1,
        "list 2",
    ),
    Plant(
        "events without addresses",
        sql(_event("subscribers-", "1", "list.subscribers_changed", '{"created": "ada@example.com"}')),
        1,
        "list.subscribers_changed",
    ),
    Plant(
        "disjoint split tests",
        sql(
            "UPDATE task SET splittest_id = 77 WHERE id IN ($1, $1 + 1)",
            "UPDATE contact_record SET subscriber_id = ($1 + 1) * 1000 + 3 WHERE task_id = $1 AND ordinal = 3",
        ),
        1,
        "splittest 77",
    ),
)
_NOTICE: Final = (
    "INSERT INTO notice (id, account_id, channel, purpose, origin, sender, expires_at, state) "
    "VALUES ($1, 1, 'email', 'proof', 'n' || $1, '', now(), '{}')"
)
_NOTICES: Final = (
    Plant(
        "notices once",
        together(sql(_NOTICE.format("accepted")), outside(lambda world, task: world.deliveries.take(-task, 0, 2))),
        1,
        "notice {}",
    ),
    Plant(
        "notices as told",
        together(sql(_NOTICE.format("failed")), outside(lambda world, task: world.deliveries.take(-task, 0))),
        1,
        "notice {}",
    ),
    Plant(
        "messages of ours",
        outside(lambda world, task: setattr(world.deliveries, "strange", 10)),
        7,  # three are of notices: they may hold no token
        "relays",
    ),
)
_CALLS: Final = (
    Plant("everybody told", members("callback_window", "kind", Kind.SUBMITTED, remove=3), called=True),
    Plant("nobody else told", members("callback_window", "kind", Kind.BOUNCED, add=3), called=True),
    Plant("told once a window", window(Kind.BOUNCED, 0, 9), called=True),
    Plant(
        "told once a window", sql("UPDATE callback_window SET people = 99 WHERE task_id = $1 AND kind = 1"), called=True
    ),
    Plant("told in order", window(Kind.SUBMITTED, -1, 1), called=True),
    Plant(
        "told in order",
        sql("UPDATE callback_window SET state = 'waiting' WHERE task_id = $1 AND kind = 1"),
        called=True,
    ),
    Plant(
        "first try in time",
        sql("UPDATE callback_window SET state = 'waiting', attempts = 0, first_ms = 1 WHERE task_id = $1"),
        2,
        called=True,
    ),
    Plant("repeats are the same", received(-1, b"another"), 2, "campaign {}", called=True),
    Plant(
        "calls of ours", outside(lambda world, task: world.received.add("cb_9999_1", b"")), 1, "callbacks", called=True
    ),
    Plant("delivered were received", window(Kind.BOUNCED, 1, 9, received=False), 1, "campaign {}", called=True),
    Plant("received in order", received(0, b"event=SUBMITTED"), called=True),
    Plant("campaigns and tasks", sql("UPDATE campaign SET tasks = '{}' WHERE id = $1"), 1, "campaign {}", called=True),
    Plant(
        "campaigns and tasks",
        together(_OPEN_AGAIN, sql("UPDATE campaign SET state = 'DONE' WHERE id = $1")),
        1,
        "campaign {}",
        called=True,
    ),
    Plant(
        "all tasks of campaigns",
        sql("UPDATE campaign SET tasks = tasks || 99997 WHERE id = $1"),
        1,
        "campaign {}",
        called=True,
    ),
    Plant("one account each", sql("UPDATE campaign SET list_id = 2 WHERE id = $1"), 1, "campaign {}", called=True),
)

PLANTS: Final = (*_SENDING, *_LIFE, *_COUNTS, *_CHARGES, *_STORE, *_NOTICES, *_CALLS)
TASKS: Final = len(PLANTS) + 1  #: one for each, and one that is left whole
FIRST_CALLED: Final = 1 + next(place for place, plant in enumerate(PLANTS) if plant.called)
