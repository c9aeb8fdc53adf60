"""What a stranger may do at the bounce port, and how far; and how it ends."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from random import Random

import pytest
from structlog.testing import capture_logs

from services.tracker.decisions.returned_mail.judge_mail import judge_mail
from services.tracker.decisions.returned_mail.judgement import Judgement
from services.tracker.decisions.returned_mail.parse_mail import MOST_READ
from services.tracker.intake import bounce_port as port_module
from services.tracker.intake import bounce_session, bounces
from services.tracker.intake.bounce_port import BouncePort
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.tracker.readers import RECIPIENTS, TASK, segments_stored
from tests.integration.tracker.relays import address, bounce_port, mail, port_of, relay
from tests.integration.tracker.running_projectors import eventually
from tests.integration.tracker.sent_tasks import create_message, send_task


@pytest.fixture
async def port(database: Database, store: PostgresEventStore, tmp_path: Path) -> AsyncIterator[BouncePort]:
    await create_message(store, 1)
    await send_task(store, TASK, RECIPIENTS)
    async with bounce_port(database, tmp_path) as opened:
        yield opened


async def works(port: BouncePort) -> bool:
    """A bounce gets through."""
    async with relay(port.url) as line:
        return await line.bring([address(1)], mail("qmail")) == [250]


async def test_a_mail_has_so_many_recipients(port: BouncePort, monkeypatch: pytest.MonkeyPatch) -> None:
    """The relay brings the others in another one (RFC 5321 4.5.3.1.10)."""
    monkeypatch.setattr(bounces, "MOST_RECIPIENTS", 3)
    async with relay(port.url) as line:
        await line.ask("MAIL FROM:<>")
        assert [await line.ask(f"RCPT TO:<{address(n)}>") for n in range(5)] == [250, 250, 250, 452, 452]
        assert await line.ask("DATA") == 354
        assert await line.finish(mail("qmail"), 3) == [250]


async def test_a_mail_that_says_it_is_too_big_is_not_begun(port: BouncePort) -> None:
    async with relay(port.url) as line:
        assert await line.ask(f"MAIL FROM:<> SIZE={2 * 2**20 + 1}") == 552
        assert await line.ask(f"MAIL FROM:<> SIZE={2 * 2**20}") == 250


async def test_a_mail_that_is_too_big_is_refused_and_the_next_is_taken(port: BouncePort, database: Database) -> None:
    """Its end is waited for, and by LMTP each recipient is told."""
    big = mail("qmail") + b"Buy. Buy. Buy.\r\n" * 150_000
    async with relay(port.url, "LHLO") as line:
        assert await line.bring([address(1), address(2)], big) == [552, 552]
        assert await segments_stored(database) == 0
        assert await line.bring([address(1), address(2)], mail("qmail")) == [250, 250]


async def test_a_big_mail_is_read_as_far_as_reports_go(port: BouncePort, database: Database) -> None:
    """What it returns behind the report is not kept, also where it is one endless line."""
    for filling in (b"Buy. Buy. Buy.\r\n", b"x" * 1_000):
        big = mail("postfix_unknown_user") + filling * (MOST_READ * 8 // len(filling))
        async with relay(port.url) as line:
            assert await line.bring([address(1)], big) == [250]

    assert await segments_stored(database) == 2


async def test_a_command_has_an_end(port: BouncePort) -> None:
    """However long it is, the next one is read."""
    async with relay(port.url) as line:
        assert await line.ask("MAIL FROM:<" + "a" * 2_000 + "@example.org>") == 500
        assert await line.ask("RCPT TO:<" + "a" * 200_000 + "@example.org>") == 500
        assert await line.ask("NOOP") == 250


async def test_who_talks_on_and_on_is_sent_away(port: BouncePort) -> None:
    """So many commands, and so many that are none."""
    async with relay(port.url) as line:
        answers = [await line.ask("NOOP") for _ in range(101)]
    async with relay(port.url) as line:
        nonsense = [await line.ask("MAKE HASTE") for _ in range(5)]

    assert answers == [250] * 100 + [421]
    assert nonsense == [500] * 4 + [502]
    assert await works(port)


async def test_who_says_nothing_is_hung_up_on(port: BouncePort, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before a command, and in the middle of a mail."""
    monkeypatch.setattr(bounce_session, "IDLE_SECONDS", 0.3)
    async with relay(port.url) as silent, relay(port.url) as half:
        await half.ask("MAIL FROM:<>")
        await half.ask(f"RCPT TO:<{address(1)}>")
        await half.ask("DATA")
        half.writer.write(b"Subject: x\r\n")
        for line in (silent, half):
            with pytest.raises(EOFError):
                await line.reply()


