"""One task with 1, 2 and 4 dispatcher processes, to a relay that takes 5 ms for each command: cores do not limit it."""

from pathlib import Path

from bench.api_client import ApiClient, open_session
from bench.end_to_end import send_task
from bench.mail_sink import slow_sink
from bench.measured import Line
from bench.stack import Servers, services

LATENCY_SECONDS = 0.005
GOALS = {2: 1.8, 4: 3.2}


async def measure(servers: Servers, folder: Path, recipients: int, runs: int) -> list[Line]:
    """Turn by turn."""
    rates: dict[int, list[float]] = {1: [], **{processes: [] for processes in GOALS}}
    with slow_sink(folder, LATENCY_SECONDS) as target:
        list_id, message_id = 0, 0
        for number in range(runs):
            for processes, found in rates.items():
                own = folder / f"{number}-{processes}"
                own.mkdir()
                with services(servers, target.port, own, dispatchers=processes) as stack:
                    async with open_session(stack) as session:
                        client = ApiClient(session)
                        if not list_id:
                            list_id = await client.make_list("reader", recipients)
                            message_id = await client.make_message(100)
                        found.append(await send_task(client, list_id, message_id, recipients, target))
    where = f"a relay that takes {LATENCY_SECONDS * 1000:.0f} ms for each command"
    return [
        Line(
            f"a task of {recipients:,}, {processes} dispatchers, {where}",
            "msgs/s",
            rates[processes],
            "one dispatcher",
            rates[1],
            goal=goal,
        )
        for processes, goal in GOALS.items()
    ]
