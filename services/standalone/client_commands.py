"""The commands that ask a running API: ``task create``, ``report``, ``import``, ``tail``.

On a terminal they show bars and tables, elsewhere they print lines of JSON. Exit codes as of every command.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

Url = Annotated[str, Parameter(env_var="POSTROOM_URL", help="The API.")]
Key = Annotated[str, Parameter(env_var="POSTROOM_KEY", help="A key to it.", show_default=False)]

HERE = "http://127.0.0.1:8080"

task = App(name="task", help="Tasks of a running Postroom.")


def add_to(app: App) -> None:
    app.command(task)
    app.command(report)
    app.command(import_, name="import")
    app.command(tail)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Wish:
    """What may be said of a new task."""

    message: Annotated[int, Parameter(help="Id of the message.")]
    name: Annotated[str, Parameter(help="What to call the task.")]
    list_id: Annotated[int | None, Parameter(name="--list", help="Id of the list to send to.")] = None
    search: Annotated[int | None, Parameter(help="Id of the search to send to, instead of a list.")] = None
    channel: Annotated[Literal["email", "sms"], Parameter(help="As the message's.")] = "email"
    at: Annotated[float, Parameter(help="When, in unix seconds; 0: now.")] = 0.0
    rate: Annotated[int | None, Parameter(help="At most so many an hour.")] = None
    in_doubt: Annotated[
        Literal["resend", "hold"], Parameter(help="What is done with those whose outcome nobody knows.")
    ] = "resend"

    def body(self) -> dict[str, object]:
        """As the API takes it."""
        target = {"list_id": self.list_id, "search_id": self.search}
        return {
            "message_id": self.message,
            "name": self.name,
            "channel": self.channel,
            "scheduledtime": self.at,
            "rate": self.rate,
            "in_doubt": self.in_doubt,
            **{name: value for name, value in target.items() if value is not None},
        }


@task.command
def create(wish: Wish, *, wait: bool = False, url: Url = HERE, key: Key = "") -> int:
    """Send a message to a list or a search; prints the task as JSON.

    Parameters
    ----------
    wait
        Until it has ended; cancelled meanwhile, the exit code is 1.
    """
    from services.standalone.client.tasks import create_task

    return _ask(url, key, lambda api: create_task(api, wish.body(), wait=wait))


def report(task_id: int, /, *, url: Url = HERE, key: Key = "") -> int:
    """What became of a task, in figures.

    Parameters
    ----------
    task_id
        Id of the task.
    """
    from services.standalone.client.tasks import show_report

    return _ask(url, key, lambda api: show_report(api, task_id))


def import_(
    file: Path, /, *, list_name: Annotated[str, Parameter(name="--list")], url: Url = HERE, key: Key = ""
) -> int:
    """Put people from a CSV file onto a list; prints the job as it ended, as JSON.

    Parameters
    ----------
    file
        A header row with email or telephone; other columns are vars.
    list_name
        Name of the list; it is made if there is none.
    """
    from services.standalone.client.import_people import import_people

    return _ask(url, key, lambda api: import_people(api, list_name, file))


def tail(
    *,
    type_: Annotated[str, Parameter(name="--type")] = "#",
    after: str | None = None,
    follow: bool = True,
    url: Url = HERE,
    key: Key = "",
) -> int:
    """Print what is published of the account, as it happens.

    Parameters
    ----------
    type_
        Only these: task.completed, delivery.*
    after
        The cursor of the last event that was read; 0: all there is, from the first that is kept. Without it only what
        happens from now on.
    follow
        Go on until Ctrl-C; --no-follow ends when there is no more.
    """
    from services.standalone.client.follow_events import follow_events

    return _ask(url, key, lambda api: follow_events(api, type_, after, follow=follow))


def _ask(url: str, key: str, work: Callable[[Any], Awaitable[int]]) -> int:
    from services.standalone.client.connection import ApiRefused, connect

    async def asked() -> int:
        async with connect(url, key) as api:
            return await work(api)

    try:
        return asyncio.run(asked())
    except KeyboardInterrupt:
        return 130
    except ApiRefused as refused:
        sys.stderr.writelines(f"postroom: {fault}\n" for fault in refused.faults)
        return 1
