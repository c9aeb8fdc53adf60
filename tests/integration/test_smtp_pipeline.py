"""The SMTP client and a relay that does as it should."""

from collections import Counter
from collections.abc import Iterable

from services.dispatcher.channels.interface import Outgoing
from services.dispatcher.channels.smtp.relay_address import RelayAddress
from services.dispatcher.channels.smtp.session import SessionSettings, SmtpSession
from tests.sinks.fake_relay import End, FakeRelay, Say, Step
from tests.sinks.sending import LONG_LINE, at, send, session_for, until
from tests.sinks.witness import Witness, letters


class TestGoodRelay:
    async def test_every_message_arrives_once_and_whole(self) -> None:
        """Dots at the beginning of lines, bare line breaks and all."""
        bodies = [b".\r\n..a\r\n.b", b"", b"x" * 5000, "ä\r\n".encode(), b"a\nb\rc\r\n"]
        messages = [
            Outgoing(n, b"s@x.de", b"r%d@x.de" % n, b"Subject: q\r\n\r\n" + body) for n, body in enumerate(bodies)
        ]
        async with FakeRelay() as relay:
            witness, stop = await send(relay, messages)

        assert stop is None
        assert witness.kinds == ["accepted"] * 5
        contents = [taken.content.removeprefix(b"Subject: q\r\n\r\n") for taken in relay.ledger]
        assert contents == [b".\r\n..a\r\n.b\r\n", b"", b"x" * 5000 + b"\r\n", "ä\r\n".encode(), b"a\r\nb\r\nc\r\n"]

    async def test_envelopes_follow_the_dot_in_one_write(self) -> None:
        async with FakeRelay() as relay:
            await send(relay, letters(50))

        # RCPT and DATA behind each MAIL; each MAIL but the first came with the content before it.
        assert relay.pipelined == 100
        assert relay.connections == 1

    async def test_without_pipelining_one_command_at_a_time(self) -> None:
        async with FakeRelay(extensions=("8BITMIME",)) as relay:
            witness, _ = await send(relay, letters(20))

        assert relay.pipelined == 0
        assert witness.kinds == ["accepted"] * 20

    async def test_a_relay_without_ehlo_is_greeted_with_helo(self) -> None:
        def script(step: Step) -> Say | None:
            return Say(b"502 5.5.2 what?\r\n") if step.argument.startswith(b"EHLO") else None

        async with FakeRelay(script, extensions=("PIPELINING",)) as relay:
            witness, _ = await send(relay, letters(3))

        assert relay.pipelined == 0
        assert witness.kinds == ["accepted"] * 3

    async def test_a_fresh_connection_after_so_many_messages(self) -> None:
        async with FakeRelay() as relay:
            witness = Witness()
            session = session_for(relay, messages_per_connection=7)
            await session.send_all(letters(20), witness)
            await session.close()

        assert relay.connections == 3
        assert max(Counter(taken.connection for taken in relay.ledger).values()) == 7
        witness.assert_each_once(20)

    async def test_the_connection_is_kept_between_calls(self) -> None:
        async with FakeRelay() as relay:
            witness, session = Witness(), session_for(relay)
            await session.send_all(letters(3), witness)
            await session.send_all(letters(3), witness)
            await session.close()

        assert relay.connections == 1
        assert witness.kinds == ["accepted"] * 6

    async def test_no_message_is_taken_before_there_is_a_connection(self) -> None:
        """Whether a message may still go is asked when it is taken; opening a connection may take long."""
        async with FakeRelay(lambda step: Say(b"554 not you\r\n") if step.stage == "connect" else None) as relay:
            waiting = iter(letters(3))
            witness = Witness()
            stop = await SmtpSession(RelayAddress("127.0.0.1", relay.port)).send_all(waiting, witness)

        assert stop is not None
        assert witness.kinds == []
        assert len(list(waiting)) == 3

    async def test_an_idle_connection_is_closed(self) -> None:
        async with FakeRelay() as relay:
            session = SmtpSession(RelayAddress("127.0.0.1", relay.port), SessionSettings(idle_seconds=0.05))
            await session.send_all(letters(1), Witness())
            await until(lambda: not relay.open_connections)

        assert relay.commands[-1] == b"QUIT"

    async def test_a_connection_the_relay_closed_meanwhile_is_replaced(self) -> None:
        async with FakeRelay(at("dot", End(took=True, say=b"250 ok\r\n"), message=1)) as relay:
            witness, session = Witness(), session_for(relay)
            await session.send_all(letters(1), witness)
            await session.send_all(letters(1), witness)
            await session.close()

        assert witness.kinds == ["accepted"] * 2
        assert len(relay.ledger) == 2

    async def test_messages_are_taken_only_as_they_are_sent(self) -> None:
        """The caller makes each message when it is asked for; two ahead of the last answer is the most."""
        taken = []
        witness = Witness()

        def making() -> Iterable[Outgoing]:
            for message in letters(30):
                taken.append(message.ordinal)
                assert len(taken) - len(witness.outcomes) <= 2
                yield message

        async with FakeRelay() as relay:
            await send(relay, making(), witness=witness)

        assert taken == list(range(30))

    async def test_a_content_larger_than_any_buffer(self) -> None:
        body = LONG_LINE * 10_000
        async with FakeRelay() as relay:
            witness, _ = await send(relay, letters(3, body))

        assert witness.kinds == ["accepted"] * 3
        assert all(taken.content.endswith(body) for taken in relay.ledger)
