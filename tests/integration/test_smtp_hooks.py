"""The SMTP client keeps its word to the sender: asks before each dot, and tells each message's outcome once."""

import asyncio
from collections.abc import Iterable

import pytest

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Outgoing
from tests.sinks.fake_relay import FakeRelay, Hang, Step
from tests.sinks.sending import LONG_LINE, send, session_for
from tests.sinks.witness import Witness, letters


class TestTheCallersWord:
    async def test_a_dot_not_allowed_is_not_sent(self) -> None:
        """Nor is the envelope behind it, and the connection is gone with what was half said."""
        async with FakeRelay() as relay:
            witness, stop = await send(relay, letters(10), witness=Witness(may_send=3))

        assert stop is not None
        assert stop.kind is OutcomeKind.UNSENT
        assert witness.kinds == ["accepted"] * 3 + ["unsent"] * 2
        assert len(relay.ledger) == 3

    async def test_the_word_is_asked_for_each_dot_before_it_leaves(self) -> None:
        told: list[tuple[str, int]] = []

        class Order(Witness):
            def before_dot(self, ordinal: int) -> bool:
                told.append(("asked", ordinal))
                assert len(relay.ledger) == ordinal
                return True

            def on_outcome(self, ordinal: int, outcome: Outcome) -> None:
                told.append(("told", ordinal))

        async with FakeRelay() as relay:
            await send(relay, letters(3), witness=Order())

        assert told == [(what, n) for n in range(3) for what in ("asked", "told")]

    @pytest.mark.parametrize("hook", ["before_dot", "on_outcome", "source"])
    async def test_what_the_caller_raises_comes_out_and_nothing_is_left_untold(self, hook: str) -> None:
        class Broken(Witness):
            def before_dot(self, ordinal: int) -> bool:
                if hook == "before_dot" and ordinal == 2:
                    raise OSError("journal full")
                return super().before_dot(ordinal)

            def on_outcome(self, ordinal: int, outcome: Outcome) -> None:
                super().on_outcome(ordinal, outcome)
                if hook == "on_outcome" and ordinal == 2:
                    raise OSError("journal full")

        taken = []

        def making() -> Iterable[Outgoing]:
            for message in letters(6):
                if hook == "source" and message.ordinal == 4:
                    raise OSError("no more")
                taken.append(message.ordinal)
                yield message

        witness = Broken()
        async with FakeRelay() as relay:
            with pytest.raises(OSError, match=r"journal full|no more"):
                await send(relay, making(), witness=witness)

        witness.assert_each_once(len(taken))
        doubtful = {ordinal for ordinal, outcome in witness.outcomes if outcome.kind is OutcomeKind.DOUBTFUL}
        assert doubtful <= set(witness.dots)

    @pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "data", "content", "dot"])
    async def test_cancelled_it_lets_go_at_once_and_tells_all(self, stage: str) -> None:
        reached = asyncio.Event()

        def script(step: Step) -> Hang | None:
            if step.stage == stage and (step.message == 2 or stage in ("connect", "ehlo")):
                reached.set()
                return Hang()
            return None

        taken = []

        def making() -> Iterable[Outgoing]:
            for message in letters(6, LONG_LINE * (10_000 if stage == "content" else 1)):
                taken.append(message.ordinal)
                yield message

        witness = Witness()
        async with FakeRelay(script) as relay:
            session = session_for(relay)
            sending = asyncio.create_task(session.send_all(making(), witness))
            await asyncio.wait_for(reached.wait(), 10)
            sending.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sending

        witness.assert_each_once(len(taken))
        expected: dict[str, list[str]] = {"connect": [], "ehlo": [], "dot": ["accepted", "doubtful", "unsent"]}
        assert witness.kinds == expected.get(stage, ["accepted", "unsent"])
