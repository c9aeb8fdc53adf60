"""A campaign to 100,000 people over both channels, on one `postroom up`: its callbacks must add up to its reports.

No figure for the README, but a proof at full size; tests/acceptance/test_campaign_callbacks.py is the same with fewer.

`.venv/bin/python -m bench.campaign [--people 100000] [--readers 500]`
"""

import argparse
import asyncio
import sys
import time

import aiohttp

from tests.acceptance.campaign_run import (
    Audience,
    Postroom,
    as_lines,
    read_mails,
    start_campaign,
    until_done,
    until_told,
)
from tests.acceptance.postroom_process import up
from tests.sinks.receiver import Receiver

HOURS = 3600.0


async def show(people: int, readers: int) -> None:
    begun = time.perf_counter()
    with up() as running:
        audience = Audience(secret=running.ready["webhook_secret"])
        async with Receiver(audience) as receiver, aiohttp.ClientSession() as session:
            postroom = Postroom(dict(running.ready), session)
            campaign_id = await start_campaign(postroom, f"{receiver.url}/hook?from=show", people)
            _say(begun, f"{people:,} people are on the list, the campaign is sent")
            await until_done(postroom, campaign_id, 2 * HOURS)
            _say(begun, "it is done; some of them read")
            await read_mails(postroom, readers)
            found = await until_told(postroom, campaign_id, audience, 2 * HOURS)
    _say(begun, f"{found.calls:,} calls, {len(found.ids):,} of them different; every signature was proved")
    print("\n".join(as_lines(found)))


def _say(begun: float, what: str) -> None:
    print(f"{time.perf_counter() - begun:7.1f} s  {what}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.campaign", description=__doc__)
    parser.add_argument("--people", type=int, default=100_000, help="on the list (default %(default)s)")
    parser.add_argument("--readers", type=int, default=500, help="who open their mail (default %(default)s)")
    wanted = parser.parse_args()
    asyncio.run(show(wanted.people, wanted.readers))
    sys.exit(0)


if __name__ == "__main__":
    main()
