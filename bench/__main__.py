"""Measures what Postroom can do on this machine, beside yardsticks of the same run.

Goes to stdout: every run's value, medians, ratios, and what each process used.
"""

import argparse
import asyncio
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench import (
    append,
    audience,
    callbacks,
    compaction,
    compose,
    dkim,
    end_to_end,
    hits,
    job_export,
    job_import,
    million_recipients,
    projector,
    scaling,
    starts,
    sweeps,
    task_listing,
    task_posts,
)
from bench.measured import Line, as_markdown, as_text
from bench.stack import Servers, servers
from tests.servers import databases

README = Path(__file__).resolve().parents[1] / "README.md"
IMAGES = README.parent / "docs/images"
MARK, END_MARK = "<!-- bench -->", "<!-- /bench -->"


def main() -> int:
    wanted = _arguments()
    lines: list[Line] = []
    with tempfile.TemporaryDirectory(prefix="postroom-bench-") as name, servers() as found:
        folder = Path(name)
        folder.chmod(0o711)
        for part in wanted.only or (_SHOWN if wanted.write_readme else _PARTS):
            (folder / part).mkdir()
            for line in asyncio.run(_measure(part, found, folder / part, wanted)):
                sys.stdout.write(as_text(line) + "\n\n")
                sys.stdout.flush()
                lines.append(line)
    if wanted.write_readme:
        README.write_text(with_figures(README.read_text(encoding="utf-8"), as_markdown(lines, _machine())), "utf-8")
    return 0


async def _measure(part: str, found: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    """In a database of its own: no part meets what another has left."""
    name = f"bench_{part.replace('-', '_')}"
    own = replace(found, database_url=await databases.create(found.database_url, name))
    return await _PARTS[part](own, folder, wanted)


def with_figures(readme: str, table: str) -> str:
    """The README with the table between its marks. ValueError when a mark is missing."""
    before, mark, rest = readme.partition(MARK)
    _, end_mark, after = rest.partition(END_MARK)
    if not mark or not end_mark:
        raise ValueError(f"the README lacks {MARK} or {END_MARK}")
    return f"{before}{mark}\n{table}\n{end_mark}{after}"


async def _end_to_end(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    return await end_to_end.measure(own, folder, wanted.recipients, wanted.runs)


async def _dkim(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    signing = dkim.measure_signing(wanted.seconds, wanted.runs)
    return [*signing, *await dkim.measure(own, folder, wanted.recipients // 4, wanted.runs, wanted.seconds)]


async def _scaling(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    return await scaling.measure(own, folder, wanted.recipients // 5, wanted.runs)


async def _task_posts(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    return await task_posts.measure(own, folder, wanted.seconds, wanted.runs)


async def _projector(own: Servers, _: Path, wanted: argparse.Namespace) -> list[Line]:
    return await projector.measure(own.database_url, wanted.runs, wanted.events)


async def _callbacks(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    return await callbacks.measure(own.database_url, folder, wanted.runs, wanted.events)


async def _append(own: Servers, _: Path, wanted: argparse.Namespace) -> list[Line]:
    return await append.measure(own.database_url, wanted.seconds, wanted.runs)


async def _compose(_: Servers, __: Path, wanted: argparse.Namespace) -> list[Line]:
    return compose.measure(wanted.seconds, wanted.runs)


async def _audience(own: Servers, _: Path, wanted: argparse.Namespace) -> list[Line]:
    return await audience.measure(own.database_url, wanted.runs, wanted.people)


async def _job_import(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    return await job_import.measure(own, folder, wanted.people, wanted.runs)


async def _job_export(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    return await job_export.measure(own, folder, wanted.people, wanted.runs)


async def _task_listing(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    return await task_listing.measure(own, folder, wanted.tasks, wanted.runs)


async def _million_recipients(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    return await million_recipients.measure(own, folder, wanted.people, wanted.runs)


async def _hits(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    return await hits.measure(own, folder, wanted.seconds, wanted.runs)


async def _starts(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    return await starts.measure(own, folder, min(10_000, wanted.people // 100), wanted.people, wanted.runs)


async def _sweeps(own: Servers, folder: Path, wanted: argparse.Namespace) -> list[Line]:
    plots = IMAGES if wanted.write_plots else None
    return await sweeps.measure(own, folder, wanted.people, wanted.runs, plots)


async def _compaction(own: Servers, _: Path, wanted: argparse.Namespace) -> list[Line]:
    return await compaction.measure(own.database_url, wanted.recipients, wanted.runs)


_PARTS: dict[str, Callable[[Servers, Path, argparse.Namespace], Coroutine[None, None, list[Line]]]] = {
    "end-to-end": _end_to_end,
    "dkim": _dkim,
    "scaling": _scaling,
    "projector": _projector,
    "callbacks": _callbacks,
    "task-posts": _task_posts,
    "task-listing": _task_listing,
    "million-recipients": _million_recipients,
    "append": _append,
    "compose": _compose,
    "audience": _audience,
    "job-import": _job_import,
    "job-export": _job_export,
    "hits": _hits,
    "starts": _starts,
    "sweeps": _sweeps,
    "compaction": _compaction,
}


#: What the README shows: the way of a message, and what comes in. All parts together take hours.
_SHOWN: Final = ("end-to-end", "projector", "callbacks", "task-posts", "append", "hits")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument(
        "--recipients",
        type=int,
        default=200_000,
        help="of the task that is sent; of one that is signed a quarter, of one to a slow relay a fifth "
        "(default %(default)s)",
    )
    parser.add_argument("--events", type=int, default=400_000, help="that are projected (default %(default)s)")
    parser.add_argument(
        "--people", type=int, default=1_000_000, help="searched, imported, exported or written to (default %(default)s)"
    )
    parser.add_argument("--tasks", type=int, default=1_000_000, help="that are listed (default %(default)s)")
    parser.add_argument("--seconds", type=int, default=5, help="of a run that asks or appends (default %(default)s)")
    parser.add_argument("--runs", type=int, default=3, help="of each measurement (default %(default)s)")
    parser.add_argument("--only", action="append", choices=list(_PARTS), help="this part alone; may be repeated")
    parser.add_argument("--write-plots", action="store_true", help="draw what the sweeps find into docs/images")
    parser.add_argument(
        "--write-readme", action="store_true", help="measure the main parts, and put the table into README.md"
    )
    wanted = parser.parse_args()
    if wanted.write_readme and wanted.only:
        parser.error("the README shows the same parts each time: --write-readme goes without --only")
    return wanted


def _machine() -> str:
    python, system = platform.python_version(), platform.freedesktop_os_release().get("PRETTY_NAME", platform.system())
    return f"{os.cpu_count()} cores, {system}, Python {python}, everything on the same machine"


if __name__ == "__main__":
    sys.exit(main())
