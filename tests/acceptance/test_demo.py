"""`postroom demo`: the main job, end to end, and a report that is checked before it is shown as true."""

from typing import Any

import pytest

from services.standalone.demo.checks import (
    check_mail,
    check_report,
    check_survival,
    check_text_report,
    check_texts,
    is_counted,
)
from services.standalone.demo.readers import LINKS, Expected, Reader, expect, make_reader
from services.standalone.demo.texts import expect_texts, make_texted
from services.standalone.inbox.sms_gateway import RECEIPTS
from tests.acceptance.postroom_process import run

READERS = [
    Reader("Ada", "ada@example.com", opens=3, clicks=(0, 0, 1)),
    Reader("Bob", "bob@example.com", opens=1, unsubscribes=True),
    Reader("Cleo", "cleo@example.com", opens=0),
]


def test_the_demo_ends_with_a_report_that_holds() -> None:
    """Without a terminal, too: plain text, no control codes."""
    done = run("demo")

    assert done.returncode == 0, done.stdout + done.stderr
    assert "checks hold" in done.stdout
    assert done.stdout.count("msgs/s") == 2, "one line for each channel"
    assert "of 2,000 mails delivered, back after" in done.stdout
    assert "\x1b" not in done.stdout


def test_expected_counts_are_those_of_the_readers() -> None:
    """Unique counts people, total counts what they did."""
    expected = expect(READERS)

    assert expected.unique == {"submitted": 3, "delivered": 3, "opened": 2, "clicked": 1, "unsubscribed": 1}
    assert expected.total == {"opened": 4, "clicked": 3}
    assert expected.links == {LINKS[0]: (1, 2), LINKS[1]: (1, 1)}


def test_the_readers_differ_in_what_they_do() -> None:
    """Some again, some not at all: otherwise unique and total could not be told apart."""
    expected = expect([make_reader(number) for number in range(1_000)])

    assert 0 < expected.unique["unsubscribed"] < expected.unique["clicked"] < expected.unique["opened"] < 1_000
    assert expected.total["opened"] > expected.unique["opened"]
    assert all(total >= unique > 0 for unique, total in expected.links.values())


def true_report(expected: Expected) -> dict[str, Any]:
    return {
        "audience": 3,
        "states": {"accepted": 3, "pending": 0},
        "unique": {**expected.unique},
        "total": {"submitted": 3, "delivered": 3, "unsubscribed": 1, **expected.total},
        "links": [{"url": url, "unique": unique, "total": total} for url, (unique, total) in expected.links.items()],
        "series": [{"minute": 1, "opened": 1}, {"minute": 2, "opened": 3, "clicked": 3}],
    }


def wrong(report: dict[str, Any]) -> list[str]:
    task = {"emailuniqueopens": 2, "completed": True}
    return [check.what for check in check_report(expect(READERS), 3, report, task) if not check.holds]


def test_a_true_report_passes_every_check() -> None:
    assert wrong(true_report(expect(READERS))) == []


