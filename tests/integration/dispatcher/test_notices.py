"""Single messages outside tasks, sent by a whole dispatcher to a scripted relay."""

import asyncio
from collections import Counter
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path

import aiohttp
import pytest

from services.dispatcher.notices import courier
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.journal_records import Mark, Record
from shared.bus.interface import Hint
from shared.postgres.database import Database
from tests.integration.dispatcher.dispatching import dispatching, eventually
from tests.integration.dispatcher.noticing import PROOF, abandon, add, one, proof, settled, states, until
from tests.servers.tcp_proxy import TcpProxy
from tests.sinks.fake_relay import DROP, After, End, FakeRelay, Say, Script, Step


async def test_a_notice_is_sent_once_as_it_stands(database: Database, tmp_path: Path) -> None:
    """Envelope and octets are its row's; when it is taken its content is forgotten, and its address is kept a while."""
    await add(database, PROOF)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await settled(database)

    (taken,) = relay.ledger
    assert (taken.sender, taken.recipients, taken.content) == (
        b"b+proof@bounce.example",
        (b"ann@example.org",),
        PROOF.content,
    )
    row = await one(database)
    assert (row["state"], row["attempt"], row["content"], row["address"]) == ("accepted", 1, None, "ann@example.org")


async def test_the_same_origin_makes_one(database: Database) -> None:
    """However often its cause comes; another account has origins of its own."""
    await asyncio.gather(*(add(database, PROOF) for _ in range(5)))
    await add(database, proof(1, account_id=2))

    assert await database.fetch_value("SELECT count(*) FROM notice WHERE account_id = 1") == 1
    assert await database.fetch_value("SELECT count(*) FROM notice WHERE account_id = 2") == 1


async def test_two_dispatchers_send_each_once(database: Database, tmp_path: Path) -> None:
    """Both claim as fast as they can."""
    await add(database, *(proof(number) for number in range(150)))
    async with (
        FakeRelay() as relay,
        dispatching(database, relay.port, tmp_path / "one"),
        dispatching(database, relay.port, tmp_path / "other"),
    ):
        found = await settled(database)

    assert Counter(relay.recipients()) == {f"person-{number}@example.org": 1 for number in range(150)}
    assert set(found.values()) == {"accepted"}


async def test_a_hint_is_quicker_than_the_sweep(database: Database, tmp_path: Path) -> None:
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path, sweep_seconds="3600") as running:
        await eventually(lambda: relay.connections == 0)
        await add(database, PROOF)
        await running.hinter._bus.hint("dispatcher", Hint("notices_due"))
        await settled(database)


@pytest.mark.parametrize(
    ("script", "state", "reason"),
    [
        pytest.param(
            lambda step: Say(b"550 5.1.1 no\r\n") if step.stage == "rcpt" else None, "failed", "5.1.1 no", id="5xx"
        ),
        pytest.param(
            lambda step: Say(b"451 4.3.0 later\r\n") if step.stage == "dot" else None,
            "failed",
            "retries exhausted: 4.3.0 later",
            id="4xx for ever",
        ),
        pytest.param(
            lambda step: DROP if step.stage == "dot" else None, "in_doubt", "closed", id="no answer to the dot"
        ),
        pytest.param(
            lambda step: End(took=True) if step.stage == "dot" else None, "in_doubt", "closed", id="taken in silence"
        ),
    ],
)
async def test_what_a_relay_makes_of_it(
    database: Database, tmp_path: Path, script: Script, state: str, reason: str
) -> None:
    """Refused for good is failed, for now is tried as often as the schedule says, in doubt is not sent again."""
    await add(database, PROOF)
    async with FakeRelay(script) as relay, dispatching(database, relay.port, tmp_path, retry_seconds="0,0"):
        await settled(database)
        first = relay.messages
        await add(database, proof(2))
        await settled(database)

    row = await one(database)
    assert (row["state"], reason in row["reason"]) == (state, True)
    # By the time the second has had its turn, nobody has looked at the first again.
    assert (first, relay.messages) == ((3, 6) if "exhausted" in reason else (1, 2))


async def test_greylisted_is_taken_the_second_time(database: Database, tmp_path: Path) -> None:
    """And not before its pause is over."""
    greylisting = lambda step: Say(b"451 later\r\n") if step.stage == "rcpt" and step.message == 1 else None  # noqa: E731 - a script
    await add(database, PROOF)
    async with FakeRelay(greylisting) as relay, dispatching(database, relay.port, tmp_path, retry_seconds="3600"):
        await until(database, "(SELECT attempt FROM notice) = 2")
        row = await one(database)
        assert (row["state"], row["owner"], row["begun"], relay.messages) == ("waiting", None, False, 1)
        assert await database.fetch_value("SELECT due_at > clock_timestamp() + interval '59 minutes' FROM notice")
        await database.execute("UPDATE notice SET due_at = clock_timestamp()")
        await settled(database)

    assert (await states(database), len(relay.ledger)) == ({"proof-1": "accepted"}, 1)


