"""Expiry and send window of a task: given, changed, taken back and refused."""

from typing import Any

import pytest

from shared.domain.task import FreezeAudience, StartTask
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api.conftest import LATER, Client, Ready, drive

NIGHT = {"from": "22:00", "to": "06:30", "timezone": "Europe/London", "days": ["mon", "sun"]}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


async def test_both_are_answered_as_given(client: Client, ready: Ready) -> None:
    """By POST, GET, in the list and in the history; and null where there is none."""
    plain = await client.post("/task", ready.task())
    posted = await client.post("/task", ready.task(expires=LATER + 0.5, send_window=NIGHT))
    read = (await client.get(posted.headers["Location"])).json
    listed = (await client.get(f"/task?id={read['id']}")).json[0]
    history = (await client.get(posted.headers["Location"] + "/history")).json

    assert (plain.json["expires"], plain.json["send_window"]) == (None, None)
    assert (read["expires"], read["send_window"]) == (LATER + 0.5, NIGHT)
    assert posted.json == read == listed
    assert history[0]["detail"]["send_window"] == NIGHT


async def test_days_may_be_missing_and_in_any_order(client: Client, ready: Ready) -> None:
    """Without any it is every day."""
    window = {"from": "00:00", "to": "24:00", "timezone": "UTC"}
    every = await client.post("/task", ready.task(send_window=window))
    some = await client.post("/task", ready.task(send_window={**window, "days": ["sun", "mon", "sun"]}))

    assert every.json["send_window"]["days"] == ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    assert some.json["send_window"]["days"] == ["mon", "sun"]


@pytest.mark.parametrize("started", [False, True])
async def test_they_may_change_until_the_end(
    client: Client, ready_task: int, store: PostgresEventStore, database: Database, started: bool
) -> None:
    """What is not named stays; null takes it back; and those who claim know of it in the same moment."""
    if started:
        await drive(store, ready_task, StartTask(1), FreezeAudience(3, {}))
        await database.execute("INSERT INTO sending (shard, task_id) VALUES (1, $1)", ready_task)
    for wish, expected in (
        ({"expires": LATER + 1}, (LATER + 1, None)),
        ({"send_window": NIGHT}, (LATER + 1, NIGHT)),
        ({"expires": None}, (None, NIGHT)),
        ({"send_window": None}, (None, None)),
    ):
        task = (await client.put(f"/task/{ready_task}", wish)).json
        assert (task["expires"], task["send_window"]) == expected
        known = await database.fetch_row("SELECT send_window, closes_at < now() AS shut FROM sending")
        assert known is None or (known["send_window"], known["shut"]) == (expected[1], expected[1] is not None)


async def test_a_form_says_the_same(client: Client, ready_task: int) -> None:
    window = b"send_window[from]=22:00&send_window[to]=06:30&send_window[timezone]=Europe/London"
    body = window + b"&send_window[days][]=mon&send_window[days][]=sun&expires=%d.5" % LATER
    put = await client.put(f"/task/{ready_task}", body, headers=FORM)
    gone = await client.put(f"/task/{ready_task}", b"send_window=&expires=null", headers=FORM)

    assert (put.json["expires"], put.json["send_window"]) == (LATER + 0.5, NIGHT)
    assert (gone.json["expires"], gone.json["send_window"]) == (None, None)


@pytest.mark.parametrize(
    ("given", "faults"),
    [
        pytest.param({"expires": LATER}, {"expires"}, id="not later than its start"),
        pytest.param({"expires": 1}, {"expires"}, id="past"),
        pytest.param({"expires": "soon"}, {"expires"}, id="no time"),
        pytest.param({"send_window": []}, {"send_window"}, id="no window"),
        pytest.param({"send_window": {**NIGHT, "to": "22:00"}}, {"send_window"}, id="an empty one"),
        pytest.param({"send_window": {**NIGHT, "days": []}}, {"send_window.days"}, id="on no day"),
        pytest.param({"send_window": {**NIGHT, "days": ["Monday"]}}, {"send_window.days.0"}, id="on no such day"),
        pytest.param({"send_window": {**NIGHT, "days": [1]}}, {"send_window.days.0"}, id="days have names"),
        pytest.param({"send_window": {**NIGHT, "x": 1}}, {"send_window.x"}, id="more than a window"),
        pytest.param(
            {"send_window": {"from": "24:00", "to": "6", "timezone": "Mars/Base"}},
            {"send_window.from", "send_window.to", "send_window.timezone"},
            id="every fault at once",
        ),
        pytest.param({"send_window": {}}, {"send_window.from", "send_window.to", "send_window.timezone"}, id="nothing"),
    ],
)
async def test_what_is_wrong_is_named(
    client: Client, ready: Ready, ready_task: int, given: dict[str, Any], faults: set[str]
) -> None:
    for reply in (await client.post("/task", ready.task(**given)), await client.put(f"/task/{ready_task}", given)):
        assert (reply.status, reply.faults) == (400, faults)
