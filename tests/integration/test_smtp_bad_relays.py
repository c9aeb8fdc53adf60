"""The SMTP client and relays that are slow, or make no sense: it neither hangs nor falls over."""

import pytest

from tests.sinks.fake_relay import After, FakeRelay, Hang, Say, Slowly, Step
from tests.sinks.sending import LONG_LINE, SHORT, at, in_hand, send
from tests.sinks.witness import letters


class TestSlowRelays:
    @pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data"])
    async def test_no_answer_before_the_dot_is_unsent(self, stage: str) -> None:
        async with FakeRelay(at(stage, Hang())) as relay:
            witness, stop = await send(relay, letters(3), SHORT)

        assert stop is not None
        assert "too long" in stop.text
        assert witness.kinds == in_hand(stage, "unsent")

    async def test_no_answer_to_the_dot_is_in_doubt(self) -> None:
        async with FakeRelay(at("dot", Hang())) as relay:
            witness, _ = await send(relay, letters(3), SHORT)

        assert witness.kinds == ["doubtful", "unsent"]

    async def test_a_drip_does_not_stretch_the_timer(self) -> None:
        async with FakeRelay(at("mail", Slowly(b"250 " + b"x" * 10_000, 0.02))) as relay:
            witness, _ = await send(relay, letters(1), SHORT)

        assert witness.kinds == ["unsent"]

    async def test_a_relay_that_stops_reading_amid_the_content(self) -> None:
        async with FakeRelay(at("content", Hang())) as relay:
            witness, stop = await send(relay, letters(1, LONG_LINE * 16_000), SHORT)

        assert stop is not None
        assert witness.kinds == ["unsent"]
        assert witness.dots == []

    async def test_a_late_yes_is_a_yes(self) -> None:
        async with FakeRelay(at("dot", After(0.2, Say(b"250 2.0.0 at last\r\n")))) as relay:
            witness, _ = await send(relay, letters(3))

        assert witness.kinds == ["accepted"] * 3

    async def test_replies_in_single_octets(self) -> None:
        async with FakeRelay(at("dot", Slowly(b"250-2.0.0 que\r\n250 ued\r\n", 0.0))) as relay:
            witness, _ = await send(relay, letters(3))

        assert witness.kinds == ["accepted"] * 3
        assert witness.outcomes[0][1].text == "2.0.0 que ued"


class TestHostileRelays:
    @pytest.mark.parametrize("stage", ["connect", "ehlo", "mail", "rcpt", "data", "dot"])
    @pytest.mark.parametrize(
        "octets",
        [
            b"\0\xff\xfe garbage\r\n",
            b"\r\n",
            b"25\r\n",
            b"999 x\r\n",
            b"100 x\r\n",
            b"250x\r\n",
            b"HTTP/1.1 200 OK\r\n\r\n",
        ],
        ids=repr,
    )
    async def test_what_is_no_reply_ends_the_connection(self, stage: str, octets: bytes) -> None:
        async with FakeRelay(at(stage, Say(octets))) as relay:
            witness, stop = await send(relay, letters(3))

        assert stop is not None
        assert witness.kinds == (["doubtful", "unsent"] if stage == "dot" else in_hand(stage, "unsent"))

    @pytest.mark.parametrize(
        "octets", [b"250 " + b"x" * 200_000, b"250-x\r\n" * 20_000], ids=["one line", "many lines"]
    )
    async def test_a_reply_without_end(self, octets: bytes) -> None:
        async with FakeRelay(at("mail", Say(octets))) as relay:
            witness, _ = await send(relay, letters(2))

        assert witness.kinds == ["unsent"]

    async def test_a_long_line_is_read_and_not_kept(self) -> None:
        async with FakeRelay(at("dot", Say(b"250 " + b"x" * 10_000 + b"\r\n"))) as relay:
            witness, _ = await send(relay, letters(2))

        assert witness.kinds == ["accepted"] * 2
        assert len(witness.outcomes[0][1].text) == 500

    @pytest.mark.parametrize("reply", [b"503 5.5.1 nested MAIL\r\n", b"250 ok\r\n", b"500 what\r\n"])
    async def test_a_relay_that_loses_its_way_is_led_step_by_step(self, reply: bytes) -> None:
        """It says PIPELINING and cannot do it: DATA is answered amiss whenever it came in a group."""
        async with FakeRelay() as relay:

            def script(step: Step) -> Say | None:
                grouped = step.stage == "data" and relay.pipelined > len(seen)
                seen.extend([None] * (relay.pipelined - len(seen)))
                return Say(reply) if grouped else None

            seen: list[None] = []
            relay.script = script
            witness, stop = await send(relay, letters(5))

        assert stop is None
        assert witness.kinds == ["accepted"] * 5
        assert len(relay.ledger) == 5

    async def test_a_relay_that_never_makes_sense_spends_attempts_in_the_end(self) -> None:
        """Else its messages would come back for ever."""
        async with FakeRelay(at("data", Say(b"250 ok\r\n"))) as relay:
            witness, _ = await send(relay, letters(1))

        assert witness.kinds == ["deferred"]
