"""Coming to a relay: TLS by each policy, and credentials. What must not go in clear never does."""

import asyncio
import ssl

import pytest

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Stage
from services.dispatcher.channels.smtp.connection import Timers
from services.dispatcher.channels.smtp.relay_address import RelayAddress, StartTls
from services.dispatcher.channels.smtp.session import SessionSettings, SmtpSession
from tests.sinks.fake_relay import End, FakeRelay, Hang, Say, Step
from tests.sinks.witness import Witness, letters

WITH_TLS = ("PIPELINING", "STARTTLS", "AUTH PLAIN LOGIN")


async def send_three(
    relay: FakeRelay,
    starttls: StartTls = "opportunistic",
    trust: ssl.SSLContext | None = None,
    credentials: tuple[str, str] | None = None,
    smtps: bool = False,
) -> tuple[Witness, Outcome | None]:
    user, password = credentials or (None, None)
    address = RelayAddress("127.0.0.1", relay.port, smtps, starttls, user, password)
    session = SmtpSession(address, SessionSettings(timers=Timers(connect=1, tls=1)), trust)
    witness = Witness()
    stop = await asyncio.wait_for(session.send_all(letters(3), witness), 30)
    await session.close()
    return witness, stop


class TestTls:
    async def test_required_and_trusted(self, server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
        async with FakeRelay(extensions=WITH_TLS, tls=server_tls) as relay:
            witness, _ = await send_three(relay, "require", trusting)

        assert witness.kinds == ["accepted"] * 3
        assert relay.clear_commands == [b"EHLO localhost", b"STARTTLS"]

    async def test_a_large_content_under_tls(self, server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
        async with FakeRelay(extensions=WITH_TLS, tls=server_tls) as relay:
            session = SmtpSession(RelayAddress("127.0.0.1", relay.port, starttls="require"), None, trusting)
            witness = Witness()
            await asyncio.wait_for(session.send_all(letters(2, b"x" * 996 + b"\r\n" * 5_000), witness), 30)
            await session.close()

        assert witness.kinds == ["accepted"] * 2

    async def test_from_the_start(self, server_tls: ssl.SSLContext, trusting: ssl.SSLContext) -> None:
        async with FakeRelay(tls=server_tls, tls_from_start=True) as relay:
            witness, _ = await send_three(relay, trust=trusting, smtps=True)

        assert witness.kinds == ["accepted"] * 3

    @pytest.mark.parametrize("smtps", [False, True], ids=["starttls", "smtps"])
    async def test_a_certificate_nobody_vouches_for_blocks(self, server_tls: ssl.SSLContext, smtps: bool) -> None:
        async with FakeRelay(extensions=WITH_TLS, tls=server_tls, tls_from_start=smtps) as relay:
            witness, stop = await send_three(relay, "require", ssl.create_default_context(), smtps=smtps)

        assert stop is not None
        assert (stop.kind, stop.stage) == (OutcomeKind.BLOCKED, Stage.TLS)
        assert witness.kinds == []
        assert relay.messages == 0

    @pytest.mark.parametrize(
        ("extensions", "answer", "kind"),
        [
            (("PIPELINING",), None, OutcomeKind.BLOCKED),
            (WITH_TLS, b"501 5.5.4 no\r\n", OutcomeKind.BLOCKED),
            (WITH_TLS, b"454 4.7.0 not now\r\n", OutcomeKind.UNSENT),
            (WITH_TLS, b"220 go\r\n250 injected\r\n", OutcomeKind.BLOCKED),
        ],
        ids=["stripped", "refused", "not now", "data in clear behind the answer"],
    )
    async def test_required_it_never_sends_in_clear(
        self,
        server_tls: ssl.SSLContext,
        trusting: ssl.SSLContext,
        extensions: tuple[str, ...],
        answer: bytes | None,
        kind: OutcomeKind,
    ) -> None:
        def script(step: Step) -> Say | None:
            return Say(answer) if answer and step.stage == "starttls" else None

        async with FakeRelay(script, extensions, server_tls) as relay:
            witness, stop = await send_three(relay, "require", trusting, credentials=("me", "secret"))

        assert stop is not None
        assert (stop.kind, stop.stage) == (kind, Stage.TLS)
        assert witness.kinds == []
        assert set(relay.clear_commands) <= {b"EHLO localhost", b"STARTTLS"}

    async def test_a_handshake_that_hangs(self, trusting: ssl.SSLContext) -> None:
        def script(step: Step) -> Hang | None:
            return Hang() if step.stage == "starttls" else None

        async with FakeRelay(script, WITH_TLS) as relay:
            witness, stop = await send_three(relay, "require", trusting)

        assert stop is not None
        assert witness.kinds == []

    async def test_opportunistic_takes_any_certificate(self, server_tls: ssl.SSLContext) -> None:
        async with FakeRelay(extensions=WITH_TLS, tls=server_tls) as relay:
            witness, _ = await send_three(relay)

        assert witness.kinds == ["accepted"] * 3
        assert relay.clear_commands == [b"EHLO localhost", b"STARTTLS"]

    @pytest.mark.parametrize(
        "answer", [Say(b"501 5.5.4 no\r\n"), End(say=b"220 go on\r\n"), End(say=b"220 go on\r\nnonsense\r\n")], ids=repr
    )
    async def test_opportunistic_goes_in_clear_where_tls_does_not_work(self, answer: Say | End) -> None:
        def script(step: Step) -> Say | End | None:
            return answer if step.stage == "starttls" else None

        async with FakeRelay(script, WITH_TLS) as relay:
            witness, _ = await send_three(relay)

        assert witness.kinds == ["accepted"] * 3

    async def test_none_does_not_ask(self, server_tls: ssl.SSLContext) -> None:
        async with FakeRelay(extensions=WITH_TLS, tls=server_tls) as relay:
            witness, _ = await send_three(relay, "none")

        assert witness.kinds == ["accepted"] * 3
        assert b"STARTTLS" not in relay.commands


class TestCredentials:
    async def test_plain(self) -> None:
        async with FakeRelay(extensions=("AUTH PLAIN LOGIN",)) as relay:
            witness, _ = await send_three(relay, "none", credentials=("me", "sécret"))

        assert witness.kinds == ["accepted"] * 3
        assert b"AUTH PLAIN AG1lAHPDqWNyZXQ=" in relay.commands

    async def test_login_where_there_is_no_plain(self) -> None:
        def script(step: Step) -> Say | None:
            if step.stage == "auth":
                return Say(b"334 VXNlcm5hbWU6\r\n")
            answers = {b"bWU=": b"334 UGFzc3dvcmQ6\r\n", b"c2VjcmV0": b"235 2.7.0 welcome\r\n"}
            return Say(answers[step.argument]) if step.argument in answers else None

        async with FakeRelay(script, ("AUTH=LOGIN",)) as relay:
            witness, _ = await send_three(relay, "none", credentials=("me", "secret"))

        assert witness.kinds == ["accepted"] * 3

    @pytest.mark.parametrize(
        ("extensions", "reply", "kind"),
        [
            (("AUTH PLAIN",), b"535 5.7.8 wrong\r\n", OutcomeKind.BLOCKED),
            (("AUTH PLAIN",), b"454 4.7.0 later\r\n", OutcomeKind.UNSENT),
            (("AUTH CRAM-MD5",), b"", OutcomeKind.BLOCKED),
            ((), b"", OutcomeKind.BLOCKED),
        ],
        ids=["wrong", "not now", "no mechanism of ours", "no AUTH"],
    )
    async def test_refused(self, extensions: tuple[str, ...], reply: bytes, kind: OutcomeKind) -> None:
        def script(step: Step) -> Say | None:
            return Say(reply) if step.stage == "auth" else None

        async with FakeRelay(script, extensions) as relay:
            witness, stop = await send_three(relay, "none", credentials=("me", "secret"))

        assert stop is not None
        assert (stop.kind, stop.stage) == (kind, Stage.AUTH)
        assert witness.kinds == []
        assert relay.messages == 0
