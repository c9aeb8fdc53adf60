"""What the commands show: a bar and tables on a terminal, lines of JSON to whatever else reads."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

import orjson
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.standalone.say import say


class Bar(Protocol):
    def show(self, done: int, total: int | None) -> None: ...


class _NoBar:
    def show(self, done: int, total: int | None) -> None:
        pass


class _RichBar:
    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None)

    def show(self, done: int, total: int | None) -> None:
        self._progress.update(self._task, completed=done, total=total)


@contextmanager
def bar(title: str) -> Iterator[Bar]:
    """On stderr, so that stdout holds the result alone; nowhere without a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield _NoBar()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield _RichBar(progress, title)


def print_line(value: object) -> None:
    say(orjson.dumps(value).decode() + "\n")


def print_task(task: Mapping[str, Any]) -> None:
    """A line of JSON: the task as the API has it."""
    print_line(task)


def print_report(report: Mapping[str, Any]) -> None:
    console = Console(highlight=False)
    if not console.is_terminal:
        print_line(report)
        return
    console.print(f"task {report['task_id']}: {report['audience']:,} recipients")
    states = Table("state", "recipients")
    for state, count in report["states"].items():
        states.add_row(state, f"{count:,}")
    events = Table("event", "unique", "total", "of these machines")
    for event, count in report["unique"].items():
        machine = report["machine"].get(event)
        events.add_row(event, f"{count:,}", f"{report['total'][event]:,}", "" if machine is None else f"{machine:,}")
    console.print(states, events)


def print_event(event: Mapping[str, Any]) -> None:
    """On a terminal what a person can follow, else the event as it is."""
    console = Console(highlight=False)
    if not console.is_terminal:
        print_line(event)
        return
    people = event["data"].get("recipients")
    said = f"{len(people):,} recipients" if isinstance(people, list) else orjson.dumps(event["data"]).decode()
    name = event["type"].removeprefix("postroom.")
    console.print(f"{event['time']}  {name:<24} {event['subject']:<14} {said}", markup=False, soft_wrap=True)
