"""Rebuilds the unique counts of one task from what was published, and keeps them up to date.

    python rebuild_stats.py --url http://127.0.0.1:8080 --key pr_... --bus amqp://guest:guest@127.0.0.1/ --task 7

Prints a line of JSON whenever the counts have changed: ``{"opened": 12, ...}``. Needs aiohttp and aio-pika, and a key
of an operator, an admin or a reader.
"""

import argparse
import asyncio
import json
import sys
from collections import defaultdict

import aio_pika
import aiohttp


class Stats:
    """For each event the ordinals to whom it happened: a repeat adds nobody, so at-least-once is enough."""

    def __init__(self, task_id: int) -> None:
        self.task_id = task_id
        self.ordinals: dict[str, set[int]] = defaultdict(set)
        self._printed = ""

    def add(self, batch: dict) -> None:
        if batch["task_id"] == self.task_id:
            self.ordinals[batch["event"]].update(recipient["ordinal"] for recipient in batch["recipients"])

    def print_if_changed(self) -> None:
        line = json.dumps({event: len(people) for event, people in sorted(self.ordinals.items())})
        if line != self._printed:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
            self._printed = line


async def replay(stats: Stats, url: str, key: str) -> None:
    """From the first event that is kept to the newest, a page at a time."""
    asked = {"type": "delivery.*", "count": "1000"}
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as session:
        while True:
            async with session.get(f"{url}/events", params=asked) as answer:
                answer.raise_for_status()
                for event in await answer.json():
                    stats.add(event["data"])
                if "next" not in answer.links:
                    return
                asked["after"] = answer.headers["X-Cursor"]


async def follow(stats: Stats, queue: aio_pika.abc.AbstractQueue) -> None:
    async with queue.iterator() as messages:
        async for message in messages:
            async with message.process():
                stats.add(json.loads(message.body))
            stats.print_if_changed()


async def run(url: str, key: str, bus: str, exchange: str, task_id: int) -> None:
    stats = Stats(task_id)
    async with await aio_pika.connect(bus) as connection, connection.channel() as channel:
        # The queue first: what happens while the past is being read waits in it, and is there twice rather than never.
        events = await channel.declare_exchange(exchange, "topic", durable=True)
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(events, "delivery.*")
        await replay(stats, url, key)
        stats.print_if_changed()
        await follow(stats, queue)


def main() -> None:
    parser = argparse.ArgumentParser(description="The unique counts of one task, rebuilt from published events.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--bus", required=True)
    parser.add_argument("--exchange", default="postroom.events")
    parser.add_argument("--task", type=int, required=True)
    given = parser.parse_args()
    asyncio.run(run(given.url, given.key, given.bus, given.exchange, given.task))


if __name__ == "__main__":
    main()
