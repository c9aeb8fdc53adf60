"""Mail that comes back over real sockets, by SMTP and by LMTP: what is recorded of it, and of what nothing is."""

import asyncio
import smtplib
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest
from pyroaring import BitMap
from structlog.testing import capture_logs

from services.tracker.intake.bounce_port import BouncePort
from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.ordinal_sets import read_sets, read_totals
from shared.delivery_log.segments import Hits, Segment, decode_hits
from shared.domain.delivery import Kind
from shared.domain.recipient_states import count_by_state
from shared.domain.tokens import TokenKeys, TokenKind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.tracker.readers import RECIPIENTS, TASK, Reader, segments_stored
from tests.integration.tracker.relays import KEYS, Hello, address, bounce_port, mail, port_of, relay
from tests.integration.tracker.running_projectors import project_all
from tests.integration.tracker.sent_tasks import create_message, send_task


@pytest.fixture
async def port(database: Database, store: PostgresEventStore, tmp_path: Path) -> AsyncIterator[BouncePort]:
    """Of a task whose messages the relay took, all of them."""
    await create_message(store, 1)
    await send_task(store, TASK, RECIPIENTS)
    async with bounce_port(database, tmp_path) as opened:
        yield opened


async def notes(database: Database) -> dict[tuple[Kind, int], str]:
    """Why, by kind and ordinal."""
    found = {}
    for row in await database.fetch("SELECT kind, hits FROM segment"):
        hits = decode_hits(row["hits"])
        for ordinal, detail in zip(hits.ordinals, hits.details, strict=True):
            found[Kind(row["kind"]), ordinal] = hits.notes[detail - 1] if detail else ""
    return found


@pytest.mark.parametrize("hello", ["EHLO", "HELO", "LHLO"])
@pytest.mark.parametrize("sender", ["", "postmaster@mx.example.org"])
async def test_a_bounce_is_stored_when_it_is_answered(
    port: BouncePort, database: Database, hello: Hello, sender: str
) -> None:
    """By SMTP, old and new, and by LMTP; from nobody, as it should be, and from somebody, as some do it."""
    async with relay(port.url, hello) as line:
        assert await line.bring([address(5)], mail("postfix_unknown_user"), sender) == [250]
        stored = await notes(database)

    reason = "550 5.1.1 <recipient>: Recipient address rejected: User unknown"
    assert stored == {(Kind.BOUNCED, 5): reason}


async def test_a_bounce_may_come_to_a_domain_of_a_customer(port: BouncePort, database: Database) -> None:
    """To that of a campaign: whose bounce it is stands before the @."""
    local, _, _ = address(5).partition("@")
    async with relay(port.url) as line:
        assert await line.bring([f"{local}@bounce.customer.example"], mail("qmail")) == [250]

    assert list(await notes(database)) == [(Kind.BOUNCED, 5)]


@pytest.mark.parametrize("client", [smtplib.SMTP, smtplib.LMTP])
async def test_clients_of_the_standard_library_are_understood(
    port: BouncePort, database: Database, client: type[smtplib.SMTP]
) -> None:
    """With the extensions they find."""

    def bring() -> dict[str, tuple[int, bytes]]:
        with client("127.0.0.1", port_of(port.url), timeout=30) as server:
            refused = server.sendmail("", [address(6)], mail("qmail"), ["BODY=8BITMIME"])
            assert (server.has_extn("size"), server.esmtp_features["size"]) == (True, "2097152")
            assert server.has_extn("pipelining")
            return refused

    assert await asyncio.to_thread(bring) == {}
    assert await notes(database) == {(Kind.BOUNCED, 6): "Sorry, no mailbox here by that name. (#5.1.1)"}


async def test_each_verdict_leaves_what_it_says(
    port: BouncePort, database: Database, delivery_log: DeliveryLog
) -> None:
    """A delay changes no state, and so does nothing but a failure."""
    everybody = Hits.at_once(range(RECIPIENTS), 1)
    await delivery_log.append([Segment(TASK, Kind.SUBMITTED, 1, 1, 0, everybody)])
    brought = ["sendmail_user_unknown", "postfix_success", "postfix_delayed", "postfix_relayed", "arf_abuse"]

    async with relay(port.url) as line:
        for ordinal, name in enumerate([*brought, "several_recipients"]):
            assert await line.bring([address(ordinal)], mail(name)) == [250]
    await project_all(database)

    kinds = [Kind.SUBMITTED, Kind.BOUNCED, Kind.DELIVERED, Kind.DEFERRED, Kind.COMPLAINED]
    sets = await read_sets(database, TASK, kinds)
    assert {kind: set(sets[kind]) for kind in kinds[1:]} == {
        Kind.BOUNCED: {0, 5},
        Kind.DELIVERED: {1, 5},
        Kind.DEFERRED: {2},
        Kind.COMPLAINED: {4},
    }
    states = count_by_state(BitMap(range(RECIPIENTS)), sets)
    assert {state: count for state, count in states.items() if count} == {"bounced": 2, "accepted": RECIPIENTS - 2}


