"""What we sign, another implementation verifies; and whatever is changed on the way breaks the signature."""

import re
from dataclasses import replace
from email import message_from_bytes, policy

import pytest
from dkim.canonicalization import Relaxed  # type: ignore[import-untyped]  # it has no types
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.composing.dkim import MessageSigner, canonical_body, canonical_field
from shared.composing.fill_message import RecipientData, fill
from shared.composing.mail_headers import encode_name, encode_subject
from shared.composing.prepare_message import prepare
from shared.domain.email_content import EmailContent
from tests.signing_domain import BOTH, PUBLISHED
from tests.unit.shared.composing.test_prepare_message import ADA, CONTENT, CONTEXT, KEYS, recipients
from tests.verify_dkim import verdicts

TIME = 1_700_000_000.5
NAMES = [
    *("From", "To", "Subject", "Date", "Message-ID", "Reply-To", "List-Unsubscribe", "List-Unsubscribe-Post"),
    *("Feedback-ID", "MIME-Version", "Content-Type"),
]
SIGNED_ONCE_MORE = ["From", "Subject"]

#: Lines as any author may write them, and whatever else can stand in one.
bodies = st.lists(
    st.text("ab \t.=\x0b\xa0é").map(str.encode) | st.binary(max_size=90).map(lambda line: re.sub(rb"[\r\n]", b"", line))
).map(lambda lines: b"".join(line + b"\r\n" for line in lines))
texts = st.text() | st.text("wo rd", min_size=60, max_size=400)


def signed(content: EmailContent = CONTENT, who: RecipientData = ADA, ordinal: int = 5) -> bytes:
    """With the keys prepared from another recipient's message, as a task's are."""
    message = prepare(content, CONTEXT)
    sample = fill(message, 0, RecipientData("sample@example.org", None, {}), KEYS)
    return MessageSigner(BOTH, sample, TIME).sign(fill(message, ordinal, who, KEYS))


def tags(content: bytes, number: int = 0) -> dict[str, str]:
    value = message_from_bytes(content, policy=policy.SMTP).get_all("DKIM-Signature", [])[number]
    return dict(tag.strip().split("=", 1) for tag in re.sub(r"\s+", "", str(value)).split(";"))


LONG = "x" * 3_000
ONE_PART = replace(CONTENT, html=None, marketing=False, track_opens=False)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(CONTENT, id="two parts"),
        pytest.param(replace(CONTENT, text=None), id="html alone"),
        pytest.param(ONE_PART, id="text alone"),
        pytest.param(replace(CONTENT, subject="Plain ASCII", from_name="Shop"), id="ascii"),
        pytest.param(replace(CONTENT, subject="Grüße an alle, " * 12), id="a folded subject in UTF-8"),
        pytest.param(replace(CONTENT, subject="word " * 60), id="a folded subject in ASCII"),
        pytest.param(replace(CONTENT, subject="a  b   c"), id="a subject with wide gaps"),
        pytest.param(replace(ONE_PART, text="\n"), id="an empty line"),
        pytest.param(replace(ONE_PART, text=" "), id="a blank"),
        pytest.param(replace(ONE_PART, text="end\n\n\n\n"), id="empty lines at the end"),
        pytest.param(replace(ONE_PART, text="trailing  \nblanks \t\n\n"), id="blanks at the ends of lines"),
        pytest.param(replace(ONE_PART, text="a   b\t\tc\n        indented\n"), id="wide gaps"),
        pytest.param(replace(ONE_PART, text=".\n..\n.dot\n"), id="dots"),
        pytest.param(replace(ONE_PART, text=f"{LONG} {LONG}\n{'y ' * 500}"), id="long lines"),
        pytest.param(replace(ONE_PART, text="日本語 \u2028 é" * 40), id="a body in UTF-8"),
    ],
)
def test_both_signatures_verify(content: EmailContent) -> None:
    assert verdicts(signed(content), PUBLISHED) == [True, True]


@settings(deadline=None)  # another implementation's time
@given(recipients)
def test_they_verify_for_every_recipient(who: RecipientData) -> None:
    """What is in canonical form beforehand is that of another recipient's message."""
    assert verdicts(signed(who=who), PUBLISHED) == [True, True]