async def test_who_does_not_read_is_hung_up_on(port: BouncePort, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing politely would wait for him for ever."""
    monkeypatch.setattr(bounce_session, "IDLE_SECONDS", 0.3)
    monkeypatch.setattr(bounce_session, "MOST_COMMANDS", 10**9)
    _, writer = await asyncio.open_connection("127.0.0.1", port_of(port.url), limit=1)
    writer.transport.pause_reading()  # type: ignore[attr-defined]  # it is one that can
    writer.write(b"HELP\r\n" * 500_000)

    await eventually(lambda: nobody_is_connected(port))
    writer.close()


async def nobody_is_connected(port: BouncePort) -> bool:
    return not port.connections


async def test_there_are_so_many_connections(port: BouncePort, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next one is told to come again; when one has left, there is room."""
    monkeypatch.setattr(port_module, "MOST_CONNECTIONS", 2)
    async with relay(port.url), relay(port.url) as second:
        reader, writer = await asyncio.open_connection("127.0.0.1", port_of(port.url))
        assert await reader.read() == b"421 4.3.2 too many connections, try again\r\n"
        writer.close()
        assert await second.ask("QUIT") == 221
        await eventually(lambda: one_is_connected(port))
        assert await works(port)


async def one_is_connected(port: BouncePort) -> bool:
    return port.connections == 1


async def test_a_mail_that_takes_long_to_read_holds_up_nobody(
    port: BouncePort, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is read in a thread; when all of them are busy for too long, the relay is told to come again."""
    go_on, entered = threading.Event(), threading.Event()

    def read_slowly(_: bytes) -> Judgement:
        entered.set()
        go_on.wait(60)
        return Judgement("unknown")

    async with relay(port.url, "LHLO") as slow, relay(port.url, "LHLO") as slower, relay(port.url, "LHLO") as line:
        monkeypatch.setattr(bounces, "judge_mail", read_slowly)
        first = asyncio.create_task(slow.bring([address(1)], mail("qmail")))
        await asyncio.to_thread(entered.wait, 60)
        monkeypatch.setattr(bounces, "judge_mail", judge_mail)
        assert await line.bring([address(2)], mail("qmail")) == [250]
        monkeypatch.setattr(bounces, "judge_mail", read_slowly)
        entered.clear()
        second = asyncio.create_task(slower.bring([address(1)], mail("qmail")))
        await asyncio.to_thread(entered.wait, 60)
        monkeypatch.setattr(bounces, "READ_SECONDS", 0.1)
        assert await line.bring([address(3), address(4)], mail("qmail")) == [451, 451]
        go_on.set()
        assert [await first, await second] == [[250], [250]]


async def test_a_surprise_leaves_each_recipient_with_an_answer(
    port: BouncePort, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """451, and the connection goes on."""

    def stumble(_: bytes) -> Judgement:
        raise KeyError("anna@example.org")

    async with relay(port.url, "LHLO") as line:
        with monkeypatch.context() as patched, capture_logs() as logs:
            patched.setattr(bounces, "judge_mail", stumble)
            assert await line.bring([address(1), address(2)], mail("qmail")) == [451, 451]
        assert await line.bring([address(1)], mail("qmail")) == [250]

    failures = [entry for entry in logs if entry["action"] == "bounce_port_failed"]
    assert [entry["reason"] for entry in failures] == ["KeyError"]
    assert await segments_stored(database) == 1


async def test_at_the_end_a_mail_under_way_is_answered(port: BouncePort, database: Database) -> None:
    """Who is idle is told to come again, who is in the middle of a mail brings it to its end, and then is told."""
    async with relay(port.url, "LHLO") as bringing, relay(port.url) as idle:
        await bringing.ask("MAIL FROM:<>")
        await bringing.ask(f"RCPT TO:<{address(1)}>")
        await bringing.ask("DATA")
        stopping = asyncio.create_task(port.stop())
        told = (await idle.reply())[0]
        answers = await bringing.finish(mail("qmail"), 1)
        farewell = (await bringing.reply())[0]
        await stopping
        for line in (idle, bringing):
            with pytest.raises(EOFError):
                await line.reply()
        with pytest.raises(OSError, match="Connect call failed"):
            await asyncio.open_connection("127.0.0.1", port_of(port.url))

    assert (told, answers, farewell) == (421, [250], 421)
    assert await segments_stored(database) == 1


async def test_at_the_end_nobody_is_waited_for_for_ever(port: BouncePort, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(port_module, "SHUTDOWN_SECONDS", 0.2)
    async with relay(port.url) as line:
        await line.ask("MAIL FROM:<>")
        await line.ask(f"RCPT TO:<{address(1)}>")
        await line.ask("DATA")
        await port.stop()
        with pytest.raises((EOFError, ConnectionError)):
            await line.reply()


PIECES = [
    *(b"EHLO x", b"LHLO x", b"HELO", b"NOOP", b"RSET", b"HELP", b"HELP MAIL", b"QUIT x", b"STARTTLS"),
    *(b"MAIL FROM:<>", b"MAIL FROM:<a@b> SIZE=x", b"MAIL FROM:<a@b> BODY=8BITMIME SMTPUTF8", b"MAIL FROM:(((((("),
    *(b"RCPT TO:<\xff@\xfe>", b"RCPT TO:<" + address(1).encode() + b">", b"RCPT TO:", b"RCPT TO:<" + b"<" * 100),
    *(
        b"DATA",
        b"DATA x",
        b".",
        b"BDAT 3 LAST",
        b"VRFY \xff",
        b"VRFY <a@b>",
        b"EXPN x",
        b"AUTH PLAIN AAAA",
        b"AUTH LOGIN",
    ),
    *(b"", b"\x00", b"\xff\xfe\xfd", b"a" * 3_000),
]


async def test_nonsense_is_answered_and_stores_nothing_but_mail(
    port: BouncePort, database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    """In any order, with any line ends; whoever comes next is served, and no log tells what was said."""
    chance = Random(1)
    with capture_logs() as logs:
        for _ in range(150):
            pieces = [chance.choice(PIECES) for _ in range(chance.randint(1, 25))]
            reader, writer = await asyncio.open_connection("127.0.0.1", port_of(port.url))
            writer.write(b"".join(piece + chance.choice([b"\r\n", b"\r\n", b"\r\n", b"\n", b""]) for piece in pieces))
            writer.write(b"\r\n.\r\nQUIT\r\n")
            with suppress(ConnectionResetError):  # it hung up before it had read everything
                assert (await asyncio.wait_for(reader.read(), 30)).startswith(b"220 ")
            writer.close()

        assert await works(port)
    assert [entry for entry in logs if entry["action"] == "bounce_port_failed"] == []
    assert caplog.text == ""
    assert await segments_stored(database) == 1