async def test_recipients_of_one_mail_are_all_recorded(port: BouncePort, database: Database) -> None:
    """By SMTP it is answered once; a recipient named twice is one."""
    async with relay(port.url) as line:
        assert await line.bring([address(n) for n in (1, 2, 1, 3)], mail("qmail")) == [250]

    totals = decode_hits((await database.fetch("SELECT hits FROM segment"))[0]["hits"])
    assert sorted(totals.ordinals) == [1, 2, 3]


async def test_by_lmtp_each_recipient_has_an_answer(port: BouncePort, database: Database) -> None:
    """Those that were refused have had theirs."""
    async with relay(port.url, "LHLO") as line:
        envelope = [
            await line.ask(command)
            for command in (
                "MAIL FROM:<>",
                f"RCPT TO:<{address(1)}>",
                "RCPT TO:<nobody@bounce.example.com>",
                f"RCPT TO:<{address(2)}>",
                "DATA",
            )
        ]
        answers = await line.finish(mail("qmail"), 2)
        assert await line.ask("NOOP") == 250

    assert (envelope, answers) == ([250, 250, 550, 250, 354], [250, 250])
    assert set(await notes(database)) == {(Kind.BOUNCED, 1), (Kind.BOUNCED, 2)}


OTHER_KEYS = TokenKeys([b"another another another another another"])
WRONG = [
    pytest.param("ada@example.com", id="somebody elsewhere"),
    pytest.param("postmaster", id="no domain"),
    pytest.param("b+" + "a" * 50 + "@bounce.example.com", id="of the right length"),
    pytest.param(address(1, keys=OTHER_KEYS), id="signed by another key"),
    pytest.param(address(1)[:-20] + "x@bounce.example.com", id="cut short"),
    pytest.param(f"{KEYS.verp(TASK, 1, TokenKind.OPEN)}@bounce.example.com", id="what a pixel carries"),
    pytest.param(f"{KEYS.verp(TASK, 1, TokenKind.MESSAGE)}@bounce.example.com", id="what a message is named by"),
    pytest.param(address(RECIPIENTS), id="a recipient it never had"),
    pytest.param(address(1, task=999), id="a task that is no more"),
    pytest.param("☹@bounce.example.com", id="no letters at all"),
]


@pytest.mark.parametrize("hello", ["EHLO", "LHLO"])
@pytest.mark.parametrize("wrong", WRONG)
async def test_a_forged_or_unknown_address_changes_nothing(
    port: BouncePort, database: Database, wrong: str, hello: Hello
) -> None:
    """It is no relay, and who signed nothing is nobody's recipient."""
    async with relay(port.url, hello) as line:
        assert await line.bring([wrong], mail("postfix_unknown_user")) == [550]
        assert await line.ask("DATA") == 503

    assert await segments_stored(database) == 0


async def test_upper_case_is_the_same_address(port: BouncePort, database: Database) -> None:
    """Relays fold case either way."""
    async with relay(port.url) as line:
        assert await line.bring([address(1).upper()], mail("qmail")) == [250]

    assert set(await notes(database)) == {(Kind.BOUNCED, 1)}


async def test_a_report_on_somebody_else_counts_for_ours_alone_and_names_nobody(
    port: BouncePort, database: Database
) -> None:
    """He may have had it forwarded; where to is none of our business."""
    with capture_logs() as logs:
        async with relay(port.url) as line:
            for ordinal, name in enumerate(["sendmail_user_unknown", "exim_old", "arf_abuse", "vacation_sieve"]):
                assert await line.bring([address(ordinal)], mail(name), "bert@example.net") == [250]

    rows = await database.fetch("SELECT hits FROM segment")
    assert set(await notes(database)) == {(Kind.BOUNCED, 0), (Kind.BOUNCED, 1), (Kind.COMPLAINED, 2)}
    assert not [row for row in rows if b"@" in row["hits"] or b"example.net" in row["hits"]]
    returned = [entry for entry in logs if entry["action"] == "mail_returned"]
    assert [entry["verdict"] for entry in returned] == ["failed", "failed", "complaint", "auto_reply"]
    assert "@" not in str(logs)


