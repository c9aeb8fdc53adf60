"""Messages a second of a task, from its POST to the last accepted mail, beside smtp-source and other senders.

All of them send to the same sink, turn by turn.
"""

import asyncio
import time
from pathlib import Path

from bench.api_client import ApiClient, open_session
from bench.mail_sink import MESSAGE_BYTES, SESSIONS, Sink, send_by_source, sink, unpack_postfix
from bench.measured import Line, Used
from bench.peers.rates import celery_rate, nodemailer_rate, post_office_rate
from bench.processes import watched
from bench.stack import Servers, services
from tests.servers import databases

_LOOK_SECONDS = 0.2
_MOST_SECONDS = 600.0
LINKS = 3  #: tracked ones in each mail
FRAME_BYTES = 1_630  #: about what headers, the parts' frames, the pixel and the links of our message take
PEER_MAILS = 4_000  #: of a run of a peer: they are slower


async def measure(servers: Servers, folder: Path, recipients: int, runs: int) -> list[Line]:
    """All take turns, so that whatever else the machine does meets each of them."""
    postfix = unpack_postfix()
    rates: list[float] = []
    others: dict[str, list[float]] = {name: [] for name in _GOALS}
    used: list[Used] = []
    with sink(postfix, folder) as target, services(servers, target.port, folder) as stack:
        async with open_session(stack) as session:
            client = ApiClient(session)
            list_id = await client.make_list("reader", recipients)
            message_id = await client.make_message(MESSAGE_BYTES - FRAME_BYTES, links=LINKS)
            for number in range(runs):
                others[_SOURCE].append(send_by_source(postfix, target.port, recipients))
                with watched({**stack.pids, **servers.pids, "smtp-sink": target.pid}) as used:
                    rates.append(await send_task(client, list_id, message_id, recipients, target))
                others[_NODEMAILER].append(nodemailer_rate(target, PEER_MAILS))
                empty = await databases.create(servers.database_url, f"bench_post_office_{number}")
                others[_POST_OFFICE].append(post_office_rate(target, PEER_MAILS, empty))
                others[_CELERY].append(celery_rate(target, PEER_MAILS, servers, folder))
    what = f"a task of {recipients:,} with a pixel and {LINKS} links, Postgres to sink, everything recorded"
    note = "CPU and memory are those of the last run; the sink had exactly one message a recipient in each."
    first = Line(what, "msgs/s", rates, _SOURCE, others.pop(_SOURCE), note=note, used=used, goal=_GOALS[_SOURCE])
    return [first, *[Line(what, "msgs/s", rates, name, found, goal=_GOALS[name]) for name, found in others.items()]]


_SOURCE = f"smtp-source -d -s {SESSIONS}, {MESSAGE_BYTES} bytes, nothing recorded"
_NODEMAILER = f"nodemailer, pool of {SESSIONS}, nothing recorded"
_POST_OFFICE = "django-post-office, send_queued_mail, a row a mail"
_CELERY = "celery over RabbitMQ, one task a mail"
_GOALS = {_SOURCE: 0.6, _NODEMAILER: 8.0, _POST_OFFICE: 15.0, _CELERY: 25.0}


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
