"""``ad_inventory`` and ``/adplan``: what there is for advertising day by day, and what is booked of it."""

from datetime import UTC, datetime
from typing import Any

import pytest

from tests.integration.api.conftest import EMAIL_MESSAGE
from tests.integration.jobs.caller import Caller
from tests.integration.jobs.test_scheduled_sends import made


def noon(day: int) -> int:
    return int(datetime(2030, 3, day, 12, tzinfo=UTC).timestamp())


async def sending(caller: Caller) -> None:
    """Two people; a message with two zones on the 2nd twice and on the 4th, cancelled there; one without on the 3rd."""
    await caller.done(job="import", list="Main", emails="a@example.com,b@example.com")
    list_id = await caller.list_id("Main")
    zones = await made(caller, "/message", **EMAIL_MESSAGE, ad_zones=2)
    plain = await made(caller, "/message", **EMAIL_MESSAGE)
    tasks = [
        await made(
            caller,
            "/task",
            channel="email",
            name="x",
            list_id=list_id,
            message_id=message["id"],
            scheduledtime=noon(day),
        )
        for message, day in ((zones, 2), (zones, 2), (plain, 3), (zones, 4))
    ]
    assert (await caller.native.put(f"/task/{tasks[-1]['id']}", {"cancelled": True})).status == 200


async def test_each_day_has_its_places_and_its_bookings(caller: Caller) -> None:
    """Recipients times zones of whatever goes out that day; a day with more booked than there is is a conflict."""
    await sending(caller)
    await made(caller, "/adplan", name="A", start_date="20300301", end_date="20300302", impressions_per_day=5)
    await made(caller, "/adplan", name="B", start_date="20300302", end_date="20300303", impressions_per_day=3)
    gone = await made(caller, "/adplan", name="C", start_date="20300304", end_date="20300304", impressions_per_day=9)
    assert (await caller.native.send("DELETE", f"/adplan/{gone['id']}")).status == 200

    told = await caller.done(job="ad_inventory", start_date="20300301", end_date="20300304")

    assert told["inventory"] == {
        "20300301": {"available": 0, "used": 5},
        "20300302": {"available": 8, "used": 8},
        "20300303": {"available": 0, "used": 3},
        "20300304": {"available": 0, "used": 0},
    }
    assert told["conflicts"] == ["20300301", "20300303"]
    assert (told["start_date"], told["end_date"]) == ("20300301", "20300304")


async def test_what_was_sent_counts_as_it_went_out(caller: Caller) -> None:
    """The recipients of a task that has started, with the zones its message had then, and not as it is now."""
    await sending(caller)
    tasks = (await caller.native.get("/task?sort=id")).json
    await caller.database.execute(
        "UPDATE task SET started = true, recipients = 7, message_version = 1 WHERE id = $1", tasks[0]["id"]
    )
    message = tasks[0]["message_id"]
    assert (await caller.native.put(f"/message/{message}", {"ad_zones": 10})).status == 200

    told = await caller.done(job="ad_inventory", start_date="20300302", end_date="20300302")

    assert told["inventory"] == {"20300302": {"available": 7 * 2 + 2 * 10, "used": 0}}


@pytest.mark.parametrize(("start", "end"), [(20300302, 20300303), ("03/02/2030", "2030-03-03"), ("20300302", 20300303)])
async def test_dates_are_read_as_clients_write_them(caller: Caller, start: Any, end: Any) -> None:
    told = await caller.done(job="ad_inventory", start_date=start, end_date=end)

    assert list(told["inventory"]) == ["20300302", "20300303"]


@pytest.mark.parametrize(
    ("dates", "code", "named"),
    [
        ({"start_date": "20300301"}, 2, "end_date"),
        ({"start_date": "20300301", "end_date": "tomorrow"}, 18, "end_date"),
        ({"start_date": "20300231", "end_date": "20300301"}, 18, "start_date"),
        ({"start_date": "20300302", "end_date": "20300301"}, 18, "end_date"),
        ({"start_date": "20000101", "end_date": "20300301"}, 18, "end_date"),
        ({"start_date": "20300301", "end_date": "20300301", "zone": 1}, 99, "zone"),
    ],
    ids=str,
)
async def test_other_dates_are_refused(caller: Caller, dates: dict[str, Any], code: int, named: str) -> None:
    posted = await caller.post(job="ad_inventory", **dates)

    assert posted.error == (400, code)
    assert named in posted.body["errormsg"]


async def test_bookings_of_others_do_not_count(caller: Caller, world: Any) -> None:
    other = await world.caller()
    await made(other, "/adplan", name="A", start_date="20300301", end_date="20300301", impressions_per_day=5)

    told = await caller.done(job="ad_inventory", start_date="20300301", end_date="20300301")

    assert (told["inventory"], told["conflicts"]) == ({"20300301": {"available": 0, "used": 0}}, [])