@pytest.mark.parametrize(
    ("part", "value", "found"),
    [
        ("audience", 4, "audience"),
        ("states", {"accepted": 2, "pending": 2}, "sum over the states"),
        ("unique", {"submitted": 3, "delivered": 3, "opened": 3, "clicked": 1, "unsubscribed": 1}, "opened, unique"),
        ("total", {"opened": 5, "clicked": 3}, "opened, total"),
        ("links", [], "link 1, unique and total"),
        ("series", [{"minute": 1, "opened": 3}], "minutes of the series add up"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_report_that_is_off_by_one_is_caught(part: str, value: object, found: str) -> None:
    assert found in wrong({**true_report(expect(READERS)), part: value})


def test_waiting_ends_only_when_everything_is_counted() -> None:
    expected = expect(READERS)
    report = true_report(expected)
    behind = {**report, "total": {**report["total"], "clicked": 2}}

    assert is_counted(expected.unique, expected.total, report)
    assert not is_counted(expected.unique, expected.total, behind)


def test_mail_that_is_missing_doubled_or_speaks_to_somebody_else_is_caught() -> None:
    ada, bob, cleo = ({"envelope": {"to": [reader.email]}, "text": f"Hello {reader.name},\n"} for reader in READERS)
    stranger = {**cleo, "text": "Hello {{ vars.name }},\n"}

    assert all(check.holds for check in check_mail(READERS, [ada, bob, cleo]))
    assert not all(check.holds for check in check_mail(READERS, [ada, bob]))
    assert not all(check.holds for check in check_mail(READERS, [ada, bob, cleo, bob]))
    assert not all(check.holds for check in check_mail(READERS, [ada, bob, stranger]))


def test_what_is_expected_of_the_texts_is_what_the_inbox_does_with_their_numbers() -> None:
    """Every ending that stands for something occurs once."""
    people = [make_texted(number) for number in range(1, 201)]
    statuses = [RECEIPTS.get(person.telephone[-4:], "delivered") for person in people]

    expected = expect_texts(people)

    assert len({person.telephone for person in people}) == 200
    assert (expected["submitted"], expected["opened"]) == (200, 0)
    assert expected["delivered"] == statuses.count("delivered") == 194
    assert expected["bounced"] == sum(status not in ("delivered", None) for status in statuses) == 5


TEXTED = [make_texted(number) for number in (1, 6, 7)]


@pytest.mark.parametrize(
    ("part", "value", "found"),
    [
        ("audience", 4, "SMS: audience"),
        ("states", {"accepted": 3, "bounced": 0}, "SMS: state bounced"),
        ("unique", {"submitted": 3, "delivered": 2, "bounced": 1, "opened": 0, "clicked": 0}, "SMS: delivered, unique"),
    ],
    ids=["audience", "states", "unique"],
)
def test_a_report_of_texts_that_is_off_by_one_is_caught(part: str, value: object, found: str) -> None:
    expected = expect_texts(TEXTED)
    report = {"audience": 3, "states": {"accepted": 2, "bounced": 1}, "unique": dict(expected)}
    task = {"smsuniquebounces": 1, "emailuniqueopens": None, "completed": True}

    assert all(check.holds for check in check_text_report(expected, report, task))
    wrong = [check.what for check in check_text_report(expected, {**report, part: value}, task) if not check.holds]
    assert found in wrong


def test_texts_that_are_missing_doubled_or_for_somebody_else_are_caught() -> None:
    texts = [{"envelope": {"to": [person.telephone]}, "text": person.text} for person in TEXTED]
    stranger = {**texts[0], "text": texts[1]["text"]}

    assert all(check.holds for check in check_texts(TEXTED, texts))
    assert not all(check.holds for check in check_texts(TEXTED, texts[1:]))
    assert not all(check.holds for check in check_texts(TEXTED, [*texts, texts[0]]))
    assert not all(check.holds for check in check_texts(TEXTED, [stranger, *texts[1:]]))


KILLED = {"states": {"accepted": 3, "pending": 0}, "in_doubt": {"held": 0, "resent": 1}}
NAMES = [reader.email for reader in READERS]


def lost(killed_at: int, copies: list[str], doubtful: list[str], report: dict[str, Any] = KILLED) -> list[str]:
    return [check.what for check in check_survival(NAMES, killed_at, copies, doubtful, report) if not check.holds]


def test_a_kill_that_lost_and_doubled_nobody_silently_passes_every_check() -> None:
    """Who was in doubt may have two copies, or one: the first may never have arrived."""
    assert lost(1, [*NAMES, NAMES[0]], NAMES[:1]) == []
    assert lost(1, NAMES, NAMES[:1]) == []


@pytest.mark.parametrize(
    ("found", "killed_at", "copies", "doubtful", "report"),
    [
        ("killed: in the middle of the send", 3, NAMES, NAMES[:1], KILLED),
        ("killed: readers with a mail", 1, NAMES[1:], NAMES[:1], KILLED),
        ("killed: doubled and not listed in doubt", 1, [*NAMES, NAMES[1]], NAMES[:1], KILLED),
        ("killed: nobody has more than two copies", 1, [*NAMES, NAMES[0], NAMES[0]], NAMES[:1], KILLED),
        ("killed: in doubt, by the report and by name", 1, NAMES, [], KILLED),
        ("killed: state accepted", 1, NAMES, NAMES[:1], {**KILLED, "states": {"accepted": 2, "pending": 1}}),
        ("killed: sum over the states", 1, NAMES, NAMES[:1], {**KILLED, "states": {"accepted": 3, "pending": 1}}),
    ],
)
def test_a_kill_that_lost_or_doubled_somebody_is_caught(
    found: str, killed_at: int, copies: list[str], doubtful: list[str], report: dict[str, Any]
) -> None:
    assert lost(killed_at, copies, doubtful, report) == [found]
