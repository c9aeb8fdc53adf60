"""Notices by SMS: the confirmation of an opt-out, from the STOP that comes in to the gateway that takes it."""

from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from services.dispatcher.channels.sms_http.gateway_address import GatewayAddress, parse_gateway_url
from services.dispatcher.channels.sms_http.session import SmsHttpSession
from services.tracker.app import start_tracker
from shared.bus.in_process import InProcess
from shared.delivery_log.append import DeliveryLog
from shared.domain.tokens import Token, TokenKind
from shared.event_store.on_postgres import PostgresEventStore
from shared.notices.record import NewNotice
from shared.postgres.database import Database
from shared.runtime.settings import read_settings
from tests.integration.dispatcher.dispatching import KEYS, SECRET_TEXT, dispatching, eventually
from tests.integration.dispatcher.noticing import PROOF, add, courier, one, settled, states, tools_for
from tests.integration.dispatcher.texting import texting
from tests.sinks.fake_gateway import FakeGateway, Step, answer
from tests.sinks.fake_relay import DROP, Action, FakeRelay

CONFIRMATION = NewNotice(
    account_id=1,
    channel="sms",
    purpose="stop_confirmation",
    origin="inbound-sms-1",
    sender="60777",
    address="+447700900123",
    content="You said stop. ✓",
    expires_seconds=3_600.0,
)


async def test_an_sms_notice_goes_to_the_gateway_once(database: Database, tmp_path: Path) -> None:
    """Its id is a token of the notice: a receipt for it is genuine and of no task."""
    await add(database, CONFIRMATION)
    async with FakeGateway() as gateway, texting(database, gateway, tmp_path):
        await settled(database)

    (sms,) = gateway.ledger
    assert (sms["from"], sms["to"], sms["body"]) == ("60777", "+447700900123", "You said stop. ✓")
    number = (await one(database, CONFIRMATION.origin))["id"]
    assert KEYS.read_web(sms["id"]) == Token(-number, 0, TokenKind.RECEIPT, 0)


@pytest.mark.parametrize(
    ("action", "state", "requests"),
    [
        pytest.param(answer(422, "no such number"), "failed", 1, id="refused"),
        pytest.param(answer(503), "failed", 3, id="away for ever"),
        pytest.param(DROP, "in_doubt", 1, id="no answer"),
    ],
)
async def test_what_a_gateway_makes_of_it(
    database: Database, tmp_path: Path, action: Action, state: str, requests: int
) -> None:
    """As with mail: the last byte of the request is the dot."""
    await add(database, CONFIRMATION)
    script = lambda step: action if step.stage == "request" else None  # noqa: E731 - a script
    async with FakeGateway(script) as gateway, texting(database, gateway, tmp_path, retry_seconds="0,0"):
        await settled(database)

    assert (await states(database), len(gateway.requests)) == ({CONFIRMATION.origin: state}, requests)


async def test_a_gateway_that_wants_rest_has_it(database: Database, tmp_path: Path) -> None:
    """429 with Retry-After: nothing more goes over this line before, not even what is due."""
    await add(database, CONFIRMATION, replace(CONFIRMATION, origin="inbound-sms-2"))
    moment = [0.0]

    def tired(step: Step) -> Action | None:
        return answer(429, "", "Retry-After: 60") if (step.stage, step.request) == ("request", 1) else None

    async with FakeGateway(tired) as gateway:
        address = parse_gateway_url(gateway.url)
        assert isinstance(address, GatewayAddress)
        tools = tools_for(database, tmp_path, lambda: moment[0])
        async with courier(tools, "sms", SmsHttpSession(address, "http://track.example/r")) as alone:
            gone_on = [await alone.step(), await alone.step()]
            moment[0] = 59.0
            gone_on.append(await alone.step())
            asked = len(gateway.requests)
            moment[0] = 61.0
            gone_on.append(await alone.step())

    assert (gone_on, asked, len(gateway.requests)) == ([False, False, False, True], 1, 2)
    assert sorted((await states(database)).values()) == ["accepted", "waiting"]


async def test_without_a_way_to_send_it_an_sms_waits_and_mail_goes_on(database: Database, tmp_path: Path) -> None:
    await add(database, CONFIRMATION, replace(PROOF))
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await eventually(lambda: len(relay.ledger) == 1)

    row = await one(database, CONFIRMATION.origin)
    assert (row["state"], row["epoch"]) == ("waiting", 0)


async def test_a_stop_is_confirmed_by_the_number_it_was_sent_to(database: Database, tmp_path: Path) -> None:
    """Tracker and dispatcher together: once, at once by a hint, with the text of the settings."""
    bus = InProcess()
    given = {
        "POSTROOM_SECRET": SECRET_TEXT,
        "POSTROOM_TRACKER_PORT": "0",
        "POSTROOM_STOP_CONFIRMATION": "Bye. START brings you back.",
    }
    tracker = await start_tracker(
        read_settings(given, frozenset()), database, PostgresEventStore(database), DeliveryLog(database), bus
    )
    url = f"{tracker.url}/s/{KEYS.web(1, 0, TokenKind.INBOUND)}"
    async with aiohttp.ClientSession() as person, FakeGateway() as gateway, texting(database, gateway, tmp_path):
        for text in ("stop", "STOP!", "hello?", "quit"):
            body = {"from": "+447700900123", "to": "60777", "text": text}
            async with person.post(url, json=body) as answered:
                assert answered.status == 200
        await settled(database)
    await tracker.stop()
    await bus.close()

    assert [(sms["from"], sms["to"], sms["body"]) for sms in gateway.ledger] == [
        ("60777", "+447700900123", "Bye. START brings you back.")
    ]