def test_a_recipient_beyond_ascii_is_signed_as_well() -> None:
    content = signed(who=ADA._replace(email="jörg@example.org"))

    assert "To: jörg@example.org".encode() in content
    assert verdicts(content, PUBLISHED) == [True, True]


def test_every_field_we_write_is_signed_and_two_of_them_once_more() -> None:
    """List-Unsubscribe and List-Unsubscribe-Post are covered (RFC 8058 4), and Feedback-ID."""
    content = signed()
    present = [name for name in message_from_bytes(content) if name != "DKIM-Signature"]

    assert present == NAMES
    assert {"List-Unsubscribe", "List-Unsubscribe-Post", "Feedback-ID"} <= set(tags(content)["h"].split(":"))
    assert tags(content, 0)["h"] == tags(content, 1)["h"] == ":".join([*NAMES, *SIGNED_ONCE_MORE])


@pytest.mark.parametrize("name", NAMES)
def test_a_changed_field_breaks_both(name: str) -> None:
    header, end, body = signed().partition(b"\r\n\r\n")
    changed = re.sub(rb"(?m)^(%s: .*?)([A-Za-z0-9])" % name.encode(), rb"\1_", header, count=1)

    assert changed != header
    assert verdicts(changed + end + body, PUBLISHED) == [False, False]


@pytest.mark.parametrize("name", SIGNED_ONCE_MORE)
def test_one_more_field_of_that_name_breaks_both(name: str) -> None:
    assert verdicts(f"{name}: somebody else\r\n".encode() + signed(), PUBLISHED) == [False, False]


def test_a_changed_body_breaks_both() -> None:
    """Whichever octet it is."""
    content = signed(ONE_PART)
    start = content.index(b"\r\n\r\n") + 4

    for place in range(start, len(content), 7):
        if content[place : place + 1] not in b" \r\n":
            changed = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            assert verdicts(changed, PUBLISHED) == [False, False]


def test_blanks_that_a_relay_changes_break_nothing() -> None:
    """That is what the relaxed form is for."""
    content = signed().replace(b"Subject: Hello Ada, from", b"SUBJECT:Hello  Ada,\r\n\tfrom") + b"\r\n\r\n"

    assert b"SUBJECT:" in content
    assert verdicts(content, PUBLISHED) == [True, True]


def test_a_retry_repeats_every_octet() -> None:
    """Another process, that knows the task anew, signs the same."""
    assert signed() == signed()


def test_what_the_signatures_say() -> None:
    """The time is that of the task's start; there is no length up to which a body is signed, and no end of validity."""
    common = {"v": "1", "c": "relaxed/relaxed", "d": "sender.example", "t": "1700000000"}
    rsa, ed25519 = tags(signed(), 0), tags(signed(), 1)

    assert rsa.items() >= {**common, "a": "rsa-sha256", "s": "prtest"}.items()
    assert ed25519.items() >= {**common, "a": "ed25519-sha256", "s": "prtest-ed25519"}.items()
    assert set(rsa) == set(ed25519) == {"v", "a", "c", "d", "s", "t", "h", "bh", "b"}


def test_the_message_itself_is_not_touched() -> None:
    """It stands behind its signatures as it was; their lines are as short as the others."""
    plain = fill(prepare(CONTENT, CONTEXT), 5, ADA, KEYS)
    content = signed()

    assert content.endswith(plain)
    assert all(len(line) <= 78 for line in content.removesuffix(plain).split(b"\r\n"))


def test_one_key_makes_one_signature() -> None:
    message = prepare(CONTENT, CONTEXT)
    content = fill(message, 5, ADA, KEYS)

    assert verdicts(MessageSigner(BOTH[:1], content, TIME).sign(content), PUBLISHED) == [True]


@given(bodies)
def test_a_body_in_canonical_form_is_that_of_another_implementation(body: bytes) -> None:
    assert canonical_body(body) == Relaxed.canonicalize_body(body)


@given(texts, st.sampled_from([("Subject", encode_subject), ("From", encode_name)]))
def test_a_field_in_canonical_form_is_that_of_another_implementation(text: str, kind: tuple[str, object]) -> None:
    name, encode = kind
    value = b" " + encode(text)  # type: ignore[operator]  # one of two functions of a text
    [(canonical_name, canonical_value)] = Relaxed.canonicalize_headers([(name.encode(), value + b"\r\n")])

    assert canonical_field(name.encode() + b":" + value) == canonical_name + b":" + canonical_value
