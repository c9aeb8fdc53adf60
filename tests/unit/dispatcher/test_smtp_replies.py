"""Replies are read alike however they are cut, and mean what the table says."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.channels.interface import OutcomeKind, Stage
from services.dispatcher.channels.smtp.replies import MOST_KNOWN, MOST_OCTETS, Reply, ReplyReader, classify, outcome_of

STREAM = b"220 hi\r\n250-a\r\n250-b c\r\n250 d\r\n354\r\n250 2.0.0 ok\n550-5.1.1 no\r\n550 5.1.1 such \xff\r\n"
REPLIES = [
    Reply(220, (b"hi",)),
    Reply(250, (b"a", b"b c", b"d")),
    Reply(354, (b"",)),
    Reply(250, (b"2.0.0 ok",)),
    Reply(550, (b"5.1.1 no", b"5.1.1 such \xff")),
]


def test_a_line_that_came_before_still_ends_the_reply_it_is_in() -> None:
    """What a relay says again is not read again, and means what it means where it stands."""
    reader, replies = ReplyReader(), list[Reply]()
    assert reader.feed(b"250 ok\r\n250 ok\r\n250-a\r\n250 ok\r\n250 ok\n", replies) is None
    assert replies == [Reply(250, (b"ok",)), Reply(250, (b"ok",)), Reply(250, (b"a", b"ok")), Reply(250, (b"ok",))]
    assert replies[0] is replies[1]


def test_only_so_many_lines_are_remembered() -> None:
    """A relay that names each message in its replies fills no memory."""
    reader, replies = ReplyReader(), list[Reply]()
    stream = b"".join(b"250 queued as %d\r\n" % number for number in range(MOST_KNOWN + 1))
    for _ in range(2):
        assert reader.feed(stream, replies) is None
    once, again = replies[: MOST_KNOWN + 1], replies[MOST_KNOWN + 1 :]
    assert once == again
    assert [a is b for a, b in zip(once, again, strict=True)] == [True] * MOST_KNOWN + [False]


@given(st.lists(st.integers(0, len(STREAM))))
def test_split_anywhere_the_replies_are_the_same(cuts: list[int]) -> None:
    reader = ReplyReader()
    places = [0, *sorted(cuts), len(STREAM)]
    replies: list[Reply] = []
    faults = [reader.feed(STREAM[a:b], replies) for a, b in pairwise(places)]

    assert replies == REPLIES
    assert not any(faults)
    assert reader.is_between_replies


@given(st.lists(st.binary() | st.sampled_from([b"250 ", b"250-", b"\r\n", b"354 x\r\n"])))
def test_any_octets_are_replies_or_not_smtp(chunks: list[bytes]) -> None:
    reader, replies = ReplyReader(), list[Reply]()
    for chunk in chunks:
        if reader.feed(chunk, replies) is not None:
            break

    assert all(200 <= reply.code < 600 for reply in replies)


def test_what_was_whole_before_the_garbage_counts() -> None:
    """The answer to a dot must not be lost to what follows it."""
    replies: list[Reply] = []

    assert ReplyReader().feed(b"250 taken\r\n\x00garbage\r\n", replies)
    assert replies == [Reply(250, (b"taken",))]


@pytest.mark.parametrize("flood", [b"250 " + b"x" * MOST_OCTETS, b"250-x\r\n" * MOST_OCTETS])
def test_a_reply_without_end_is_given_up(flood: bytes) -> None:
    assert ReplyReader().feed(flood, [])


ALL, SETTING_UP = list(Stage), [Stage.CONNECT, Stage.EHLO, Stage.TLS, Stage.AUTH]
ENVELOPE = [Stage.MAIL, Stage.RCPT, Stage.DATA]

TABLE = [
    # 421 ends the connection; nobody has had an attempt but the message whose dot it answers.
    (SETTING_UP + ENVELOPE, 421, None, "unsent"),
    ([Stage.DOT], 421, None, "deferred"),
    # Before any message: not now, or not us.
    (SETTING_UP, 450, None, "unsent"),
    (SETTING_UP, 454, (4, 7, 0), "unsent"),
    (SETTING_UP, 554, None, "blocked"),
    (SETTING_UP, 535, (5, 7, 8), "blocked"),
    # 4xx: later.
    ([*ENVELOPE, Stage.DOT], 450, (4, 2, 0), "deferred"),
    ([*ENVELOPE, Stage.DOT], 452, None, "deferred"),
    ([*ENVELOPE, Stage.DOT], 499, None, "deferred"),
    # 5xx to MAIL is about us, later about the recipient.
    ([Stage.MAIL], 550, (5, 7, 1), "blocked"),
    ([Stage.MAIL], 552, None, "blocked"),
    ([Stage.RCPT, Stage.DATA, Stage.DOT], 550, (5, 1, 1), "refused"),
    ([Stage.RCPT, Stage.DATA, Stage.DOT], 552, (5, 2, 2), "refused"),
    ([Stage.RCPT, Stage.DATA, Stage.DOT], 554, (5, 7, 1), "refused"),
    ([Stage.RCPT, Stage.DATA, Stage.DOT], 501, (5, 1, 3), "refused"),
    # Unless it says otherwise.
    ([*ENVELOPE, Stage.DOT], 530, (5, 7, 0), "blocked"),
    ([*ENVELOPE, Stage.DOT], 535, None, "blocked"),
    ([*ENVELOPE, Stage.DOT], 503, (5, 5, 1), "blocked"),
    ([*ENVELOPE, Stage.DOT], 502, None, "blocked"),
    ([*ENVELOPE, Stage.DOT], 550, (5, 7, 8), "blocked"),
    ([*ENVELOPE, Stage.DOT], 550, (5, 1, 8), "blocked"),
    # Taken.
    ([Stage.DOT], 250, (2, 0, 0), "accepted"),
    ([Stage.DOT], 251, None, "accepted"),
    # What answers nothing we asked.
    ([Stage.DOT], 354, None, "doubtful"),
    ([Stage.DATA], 250, None, "deferred"),
    ([Stage.MAIL, Stage.RCPT], 354, None, "deferred"),
]


@pytest.mark.parametrize(
    ("stage", "code", "enhanced", "kind"),
    [(stage, code, enhanced, kind) for stages, code, enhanced, kind in TABLE for stage in stages],
)
def test_what_a_reply_means(stage: Stage, code: int, enhanced: tuple[int, int, int] | None, kind: str) -> None:
    assert classify(stage, code, enhanced) == OutcomeKind(kind)


@given(st.sampled_from(Stage), st.integers(200, 599))
def test_doubt_and_acceptance_come_of_a_dot_alone(stage: Stage, code: int) -> None:
    kind = classify(stage, code)

    assert stage is Stage.DOT or kind not in (OutcomeKind.DOUBTFUL, OutcomeKind.ACCEPTED)
    assert stage is not Stage.DOT or kind is not OutcomeKind.UNSENT


def test_an_outcome_is_fit_to_be_kept() -> None:
    reply = Reply(550, (b"5.1.1 <Ada@Example.org>\x00 is", b"unknown \xff" + b"x" * 1000))
    outcome = outcome_of(Stage.RCPT, reply, b"ada@example.ORG")

    assert outcome.kind is OutcomeKind.REFUSED
    assert outcome.text.startswith("5.1.1 <recipient>  is unknown �xxx")
    assert len(outcome.text) <= 520


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("5.1.1 <Ada@example.org>: alias of <ada.l@intern.example> unknown", "<recipient>: alias of <address> unknown"),
        ("5.1.1 ada@example.org -> ada.l@intern.example, gone", "recipient -> address, gone"),
        ('5.1.1 sender "b+x@bounce.example" may not', 'sender "address" may not'),
        ("5.1.1 " + "x" * 485 + " ada@example.org", "x" * 485 + " address"),
        ("5.1.1 " + "@ " * 400, ("address " * 400)[:494]),
    ],
    ids=["an alias", "an alias without brackets", "our sender", "the recipient cut short", "nothing but signs"],
)
def test_no_address_is_kept_whoever_s_it_is(said: str, kept: str) -> None:
    assert outcome_of(Stage.RCPT, Reply(550, (said.encode(),)), b"ada@example.org").text == f"5.1.1 {kept}"
