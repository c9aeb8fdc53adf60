"""What the SMTP client makes of a no: for the recipient, for now, or for us."""

import pytest

from services.dispatcher.channels.interface import OutcomeKind, Outgoing, Stage
from tests.sinks.fake_relay import FakeRelay, Say, Step
from tests.sinks.sending import at, in_hand, send
from tests.sinks.witness import letters

REFUSALS = [
    pytest.param("mail", b"451 4.3.0 later\r\n", "deferred", Stage.MAIL, id="MAIL 4xx"),
    pytest.param("rcpt", b"450 4.2.0 greylisted\r\n", "deferred", Stage.RCPT, id="RCPT 4xx"),
    pytest.param("rcpt", b"550 5.1.1 unknown\r\n", "refused", Stage.RCPT, id="RCPT 5xx"),
    pytest.param("rcpt", b"551-5.1.6 moved\r\n551 5.1.6 away\r\n", "refused", Stage.RCPT, id="RCPT 5xx on two lines"),
    pytest.param("data", b"451 4.3.0 later\r\n", "deferred", Stage.DATA, id="DATA 4xx"),
    pytest.param("data", b"554 5.3.0 no\r\n", "refused", Stage.DATA, id="DATA 5xx"),
    pytest.param("dot", b"451 4.3.0 later\r\n", "deferred", Stage.DOT, id="dot 4xx"),
    pytest.param("dot", b"554 5.7.1 spam\r\n", "refused", Stage.DOT, id="dot 5xx"),
]


class TestRefusals:
    @pytest.mark.parametrize("extensions", [("PIPELINING",), ()], ids=["pipelined", "stepwise"])
    @pytest.mark.parametrize(("stage", "reply", "kind", "at_stage"), REFUSALS)
    async def test_one_refused_message_leaves_the_others_alone(
        self, stage: str, reply: bytes, kind: str, at_stage: Stage, extensions: tuple[str, ...]
    ) -> None:
        async with FakeRelay(at(stage, Say(reply), message=3), extensions) as relay:
            witness, stop = await send(relay, letters(6))

        assert stop is None
        assert witness.kinds == ["accepted", "accepted", kind, "accepted", "accepted", "accepted"]
        assert dict(witness.outcomes)[2].stage is at_stage
        assert relay.recipients() == [f"r{n}@example.org" for n in (0, 1, 3, 4, 5)]
        assert relay.connections == 1

    @pytest.mark.parametrize(("stage", "reply", "kind", "at_stage"), REFUSALS)
    async def test_every_message_refused(self, stage: str, reply: bytes, kind: str, at_stage: Stage) -> None:
        async with FakeRelay(at(stage, Say(reply))) as relay:
            witness, stop = await send(relay, letters(5))

        assert stop is None
        assert witness.kinds == [kind] * 5
        assert relay.ledger == []

    async def test_a_refused_recipient_whose_data_was_accepted_is_closed_by_a_lone_dot(self) -> None:
        """And that dot is no message: nobody gets an empty mail, and the caller is not asked for it."""

        def script(step: Step) -> Say | None:
            if step.message == 2 and step.stage == "rcpt":
                return Say(b"550 5.1.1 unknown\r\n")
            return Say(b"354 whatever\r\n") if step.message == 2 and step.stage == "data" else None

        async with FakeRelay(script) as relay:
            witness, _ = await send(relay, letters(4))

        assert witness.kinds == ["accepted", "refused", "accepted", "accepted"]
        assert witness.dots == [0, 2, 3]
        assert relay.recipients() == ["r0@example.org", "r2@example.org", "r3@example.org"]
        assert relay.connections == 1

    async def test_no_dot_where_the_recipient_may_stand(self) -> None:
        """MAIL refused, RCPT and DATA taken all the same: a lone dot could send somebody an empty message."""

        def script(step: Step) -> Say | None:
            replies = {"mail": b"451 4.3.0 later\r\n", "rcpt": b"250 ok\r\n", "data": b"354 go\r\n"}
            return Say(replies[step.stage]) if step.message == 2 and step.stage in replies else None

        async with FakeRelay(script) as relay:
            witness, _ = await send(relay, letters(4))

        assert witness.kinds == ["accepted", "deferred", "accepted", "accepted"]
        assert relay.recipients() == ["r0@example.org", "r2@example.org", "r3@example.org"]

    async def test_a_refusal_does_not_keep_the_address(self) -> None:
        async with FakeRelay(at("rcpt", Say(b"550 5.1.1 <R0@Example.ORG> unknown\r\n"))) as relay:
            witness, _ = await send(relay, letters(1))

        assert witness.outcomes[0][1].text == "5.1.1 <recipient> unknown"

    @pytest.mark.parametrize(
        ("sender", "recipient"),
        [
            (b"s@x.de", b"a@x.de>\r\nRCPT TO:<b@x.de"),
            (b"s@x.de\r\nDATA", b"a@x.de"),
            (b"s@x.de", b"a b@x.de"),
            (b"s@x.de", b"a\0@x.de"),
            (b"s@x.de", b"<a@x.de>"),
            (b"s@x.de", b""),
            (b"s@x.de", b"a" * 5000 + b"@x.de"),
        ],
    )
    async def test_an_address_that_would_be_another_command_is_refused_unsaid(
        self, sender: bytes, recipient: bytes
    ) -> None:
        good = letters(2)
        async with FakeRelay() as relay:
            witness, _ = await send(
                relay, [good[0], Outgoing(1, sender, recipient, b"x\r\n"), Outgoing(2, *_of(good[1]))]
            )

        assert witness.kinds == ["accepted", "refused", "accepted"]
        assert relay.messages == 2

    async def test_addresses_beyond_ascii_need_smtputf8(self) -> None:
        message = Outgoing(0, b"s@x.de", "jörg@x.de".encode(), b"x\r\n")
        async with FakeRelay() as able, FakeRelay(extensions=("PIPELINING",)) as unable:
            taken, _ = await send(able, [message])
            refused, _ = await send(unable, [message])

        assert taken.kinds == ["accepted"]
        assert b"MAIL FROM:<s@x.de> SMTPUTF8 BODY=8BITMIME" in able.commands
        assert refused.kinds == ["refused"]
        assert unable.messages == 0

    async def test_smtputf8_is_asked_for_only_where_it_is_needed(self) -> None:
        async with FakeRelay() as relay:
            await send(relay, letters(1))

        assert b"MAIL FROM:<b+0@bounce.example>" in relay.commands


