"""Tasks a second that one API process stores, beside an aiohttp handler that stores nothing; wrk asks both."""

import re
import subprocess
import sys
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

CONNECTIONS = 64

_FAR_AWAY = 4_102_444_800  # the year 2100: nothing of it is sent
_SCRIPT = """
wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer {key}"
wrk.body = [==[{body}]==]
"""


async def measure(servers: Servers, folder: Path, seconds: int, runs: int) -> list[Line]:
    rates: list[float] = []
    bare_rates: list[float] = []
    used: list[Used] = []
    wrk = unpack("wrk", re.compile(r"wrk|libluajit.*"), cache_folder())
    bare_port = free_port()
    bare_command = [sys.executable, "-m", "bench.bare_handler", str(bare_port)]
    with (
        sink(unpack_postfix(), folder) as target,
        services(servers, target.port, folder) as stack,
        running(bare_command, folder / "bare.log", {"PYTHONPATH": ROOT}),
    ):
        script = folder / "post.lua"
        async with open_session(stack) as session:
            script.write_text(_SCRIPT.format(key=stack.key, body=await _body(ApiClient(session))), encoding="utf-8")
        wait_until_open(bare_port)
        for _ in range(runs):
            bare_rates.append(_ask(wrk, script, f"http://127.0.0.1:{bare_port}", seconds))
            with watched({**stack.pids, **servers.pids}) as used:
                rates.append(_ask(wrk, script, stack.api, seconds))
    line = Line(
        f"POST /task, {CONNECTIONS} connections, each answered after its commit",
        "requests/s",
        rates,
        "an aiohttp handler that stores nothing",
        bare_rates,
        note="CPU and memory are those of the last run.",
        used=used,
    )
    return [line]


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


def _ask(wrk: Path, script: Path, url: str, seconds: int) -> float:
    """Requests a second; every one of them must have been a success."""
    command: list[str | Path] = [
        wrk / "usr/bin/wrk",
        "-t1",
        f"-c{CONNECTIONS}",
        f"-d{seconds}s",
        "-s",
        script,
        f"{url}/task",
    ]
    environment = {"LD_LIBRARY_PATH": ":".join(sorted({str(path.parent) for path in wrk.glob("usr/lib/**/lib*.so*")}))}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True, timeout=seconds + 60)
    if "Non-2xx" in done.stdout or "Socket errors" in done.stdout:
        raise RuntimeError(done.stdout)
    found = re.search(r"Requests/sec:\s+([\d.]+)", done.stdout)
    if found is None:
        raise RuntimeError(done.stdout)
    return float(found[1])
