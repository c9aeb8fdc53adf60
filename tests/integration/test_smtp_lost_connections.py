"""What the SMTP client makes of a connection that ends: in doubt, or free to be sent again."""

from collections import Counter

import pytest

from services.dispatcher.channels.interface import OutcomeKind, Stage
from services.dispatcher.channels.smtp.relay_address import RelayAddress
from services.dispatcher.channels.smtp.session import SmtpSession
from tests.sinks.fake_relay import DROP, RESET, End, FakeRelay, Step
from tests.sinks.sending import LONG_LINE, at, in_hand, send
from tests.sinks.witness import Witness, letters


class TestLostConnections:
    @pytest.mark.parametrize("ending", [DROP, RESET], ids=["closed", "reset"])
    async def test_lost_after_the_dot_is_in_doubt(self, ending: End) -> None:
        async with FakeRelay(at("dot", ending, message=3)) as relay:
            witness, stop = await send(relay, letters(6))

        assert stop is None
        assert witness.kinds == ["accepted", "accepted", "doubtful", "accepted", "accepted", "accepted"]
        assert relay.connections == 2

    @pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
    @pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "stepwise"])
    async def test_lost_before_the_dot_is_sent_again_elsewhere(self, stage: str, extensions: tuple[str, ...]) -> None:
        async with FakeRelay(at(stage, DROP, message=3), extensions) as relay:
            witness, stop = await send(relay, letters(5))

        assert stop is None
        assert witness.kinds == ["accepted"] * 5
        assert relay.recipients() == [f"r{n}@example.org" for n in range(5)]

    async def test_lost_amid_a_large_content_is_no_doubt(self) -> None:
        """Its dot was never written: no journal entry, and sent again."""
        async with FakeRelay(at("content", RESET, message=2)) as relay:
            witness, stop = await send(relay, letters(3, LONG_LINE * 10_000))

        assert stop is None
        assert witness.kinds == ["accepted"] * 3
        assert witness.dots == [0, 1, 2]

    async def test_a_relay_that_drops_everybody_at_the_dot_is_not_fed_on(self) -> None:
        source = iter(letters(100))
        async with FakeRelay(at("dot", DROP)) as relay:
            witness, stop = await send(relay, source)

        assert stop is not None
        assert stop.kind is OutcomeKind.DOUBTFUL
        assert witness.kinds == ["doubtful", "unsent"]
        assert len(list(source)) == 98

    @pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data"])
    async def test_a_relay_that_drops_everybody_earlier_spends_nothing(self, stage: str) -> None:
        source = iter(letters(10))
        async with FakeRelay(at(stage, DROP)) as relay:
            witness, stop = await send(relay, source)

        assert stop is not None
        assert stop.kind is OutcomeKind.UNSENT
        assert witness.kinds == in_hand(stage, "unsent")
        assert len(witness.kinds) + len(list(source)) == 10

    async def test_no_relay_at_all(self) -> None:
        async with FakeRelay() as relay:
            port = relay.port
        witness = Witness()
        session = SmtpSession(RelayAddress("127.0.0.1", port))
        stop = await session.send_all(letters(3), witness)

        assert stop is not None
        assert (stop.kind, stop.stage) == (OutcomeKind.UNSENT, Stage.CONNECT)
        assert witness.kinds == []

    async def test_closed_right_after_ehlo_does_not_go_round_for_ever(self) -> None:
        async with FakeRelay(at("ehlo", End(say=b"250 fake\r\n"))) as relay:
            witness, stop = await send(relay, letters(3))

        assert stop is not None
        assert witness.kinds == ["unsent"]
        assert relay.connections == 1


class TestServiceNotAvailable:
    """421 ends the connection; only the message whose dot it answers has had an attempt."""

    async def test_in_answer_to_a_dot(self) -> None:
        async with FakeRelay(at("dot", End(say=b"421 4.3.2 shutting down\r\n"), message=2)) as relay:
            witness, stop = await send(relay, letters(4))

        assert stop is None
        assert witness.kinds == ["accepted", "deferred", "accepted", "accepted"]

    @pytest.mark.parametrize("stage", ["mail", "rcpt", "data"])
    async def test_earlier_it_is_sent_again_elsewhere(self, stage: str) -> None:
        async with FakeRelay(at(stage, End(say=b"421 4.3.2 shutting down\r\n"), message=3)) as relay:
            witness, stop = await send(relay, letters(5))

        assert stop is None
        assert witness.kinds == ["accepted"] * 5
        assert len(relay.ledger) == 5

    async def test_after_every_third_message(self) -> None:
        answered: Counter[int] = Counter()

        def script(step: Step) -> End | None:
            answered[step.connection] += step.stage == "dot"
            return End(say=b"421 4.7.0 enough\r\n") if step.stage == "mail" and answered[step.connection] == 3 else None

        async with FakeRelay(script) as relay:
            witness, stop = await send(relay, letters(20))

        assert stop is None
        assert witness.kinds == ["accepted"] * 20
        assert relay.connections == 7

    async def test_a_relay_that_says_it_to_every_dot_is_not_fed_on(self) -> None:
        """It would spend an attempt of everybody."""
        async with FakeRelay(at("dot", End(say=b"421 4.3.2 shutting down\r\n"))) as relay:
            witness, stop = await send(relay, letters(10))

        assert stop is not None
        assert witness.kinds == ["deferred", "unsent"]

    async def test_instead_of_a_greeting(self) -> None:
        async with FakeRelay(at("connect", End(say=b"421 4.3.2 busy\r\n"))) as relay:
            witness, stop = await send(relay, letters(2))

        assert stop is not None
        assert (stop.kind, stop.code, stop.stage) == (OutcomeKind.UNSENT, 421, Stage.CONNECT)
        assert witness.kinds == []