async def test_while_the_relay_is_away_nothing_is_begun(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No attempt is spent, nobody is in doubt when the process dies then, and it goes on when the relay is back."""
    monkeypatch.setattr(courier, "REST_SECONDS", 0.02)
    monkeypatch.setattr(courier, "LONGEST_REST_SECONDS", 0.02)
    await add(database, PROOF)
    async with FakeRelay() as relay, TcpProxy(f"smtp://127.0.0.1:{relay.port}") as proxy:
        await proxy.shut()
        async with dispatching(database, port_of(proxy), tmp_path):
            await until(database, "(SELECT epoch FROM notice) >= 3")
            row = await one(database)
            assert (row["state"], row["begun"], row["attempt"]) == ("waiting", False, 1)
            await proxy.open()
            await settled(database)

    assert len(relay.ledger) == 1


async def test_claimed_and_not_begun_goes_to_the_next_when_the_lease_is_over(
    database: Database, tmp_path: Path
) -> None:
    """The one who claimed it died on another machine: nothing of it can have been sent."""
    await add(database, PROOF)
    await abandon(database, 77, begun=False)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await settled(database)

    assert (await states(database), len(relay.ledger)) == ({"proof-1": "accepted"}, 1)


async def test_begun_by_one_who_fell_silent_is_in_doubt_and_not_sent(database: Database, tmp_path: Path) -> None:
    """Without his journal nobody can say whether its dot was out."""
    await add(database, PROOF)
    await abandon(database, 77, begun=True)
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path) as running:
        await settled(database)
        figures = await metrics(running.probes.addresses[0][1])

    row = await one(database)
    assert (row["state"], row["content"] is not None, relay.ledger) == ("in_doubt", True, [])
    assert 'postroom_notices_total{channel="email",state="in_doubt"} 1.0' in figures


async def metrics(port: int) -> str:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        return await answer.text()


@pytest.mark.parametrize(
    ("marks", "state", "copies"),
    [
        pytest.param((), "accepted", 1, id="before its dot: sent now"),
        pytest.param((Mark.NOT_TAKEN,), "accepted", 1, id="told that it was not taken: sent now"),
        pytest.param((Mark.DOT,), "in_doubt", 0, id="after its dot: in doubt"),
        pytest.param((Mark.DOT, Mark.ACCEPTED), "accepted", 0, id="after the answer: taken"),
        pytest.param((Mark.DOT, Mark.REFUSED), "failed", 0, id="after a refusal: refused"),
        pytest.param((Mark.DOT, Mark.DEFERRED), "accepted", 1, id="after a refusal for now: tried again"),
    ],
)
async def test_the_journal_of_who_died_says_how_far_it_had_come(
    database: Database, tmp_path: Path, marks: Iterable[Mark], state: str, copies: int
) -> None:
    """And a restart on its folder does not wait for the lease."""
    await add(database, PROOF)
    await abandon(database, 77, begun=True)
    await database.execute("UPDATE notice SET leased_until = clock_timestamp() + interval '1 hour'")
    journal = Journal(tmp_path / "notices", 77)
    number = (await one(database))["id"]
    for mark in marks:
        journal.write(Record(mark, 0, number, 1, 0, 1_000, 250, "said so"))
    journal.close()
    (tmp_path / "notices" / "77.journal").touch()  # it died: its journal stays even if there is nothing in it
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path, retry_seconds="0"):
        await settled(database)

    assert (await states(database), len(relay.ledger)) == ({"proof-1": state}, copies)


async def test_an_orderly_stop_waits_for_the_reply_and_gives_back_the_rest(database: Database, tmp_path: Path) -> None:
    """Nobody is in doubt after it, and nothing is held."""
    await add(database, *(proof(number) for number in range(30)))
    slow = lambda step: After(0.2, Say(b"250 ok\r\n")) if step.stage == "dot" else None  # noqa: E731 - a script
    async with FakeRelay(slow) as relay:
        async with dispatching(database, relay.port, tmp_path):
            await eventually(lambda: len(relay.ledger) > 0)
        sent = len(relay.ledger)

    assert 0 < sent < 30
    assert Counter((await states(database)).values()) == {"accepted": sent, "waiting": 30 - sent}
    assert await database.fetch_value("SELECT count(*) FROM notice WHERE owner IS NOT NULL OR begun") == 0


async def test_an_answer_that_comes_after_the_lease_still_counts(database: Database, tmp_path: Path) -> None:
    """Somebody else called it in doubt meanwhile; what the relay said is true all the same."""
    await add(database, PROOF)
    async with FakeRelay() as relay, TcpProxy(f"smtp://127.0.0.1:{relay.port}") as proxy:
        with ExitStack() as network:

            def freeze(step: Step) -> None:
                if step.stage == "dot":
                    network.enter_context(proxy.frozen())

            relay.script = freeze
            async with dispatching(database, port_of(proxy), tmp_path):
                await eventually(lambda: len(relay.ledger) == 1)
                await database.execute("UPDATE notice SET state = 'in_doubt', owner = NULL")
                network.close()
                await until(database, "(SELECT state FROM notice) = 'accepted'")

    assert len(relay.ledger) == 1


def port_of(proxy: TcpProxy) -> int:
    return int(proxy.url.rpartition(":")[2])


async def test_a_notice_that_expired_is_neither_sent_nor_kept(database: Database, tmp_path: Path) -> None:
    """Address and content go; that there was one, and what became of it, stays."""
    await add(database, proof(1, expires_seconds=0.0), proof(2))
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await settled(database)
        await database.execute("UPDATE notice SET expires_at = clock_timestamp()")
        await until(database, "NOT EXISTS (SELECT FROM notice WHERE address IS NOT NULL)")

    assert await states(database) == {"proof-1": "failed", "proof-2": "accepted"}
    assert relay.recipients() == ["person-2@example.org"]
    rows = await database.fetch("SELECT content, reason FROM notice ORDER BY origin")
    assert [(row["content"], row["reason"]) for row in rows] == [(None, "expired"), (None, "")]


async def test_an_address_that_cannot_be_written_to_fails_alone(database: Database, tmp_path: Path) -> None:
    await add(database, proof(1, address="no address"), proof(2))
    async with FakeRelay() as relay, dispatching(database, relay.port, tmp_path):
        await settled(database)

    assert await states(database) == {"proof-1": "failed", "proof-2": "accepted"}
    assert relay.recipients() == ["person-2@example.org"]
