"""Tasks a second that one API process stores, and how long the slowest of a hundred takes; wrk asks both.

The yardstick is an aiohttp handler that commits one row for each.
"""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from bench.api_client import ApiClient, open_session
from bench.mail_sink import sink, unpack_postfix, wait_until_open
from bench.measured import Line, Used
from bench.processes import running, watched
from bench.stack import ROOT, Servers, services
from services.standalone.private_process import free_port
from tests.servers.backends import cache_folder
from tests.servers.debian_packages import unpack

CONNECTIONS = (8, 64)
KEYS = 8  #: that ask in turn: each of them may ask 2,000 times a second, and how often one may is not what is measured

_FAR_AWAY = 4_102_444_800  # the year 2100: nothing of it is sent
_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[{body}]==]
local keys, place = {{ {keys} }}, 0
request = function()
  place = place % #keys + 1
  wrk.headers["Authorization"] = "Bearer " .. keys[place]
  return wrk.format()
end
"""
_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1_000.0}


@dataclass(slots=True)
class Found:
    """Of several runs: requests a second, and the milliseconds within which 99 of 100 were answered."""

    rates: list[float] = field(default_factory=list)
    p99: list[float] = field(default_factory=list)


async def measure(servers: Servers, folder: Path, seconds: int, runs: int) -> list[Line]:
    wrk = unpack_wrk()
    bare_port = free_port()
    bare_command = [sys.executable, "-m", "bench.bare_handler", str(bare_port), servers.database_url]
    with (
        sink(unpack_postfix(), folder) as target,
        services(servers, target.port, folder) as stack,
        running(bare_command, folder / "bare.log", {"PYTHONPATH": ROOT}) as bare_handler,
    ):
        script = folder / "post.lua"
        async with open_session(stack) as session:
            client = ApiClient(session)
            body, keys = await _body(client), ", ".join([f'"{key}"' for key in await _keys(client)])
            script.write_text(_SCRIPT.format(keys=keys, body=body), encoding="utf-8")
        wait_until_open(bare_port)

        def ask(url: str, connections: int, found: Found) -> None:
            ask_wrk(wrk, script, f"{url}/task", connections, seconds, found)

        bare = f"http://127.0.0.1:{bare_port}"
        pids = {**stack.pids, **servers.pids, "bare handler": bare_handler.pid}
        return [line for number in CONNECTIONS for line in _take_turns(ask, stack.api, bare, number, runs, pids)]


def _take_turns(
    ask: Callable[[str, int, Found], None], ours: str, bare: str, connections: int, runs: int, pids: dict[str, int]
) -> list[Line]:
    found, yardstick = Found(), Found()
    used: list[Used] = []
    for _ in range(runs):
        with watched(pids) as in_this_run:
            ask(bare, connections, yardstick)
            ask(ours, connections, found)
        used = in_this_run
    what, other = f"POST /task, {connections} connections", "an aiohttp handler that commits one row"
    note = "Each is answered after its commit; all are to one list. CPU and memory are those of both, in the last run."
    return [
        Line(what, "requests/s", found.rates, other, yardstick.rates, note, used, goal=1.0),
        Line(f"{what}, 99 of 100 within", "ms", found.p99, other, yardstick.p99),
    ]


async def _keys(client: ApiClient) -> list[str]:
    [first] = await client.get("/key")
    wish = {"user_id": first["user_id"], "name": "poster"}
    return [(await client.post("/key", wish))["key"] for _ in range(KEYS)]


async def _body(client: ApiClient) -> str:
    list_id = await client.make_list("poster", 10)
    message_id = await client.make_message(100)
    task = {
        "channel": "email",
        "name": "bench",
        "list_id": list_id,
        "message_id": message_id,
        "scheduledtime": _FAR_AWAY,
    }
    return orjson.dumps(task).decode()


def unpack_wrk() -> Path:
    return unpack("wrk", re.compile(r"wrk|libluajit.*"), cache_folder())


def ask_wrk(wrk: Path, script: Path, url: str, connections: int, seconds: int, found: Found) -> None:
    """Every answer must have been a success."""
    libraries = sorted({str(path.parent) for path in wrk.glob("usr/lib/**/lib*.so*")})
    options: list[str | Path] = ["-s", script, "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", url]
    done = subprocess.run(
        [wrk / "usr/bin/wrk", *options],
        env={"LD_LIBRARY_PATH": ":".join(libraries)},
        check=True,
        capture_output=True,
        text=True,
        timeout=seconds + 60,
    )
    rate = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    p99 = re.search(r"99%\s+([\d.]+)(us|ms|s)\b", done.stdout)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout or rate is None or p99 is None:
        raise RuntimeError(done.stdout)
    found.rates.append(float(rate[1]))
    found.p99.append(float(p99[1]) * _MILLISECONDS[p99[2]])
