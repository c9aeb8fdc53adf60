"""Whatever an author wrote and whoever it goes to: the octets are valid for the strictest server, and read back by the
standard library they mean what was written.
"""

from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

from hypothesis import given
from hypothesis import strategies as st

from services.dispatcher.channels.interface import Outgoing
from services.dispatcher.channels.smtp.wire import envelope_fault, mail_command, on_the_wire
from shared.composing.dkim import MessageSigner
from shared.composing.fill_message import RecipientData, envelope_sender, fill
from shared.composing.prepare_message import prepare
from shared.domain.email_address import to_envelope
from shared.domain.email_content import EmailContent, find_problems
from shared.domain.template import one_line
from tests.signing_domain import BOTH
from tests.unit.shared.composing.test_prepare_message import CONTEXT, KEYS, part, read

short = st.text(max_size=20) | st.text('ab é=?,."\\', max_size=20) | st.text("wo rd", max_size=20)
lines = short | short.map(lambda text: text * 15)
pieces = st.text(max_size=30) | st.text("ab .=\t\n\r<>&é日\u2028\x0b", max_size=30) | st.text("x.", max_size=30)
texts = pieces | pieces.map(lambda text: text * 40)
addresses = st.sampled_from(
    ["ada@example.org", "ada.lovelace+news@xn--bcher-kva.example", "jörg@example.org", "用户@例え.jp", "o'neil@x.co"]
)

contents = st.builds(
    EmailContent,
    subject=lines,
    from_name=lines,
    from_email=st.sampled_from(["news@example.org", "news@bücher.example"]),
    reply_to=st.none() | st.just("desk@example.org"),
    html=st.none() | texts,
    text=st.none() | texts,
    track_opens=st.just(False),
    track_clicks=st.just(False),
    marketing=st.just(False),
).filter(lambda content: not find_problems(content))
recipients = st.builds(RecipientData, email=addresses, telephone=st.none(), vars=st.just({}))


def written(content: EmailContent, who: RecipientData) -> bytes:
    return fill(prepare(content, CONTEXT), 5, who, KEYS)


def told(text: str) -> str:
    return one_line(text).strip().encode("utf-8", "replace").decode()


def name_in(value: str) -> str:
    """The display name. The newer parser leaves the blank between two encoded words, which RFC 2047 6.2 takes away."""
    return str(make_header(decode_header(parseaddr(value)[0])))


def body_of(message: EmailMessage, kind: str) -> str:
    return part(message, kind).removesuffix("\n")


def body_told(text: str) -> str:
    """Line breaks are LF here, and the last line ends with one, or the author's own does."""
    return text.replace("\r\n", "\n").replace("\r", "\n").encode("utf-8", "replace").decode().removesuffix("\n")


@given(contents, recipients)
def test_it_means_what_was_written(content: EmailContent, who: RecipientData) -> None:
    octets = written(content, who)
    message = read(octets)
    [sender], [recipient] = message["From"].addresses, message["To"].addresses

    assert message.defects == []
    assert message["Subject"] == told(content.subject)
    assert name_in(message_from_bytes(octets)["From"]) == told(content.from_name)
    assert sender.addr_spec.encode() == to_envelope(content.from_email)
    assert recipient.addr_spec.encode("ascii", "surrogateescape") == to_envelope(who.email)
    assert message["Reply-To"] == content.reply_to
    for kind, text in (("plain", content.text), ("html", content.html)):
        if text:
            assert body_of(message, kind) == body_told(text)


@given(contents, recipients)
def test_the_strictest_server_takes_it(content: EmailContent, who: RecipientData) -> None:
    """CRLF alone ends a line, none has more than 998 octets, and there is no dot for SMTP to stuff."""
    for octets in (written(content, who), _signed(content, who)):
        ended = octets.split(b"\r\n")

        assert on_the_wire(octets) == octets
        assert ended[-1] == b""
        assert not any(b"\r" in line or b"\n" in line or b"\0" in line for line in ended)
        assert max(map(len, ended)) <= 998


def _signed(content: EmailContent, who: RecipientData) -> bytes:
    octets = written(content, who)
    return MessageSigner(BOTH, octets, CONTEXT.date).sign(octets)


@given(contents, recipients)
def test_eight_bits_are_asked_for_only_where_an_address_needs_them(content: EmailContent, who: RecipientData) -> None:
    """Bodies and every other field are ASCII whatever they say: no relay has to convert, and no signature breaks."""
    prepared = prepare(content, CONTEXT)
    octets, recipient = fill(prepared, 5, who, KEYS), to_envelope(who.email)
    assert recipient is not None
    message = Outgoing(5, envelope_sender(prepared, 5, KEYS), recipient, octets)
    beyond = [line for line in octets.split(b"\r\n") if not line.isascii()]

    if recipient.isascii():
        assert beyond == []
        assert envelope_fault(message, frozenset()) is None
        assert mail_command(message) == b"MAIL FROM:<" + message.sender + b">\r\n"
    else:
        assert beyond == [b"To: " + recipient]
        assert envelope_fault(message, frozenset({"8BITMIME"})) is not None
        assert envelope_fault(message, frozenset({"8BITMIME", "SMTPUTF8"})) is None
        assert mail_command(message).endswith(b"> SMTPUTF8 BODY=8BITMIME\r\n")


@given(contents, recipients)
def test_a_message_is_four_names_and_a_sender_for_complaints(content: EmailContent, who: RecipientData) -> None:
    """Feedback-ID: task, account, class, and the one who sends it, 5 to 15 characters, as mailbox providers want it."""
    *names, sender = message_from_bytes(written(content, who), policy=policy.SMTP)["Feedback-ID"].split(":")

    assert names == ["7", "3", "service"]
    assert 5 <= len(sender) <= 15