@pytest.mark.parametrize(
    "name", ["vacation_sieve", "out_of_office_german", "challenge", "read_receipt", "arf_not_spam", "answer_by_hand"]
)
async def test_answers_of_programs_and_readers_are_taken_and_count_nothing(
    port: BouncePort, database: Database, name: str
) -> None:
    """Nobody would gain by their coming again."""
    async with relay(port.url) as line:
        assert await line.bring([address(1)], mail(name)) == [250]

    assert await segments_stored(database) == 0


async def test_dots_at_the_beginning_of_a_line_are_there_once(port: BouncePort, database: Database) -> None:
    """They are doubled on the way (RFC 5321 4.5.2)."""
    content = mail("qmail").replace(b"Sorry, no mailbox here", b".forward: no mailbox here")
    async with relay(port.url) as line:
        assert await line.bring([address(1)], content) == [250]

    assert await notes(database) == {(Kind.BOUNCED, 1): ".forward: no mailbox here by that name. (#5.1.1)"}


async def test_commands_sent_together_are_answered_one_by_one(port: BouncePort, database: Database) -> None:
    """RFC 2920, which LMTP asks for."""
    commands = f"MAIL FROM:<>\r\nRCPT TO:<{address(1)}>\r\nRCPT TO:<{address(2)}>\r\nDATA\r\n".encode()
    async with relay(port.url, "LHLO") as line:
        line.writer.write(commands)
        envelope = [(await line.reply())[0] for _ in range(4)]
        line.writer.write(mail("qmail") + b"\r\n.\r\n" + commands)
        answers = [(await line.reply())[0] for _ in range(6)]

    assert (envelope, answers) == ([250, 250, 250, 354], [250, 250, 250, 250, 250, 354])


async def test_bounces_repeated_up_to_46_times_are_counted_exactly(port: BouncePort, database: Database) -> None:
    """In any order, over many connections, by both protocols: unique is whose they are, whatever is repeated."""
    chance = Random(1)
    said = {n: chance.choice(["qmail", "postfix_success", "arf_abuse", "postfix_delayed"]) for n in range(60)}
    brought = [n for n in said for _ in range(chance.randint(1, 46))]
    chance.shuffle(brought)

    async def bring(hello: Hello, share: list[int]) -> None:
        async with relay(port.url, hello) as line:
            for ordinal in share:
                assert await line.bring([address(ordinal)], mail(said[ordinal])) == [250]

    await asyncio.gather(*(bring("LHLO" if n % 2 else "EHLO", brought[n::12]) for n in range(12)))
    await project_all(database)

    of = {"qmail": Kind.BOUNCED, "postfix_success": Kind.DELIVERED, "arf_abuse": Kind.COMPLAINED}
    of["postfix_delayed"] = Kind.DEFERRED
    sets = await read_sets(database, TASK, list(of.values()))
    assert {kind: set(members) for kind, members in sets.items()} == {
        kind: {n for n, name in said.items() if of[name] is kind} for kind in of.values()
    }
    assert sum((await read_totals(database, TASK)).values()) == len(brought)
    assert await segments_stored(database) < len(brought)


async def test_a_running_tracker_tells_where_its_bounce_port_is(reader: Reader, database: Database) -> None:
    """And counts what came back by what it was."""
    async with relay(reader.tracker.bounces.url) as line:
        to = f"{reader.keys.verp(TASK, 3)}@bounce.localhost"
        assert await line.bring([to], mail("postfix_unknown_user")) == [250]
        assert await line.bring(["nobody@bounce.localhost"], b"") == [550]
    _, body, _ = await reader.ask("GET", f"{reader.tracker.url}/metrics")

    assert b'postroom_tracker_returned_mails_total{verdict="failed"} 1.0' in body
    assert b'postroom_tracker_hits_total{kind="bounced"} 1.0' in body
    assert b'postroom_tracker_bounce_port_refusals_total{reason="address"} 1.0' in body
