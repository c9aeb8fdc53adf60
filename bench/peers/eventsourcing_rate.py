"""Events a second of the library `eventsourcing` on Postgres: `python eventsourcing_rate.py DATABASE_URL WAY SECONDS`.

WAY: `save` (app.save() of single events, in 8 threads), `save-many` (of 1,000 in one), or `recorder` (its recorder's
insert_events of 1,000 that are ready).
"""

import os
import sys
import threading
import time
from collections.abc import Callable
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event
from eventsourcing.persistence import StoredEvent

THREADS = 8
MANY = 1_000


class Thing(Aggregate):  # type: ignore[misc]  # the library is not there when this is checked
    @event("Completed")  # type: ignore[untyped-decorator]  # as above
    def complete(self, at: float) -> None:
        self.at = at


def connect(url: str) -> Application:
    parts = urlsplit(url)
    os.environ |= {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": parts.path.strip("/"),
        "POSTGRES_HOST": parts.hostname or "",
        "POSTGRES_PORT": str(parts.port),
        "POSTGRES_USER": parts.username or "",
        "POSTGRES_PASSWORD": unquote(parts.password or ""),
        "POSTGRES_POOL_SIZE": str(THREADS),
    }
    return Application()


def save(app: Application) -> int:
    app.save(Thing())
    return 1


def save_many(app: Application) -> int:
    thing = Thing()
    for _ in range(MANY - 1):
        thing.complete(1.0)
    app.save(thing)
    return MANY


def record(app: Application) -> int:
    name, state = uuid4(), b'{"at": 1800000000.123}'
    app.recorder.insert_events([StoredEvent(name, number, "task.completed", state) for number in range(1, MANY + 1)])
    return MANY


def rate(app: Application, write: Callable[[Application], int], threads: int, seconds: float) -> float:
    counts: list[int] = []
    began = time.perf_counter()

    def work() -> None:
        count = 0
        while time.perf_counter() - began < seconds:
            count += write(app)
        counts.append(count)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return sum(counts) / (time.perf_counter() - began)


def main() -> None:
    url, way, seconds = sys.argv[1:]
    write, threads = {"save": (save, THREADS), "save-many": (save_many, 1), "recorder": (record, 1)}[way]
    app = connect(url)
    write(app)
    print(rate(app, write, threads, float(seconds)))
    app.close()


if __name__ == "__main__":
    main()
