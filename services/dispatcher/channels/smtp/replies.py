"""What an SMTP server says: reading its replies and judging what they mean for a message. Pure."""

import re
from typing import Final, NamedTuple

from services.dispatcher.channels.interface import Outcome, OutcomeKind, Stage

MOST_OCTETS: Final = 65_536  #: of a reply that does not end; RFC 5321 4.5.3.1.5 allows 512 a line
MOST_KNOWN: Final = 16  #: lines remembered of a connection; those to an envelope come first
LONGEST_TEXT: Final = 500  #: characters of a reply that are kept

_ENHANCED: Final = re.compile(rb"([245])\.(\d{1,3})\.(\d{1,3})(?=\s|$)")
_NOT_PRINTED: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_ADDRESS: Final = re.compile(r"[^\s<>()\[\]\"',;:]*@[^\s<>()\[\]\"',;:]*")

_SETTING_UP: Final = frozenset({Stage.CONNECT, Stage.EHLO, Stage.TLS, Stage.AUTH})
#: Whatever the stage, these speak of us: commands not known or out of order, authentication missing or refused (RFC
#: 4954).
_OUR_FAULT: Final = frozenset({500, 502, 503, 530, 534, 535, 538})
#: And these of RFC 3463 and 4954: our sender's address is no good, our credentials are not.
_OUR_FAULT_ENHANCED: Final = frozenset({(5, 1, 7), (5, 1, 8), (5, 7, 8), (5, 7, 9), (5, 7, 11)})

_CODES: Final = {b"%d" % code: code for code in range(200, 600)}
_MARKS: Final = frozenset({b" ", b"-", b"\r", b""})

#: Looked up once: nearly every message asks for them.
_DOT, _ACCEPTED = Stage.DOT, OutcomeKind.ACCEPTED

Enhanced = tuple[int, int, int]


class NotSmtp(Exception):
    """What came is no SMTP reply, or one that does not end."""


class Reply(NamedTuple):
    code: int
    raw: tuple[bytes, ...]  #: the text of its lines, without code and line break

    @property
    def text(self) -> str:
        return b" ".join(self.raw).decode("utf-8", "replace")

    @property
    def enhanced(self) -> Enhanced | None:
        """The status code of RFC 3463, where the reply begins with one."""
        match = _ENHANCED.match(self.raw[0])
        return (int(match[1]), int(match[2]), int(match[3])) if match else None


class ReplyReader:
    """Cuts a stream of octets, split anywhere, into replies.

    A bare LF ends a line too: servers err, and nothing hangs on it here.
    """

    __slots__ = ("_kept", "_known", "_rest", "_size")

    def __init__(self) -> None:
        self._rest = b""
        self._kept: list[bytes] = []  #: lines of a reply that goes on
        self._size = 0
        self._known: dict[bytes, Reply] = {}  #: replies of one line as they came: a relay says the same again and again

    @property
    def is_between_replies(self) -> bool:
        return not self._rest and not self._kept

    def feed(self, data: bytes, replies: list[Reply]) -> str | None:
        """Adds each reply that ``data`` completes. Returns why one cannot be read: then the stream has no meaning."""
        *lines, self._rest = (self._rest + data).split(b"\n") if self._rest else data.split(b"\n")
        for line in lines:
            known = self._known.get(line)
            if known is not None and not self._kept:
                replies.append(known)
                continue
            code, mark = _CODES.get(line[:3]), line[3:4]
            if code is None or mark not in _MARKS:
                return f"not an SMTP reply: {line[:80]!r}"
            text = line[4:].rstrip(b"\r")
            if mark == b"-":
                self._kept.append(text)
                self._size += len(text) + 6
                if self._size > MOST_OCTETS:
                    return "a reply does not end"
            elif self._kept:
                replies.append(Reply(code, (*self._kept, text)))
                self._kept, self._size = [], 0
            else:
                replies.append(reply := Reply(code, (text,)))
                if len(self._known) < MOST_KNOWN:
                    self._known[line] = reply
        return "a line does not end" if len(self._rest) > MOST_OCTETS else None


def classify(stage: Stage, code: int, enhanced: Enhanced | None = None) -> OutcomeKind:
    """What a reply means for the message whose turn it was (RFC 5321 4.2.1, 4.3.2)."""
    if stage is _DOT and code < 300:
        return _ACCEPTED
    if code == 421:
        return OutcomeKind.DEFERRED if stage is Stage.DOT else OutcomeKind.UNSENT
    if stage in _SETTING_UP:
        return OutcomeKind.BLOCKED if code >= 500 else OutcomeKind.UNSENT
    if code >= 500:
        ours = stage is Stage.MAIL or code in _OUR_FAULT or enhanced in _OUR_FAULT_ENHANCED
        return OutcomeKind.BLOCKED if ours else OutcomeKind.REFUSED
    if stage is _DOT and code < 400:
        # 354 in answer to a dot: whether it took the message is anybody's guess.
        return OutcomeKind.DOUBTFUL
    return OutcomeKind.DEFERRED


def outcome_of(stage: Stage, reply: Reply, recipient: bytes = b"") -> Outcome:
    kind = classify(stage, reply.code, reply.enhanced if reply.code >= 400 else None)
    return Outcome(kind, reply.code, _told(reply.text, recipient), stage)


def _told(text: str, recipient: bytes) -> str:
    """Fit to be kept: one line, not endless, and without any address, the recipient's or what it is an alias of: none
    must live on in a log.
    """
    text = text[:LONGEST_TEXT]
    if not text.isprintable():
        text = _NOT_PRINTED.sub(" ", text)
    if "@" in text and recipient:
        text = re.sub(re.escape(recipient.decode("utf-8", "replace")), "recipient", text, flags=re.IGNORECASE)
    return _ADDRESS.sub("address", text)[:LONGEST_TEXT] if "@" in text else text
