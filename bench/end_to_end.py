"""Messages a second of a task, from its POST to the last accepted mail, beside smtp-source against the same sink."""

import asyncio
import time
from pathlib import Path

from bench.api_client import ApiClient, open_session
from bench.mail_sink import MESSAGE_BYTES, SESSIONS, Sink, send_by_source, sink, unpack_postfix
from bench.measured import Line, Used
from bench.processes import watched
from bench.stack import Servers, services

_LOOK_SECONDS = 0.05
_MOST_SECONDS = 600.0
FRAME_BYTES = 1_310  #: about what headers, the parts' frames and the links of our message take


async def measure(servers: Servers, folder: Path, recipients: int, runs: int) -> list[Line]:
    """The two take turns, so that whatever else the machine does meets both."""
    postfix = unpack_postfix()
    rates: list[float] = []
    source_rates: list[float] = []
    used: list[Used] = []
    with sink(postfix, folder) as target, services(servers, target.port, folder) as stack:
        async with open_session(stack) as session:
            client = ApiClient(session)
            list_id = await client.make_list("reader", recipients)
            message_id = await client.make_message(MESSAGE_BYTES - FRAME_BYTES)
            for _ in range(runs):
                source_rates.append(send_by_source(postfix, target.port, recipients))
                with watched({**stack.pids, **servers.pids, "smtp-sink": target.pid}) as used:
                    rates.append(await send_task(client, list_id, message_id, recipients, target))
    line = Line(
        f"a task of {recipients:,}, Postgres to sink, everything recorded",
        "msgs/s",
        rates,
        f"smtp-source -d -s {SESSIONS}, {MESSAGE_BYTES} bytes, nothing recorded",
        source_rates,
        note="CPU and memory are those of the last run; the sink had exactly one message a recipient in each.",
        used=used,
    )
    return [line]


async def send_task(client: ApiClient, list_id: int, message_id: int, recipients: int, target: Sink) -> float:
    """Checks that the sink got exactly one message a recipient."""
    before = target.count()
    began = time.perf_counter()
    task = await client.post(
        "/task",
        {"channel": "email", "name": "bench", "list_id": list_id, "message_id": message_id, "scheduledtime": 0},
    )
    while (await client.get(f"/task/{task['id']}/report"))["states"].get("accepted", 0) < recipients:
        if time.perf_counter() - began > _MOST_SECONDS:
            raise TimeoutError(f"the task was not sent within {_MOST_SECONDS:.0f} s")
        await asyncio.sleep(_LOOK_SECONDS)
    seconds = time.perf_counter() - began
    if (received := target.count() - before) != recipients:
        raise RuntimeError(f"{received:,} messages for {recipients:,} recipients")
    return recipients / seconds
