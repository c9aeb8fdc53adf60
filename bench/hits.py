"""Opens and clicks over HTTP, each answered after its commit, beside an aiohttp handler that stores nothing.

wrk asks both for the same paths, of a task whose recipients were all sent a message; and once more at half the rate
that was found, for how long the slowest of a hundred takes then.
"""

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from bench.api_client import ApiClient, open_session
from bench.mail_sink import sink, unpack_postfix, wait_until_open
from bench.measured import Line, Used
from bench.processes import running, watched
from bench.stack import ROOT, Servers, Stack, services
from bench.task_posts import Found, ask_wrk, unpack_wrk
from services.standalone.private_process import free_port
from shared.domain.tokens import TokenKeys, TokenKind
from shared.postgres.database import Database
from tests.sent_task import make_sent

CONNECTIONS = 64
RECIPIENTS = 50_000
PATHS = 20_000  #: asked for in turn, at random: one in four a click
RATE = 0.5  #: of what the bare handler does
HALF_LOAD_MS = 25

_FAR_AWAY = 4_102_444_800
_SECRET = bytes(range(32))  #: as bench.stack gives it
_SCRIPT = """
local paths = {{}}
for line in io.lines("{paths}") do paths[#paths + 1] = line end
local place = 0
request = function()
  place = place % #paths + 1
  return wrk.format("GET", paths[place])
end
{delay}"""
_DELAY = "delay = function() return math.random(0, {most}) end\n"


async def measure(servers: Servers, folder: Path, seconds: int, runs: int) -> list[Line]:
    wrk, bare_port, tracker_port = unpack_wrk(), free_port(), free_port()
    bare_command = [sys.executable, "-m", "bench.bare_handler", str(bare_port), servers.database_url]
    with (
        sink(unpack_postfix(), folder) as target,
        services(servers, target.port, folder, tracker_port=str(tracker_port)) as stack,
        running(bare_command, folder / "bare.log", {"PYTHONPATH": ROOT}) as bare,
    ):
        _write(folder / "paths", await _make_paths(stack, servers))
        wait_until_open(bare_port)
        scripts = Scripts(folder)

        def ask(port: int, script: Path, found: Found) -> None:
            ask_wrk(wrk, script, f"http://127.0.0.1:{port}/", CONNECTIONS, seconds, found)

        pids = {**stack.pids, **servers.pids, "bare handler": bare.pid}
        return _take_turns(ask, scripts, bare_port, tracker_port, runs, pids)


@dataclass(frozen=True, slots=True)
class Scripts:
    folder: Path

    def at_once(self) -> Path:
        return self._written("at-once.lua", "")

    def at(self, rate: float) -> Path:
        """So many a second, as long as answers take no time beside it."""
        return self._written("delayed.lua", _DELAY.format(most=round(2_000 * CONNECTIONS / rate)))

    def _written(self, name: str, delay: str) -> Path:
        path = self.folder / name
        path.write_text(_SCRIPT.format(paths=self.folder / "paths", delay=delay), encoding="utf-8")
        return path


def _take_turns(
    ask: Callable[[int, Path, Found], None],
    scripts: Scripts,
    bare: int,
    tracker: int,
    runs: int,
    pids: dict[str, int],
) -> list[Line]:
    found, yardstick, half = Found(), Found(), Found()
    used: list[Used] = []
    for _ in range(runs):
        with watched(pids) as in_this_run:
            ask(bare, scripts.at_once(), yardstick)
            ask(tracker, scripts.at_once(), found)
        used = in_this_run
        ask(tracker, scripts.at(found.rates[-1] / 2), half)
    other = "an aiohttp handler that stores nothing"
    note = "CPU and memory are those of both, in the last run."
    return [
        Line("opens and clicks over HTTP", "requests/s", found.rates, other, yardstick.rates, note, used, goal=RATE),
        Line(
            "opens and clicks at half that rate, 99 of 100 within",
            "ms",
            half.p99,
            note=f"at {half.rates[-1]:,.0f} requests/s",
            most=HALF_LOAD_MS,
        ),
    ]


async def _make_paths(stack: Stack, servers: Servers) -> list[str]:
    database = await Database.connect(servers.database_url)
    owner = await Database.connect(servers.database_url, role=None, connections=1, statement_seconds=600.0)
    try:
        async with open_session(stack) as session:
            client = ApiClient(session)
            list_id, message_id = await client.make_list("reader", 10), await client.make_message(100)
            wish = {"channel": "email", "name": "hits", "list_id": list_id, "message_id": message_id}
            task = await client.post("/task", {**wish, "scheduledtime": _FAR_AWAY})
        await make_sent(database, owner, task["id"], RECIPIENTS)
    finally:
        await owner.close()
        await database.close()
    keys, dice = TokenKeys((_SECRET,)), Random(7)
    return [_path(keys, int(task["id"]), dice.randrange(RECIPIENTS), click=number % 4 == 3) for number in range(PATHS)]


def _write(path: Path, lines: Sequence[str]) -> None:
    path.write_text("\n".join(lines) + "\n", encoding="ascii")


def _path(keys: TokenKeys, task_id: int, ordinal: int, *, click: bool) -> str:
    kind, link = (TokenKind.CLICK, 1) if click else (TokenKind.OPEN, 0)
    return f"/{'c' if click else 'o'}/{keys.web(task_id, ordinal, kind, link)}"
