"""A session that receives in a slot: what stands there after each dot, in clear and under TLS, and who may read on."""

import asyncio
import ssl
from pathlib import Path

import pytest

from services.dispatcher.channels.interface import Outcome
from services.dispatcher.channels.smtp.relay_address import RelayAddress, StartTls
from services.dispatcher.channels.smtp.reply_slots import Left, ReplySlots, machine_run, read_left
from services.dispatcher.channels.smtp.session import SessionSettings, SmtpSession
from tests.integration.test_event_loop import on_our_loop
from tests.sinks.fake_relay import FakeRelay, Say, Step
from tests.sinks.witness import Witness, letters

WITH_TLS = ("PIPELINING", "STARTTLS")


class Listening:
    """A witness that notes what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, int]] = []

    def hold(self, number: int, descriptor: int) -> bool:
        self.told.append(("hold", number))
        return True

    def let_go(self, number: int) -> None:
        self.told.append(("let go", number))

    def end(self) -> None:
        """Nothing was started."""


class Naming(Witness):
    """Names its dots, and looks into the slots when it hears of one."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.seen: dict[int, list[Left]] = {}

    def before_dot(self, ordinal: int) -> bool | bytes:  # type: ignore[override]  # as the hooks are in truth
        return super().before_dot(ordinal) and b"dot %d" % ordinal

    def on_outcome(self, ordinal: int, outcome: Outcome) -> None:
        super().on_outcome(ordinal, outcome)
        self.seen[ordinal] = list(read_left(self.path.read_bytes(), machine_run()))


async def send(
    relay: FakeRelay, folder: Path, starttls: StartTls, trust: ssl.SSLContext | None = None, most: int = 100
) -> tuple[Naming, Listening]:
    hooks, witness = Naming(folder / "11.replies"), Listening()
    slots = ReplySlots(hooks.path, 1, lambda file: witness)
    address = RelayAddress("127.0.0.1", relay.port, starttls=starttls)
    session = SmtpSession(address, SessionSettings(messages_per_connection=most), trust, slots)
    await asyncio.wait_for(session.send_all(letters(3), hooks), 30)
    await session.close()
    assert list(read_left(hooks.path.read_bytes(), machine_run())) == [], "with the session its dots are done"
    slots.close()
    return hooks, witness


def answer(step: Step) -> Say | None:
    return Say(b"250 taken %d\r\n" % step.message) if step.stage == "dot" else None


class TestReplies:
    @pytest.mark.parametrize("starttls", ["none", "require"])
    def test_they_do_on_the_loop_of_the_services(
        self, tmp_path: Path, server_tls: ssl.SSLContext, trusting: ssl.SSLContext, starttls: StartTls
    ) -> None:
        """Which is another one than that of the tests, where its wheels are."""

        async def work() -> Naming:
            async with FakeRelay(answer, extensions=WITH_TLS, tls=server_tls) as relay:
                hooks, witness = await send(relay, tmp_path, starttls, trusting)
            assert bool(witness.told) is (starttls == "none")
            return hooks

        seen = on_our_loop(work).seen
        assert [left[0].octets.splitlines()[0] for _, left in sorted(seen.items())] == [
            b"250 taken %d" % number for number in (1, 2, 3)
        ]

    @pytest.mark.parametrize("starttls", ["none", "require"])
    async def test_each_stands_in_the_slot_before_anybody_hears_of_it(
        self, tmp_path: Path, server_tls: ssl.SSLContext, trusting: ssl.SSLContext, starttls: StartTls
    ) -> None:
        """Under TLS what is meant, not what went over the line."""
        async with FakeRelay(answer, extensions=WITH_TLS, tls=server_tls) as relay:
            hooks, _ = await send(relay, tmp_path, starttls, trusting)

        assert hooks.kinds == ["accepted"] * 3
        for ordinal, left in hooks.seen.items():
            [(name, octets)] = left
            assert (name, octets.splitlines()[0]) == (b"dot %d" % ordinal, b"250 taken %d" % (ordinal + 1))

    async def test_one_that_came_with_another_is_nobody_s(self, tmp_path: Path) -> None:
        """What the relay says unasked behind its word to DATA would pass for the reply to the dot."""

        def unasked(step: Step) -> Say | None:
            return Say(b"354 go on\r\n250 what\r\n") if step.stage == "data" and step.message == 1 else answer(step)

        async with FakeRelay(unasked) as relay:
            hooks, _ = await send(relay, tmp_path, "none")

        assert hooks.seen[0] == []

    async def test_they_do_when_a_session_that_was_closed_sends_on(self, tmp_path: Path) -> None:
        """As one does that gave up its seat at the relay and has another."""
        hooks, witness = Naming(tmp_path / "11.replies"), Listening()
        slots = ReplySlots(hooks.path, 1, lambda file: witness)
        async with FakeRelay(answer) as relay:
            session = SmtpSession(RelayAddress("127.0.0.1", relay.port, starttls="none"), slots=slots)
            await asyncio.wait_for(session.send_all(letters(1), hooks), 30)
            await session.close()
            await asyncio.wait_for(session.send_all(letters(1), hooks), 30)

            assert [left.name for left in hooks.seen[0]] == [b"dot 0"]
            await session.close()
        assert witness.told == [("hold", 1), ("let go", 1)] * 2
        slots.close()


class TestWitnessed:
    async def test_each_connection_in_clear_is_held_until_it_is_closed(self, tmp_path: Path) -> None:
        async with FakeRelay(answer) as relay:
            _, witness = await send(relay, tmp_path, "none", most=2)

        assert witness.told == [("hold", 1), ("let go", 1)] * 2

    async def test_none_under_tls_is(
        self, tmp_path: Path, server_tls: ssl.SSLContext, trusting: ssl.SSLContext
    ) -> None:
        """Whoever has not got its keys could only spoil the slot."""
        async with FakeRelay(answer, extensions=WITH_TLS, tls=server_tls) as relay:
            _, witness = await send(relay, tmp_path, "require", trusting)

        assert witness.told == []