def _of(message: Outgoing) -> tuple[bytes, bytes, bytes]:
    return message.sender, message.recipient, message.content


class TestBlocked:
    """The relay refuses us: nobody's attempt is spent, and no second message is tried."""

    @pytest.mark.parametrize(
        ("stage", "reply"),
        [
            ("connect", b"554 5.7.1 go away\r\n"),
            ("ehlo", b"550 5.7.1 who?\r\n"),
            ("mail", b"550 5.7.1 not you\r\n"),
            ("mail", b"530 5.7.0 authenticate\r\n"),
            ("rcpt", b"530 5.7.0 authenticate\r\n"),
            ("rcpt", b"550 5.1.8 your sender's domain does not exist\r\n"),
        ],
    )
    async def test_the_relay_refuses_us(self, stage: str, reply: bytes) -> None:
        source = iter(letters(5))
        async with FakeRelay(at(stage, Say(reply))) as relay:
            witness, stop = await send(relay, source)

        assert stop is not None
        assert stop.kind is OutcomeKind.BLOCKED
        assert witness.kinds == in_hand(stage, "blocked")
        assert len(witness.kinds) + len(list(source)) == 5

    async def test_blocked_at_a_dot_sets_the_one_behind_it_free(self) -> None:
        async with FakeRelay(at("dot", Say(b"535 5.7.8 credentials expired\r\n"), message=2)) as relay:
            witness, stop = await send(relay, letters(5))

        assert stop is not None
        assert witness.kinds == ["accepted", "blocked", "unsent"]
