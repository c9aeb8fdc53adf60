"""What can be planted into the world of the auditor: a breach of each promise, in a task of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from pyroaring import BitMap

from shared.domain.callback import call_id
from shared.domain.delivery import Kind
from tests.integration.auditing.world import World

Planting = Callable[[World, int], Awaitable[None]]


@dataclass(frozen=True)
class Plant:
    """``check``: the name of that which must see it, as often as ``count``, at ``subject`` (``{}``: the number of the
    task that is broken). ``also``: others that see it as well. ``called``: it needs a campaign.
    """

    check: str
    plant: Planting
    count: int = 1
    subject: str = "task {}"
    also: tuple[str, ...] = ()
    called: bool = False


def sql(*statements: str) -> Planting:
    """``$1`` in them is the number of the task."""

    async def plant(world: World, task_id: int) -> None:
        for statement in statements:
            await world.owner.execute(statement.replace("$1", str(task_id)))

    return plant


def recorded(kind: Kind, *ordinals: int, note: str = "") -> Planting:
    """In another batch, so by another attempt."""

    async def plant(world: World, task_id: int) -> None:
        await world.record(task_id, kind, ordinals, 7, note)

    return plant


def outside(tell: Callable[[World, int], object]) -> Planting:
    async def plant(world: World, task_id: int) -> None:
        tell(world, task_id)

    return plant


def together(*plants: Planting) -> Planting:
    async def plant(world: World, task_id: int) -> None:
        for each in plants:
            await each(world, task_id)

    return plant


def batches(*held: tuple[int, ...], size: int | None = None) -> Planting:
    async def plant(world: World, task_id: int) -> None:
        for number, ordinals in enumerate(held, start=10):
            await world.add_batch(task_id, number, ordinals, size)

    return plant


def window(kind: Kind, opened: int, *ordinals: int, received: bool = True) -> Planting:
    async def plant(world: World, task_id: int) -> None:
        await world.add_window(task_id, kind, opened, ordinals)
        if not received:
            world.received.calls.pop()

    return plant


def received(place: int, body: bytes) -> Planting:
    """Once more the n-th callback of the task, with this body."""

    async def plant(world: World, task_id: int) -> None:
        numbers = await world.owner.fetch(
            "SELECT number FROM callback_window WHERE task_id = $1 ORDER BY number", task_id
        )
        world.received.add(call_id(task_id, numbers[place]["number"]), body)

    return plant


def members(table: str, column: str, value: int, *, add: int | None = None, remove: int | None = None) -> Planting:
    """Changes one set of the task, and its size with it."""
    where = f"WHERE task_id = $1 AND {column} = {value}"
    bits, size = ("ordinals", "people") if table == "callback_window" else ("bits", "cardinality")

    async def plant(world: World, task_id: int) -> None:
        there = BitMap.deserialize(await world.owner.fetch_value(f"SELECT {bits} FROM {table} {where}", task_id))
        changed = (there | BitMap([] if add is None else [add])) - BitMap([] if remove is None else [remove])
        statement = f"UPDATE {table} SET {bits} = $2, {size} = $3 {where}"
        await world.owner.execute(statement, task_id, changed.serialize(), len(changed))

    return plant
