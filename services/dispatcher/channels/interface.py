"""What a channel promises to the sender: every message handed in gets exactly one outcome."""

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple, Protocol


class Stage(StrEnum):
    """How far a message, or the connection for it, had come."""

    CONNECT = "connect"
    EHLO = "ehlo"
    TLS = "tls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    DOT = "dot"


class OutcomeKind(StrEnum):
    ACCEPTED = "accepted"
    REFUSED = "refused"  #: for good, for this recipient
    DEFERRED = "deferred"  #: for now; an attempt is spent
    DOUBTFUL = "doubtful"  #: its dot was sent and no answer came
    UNSENT = "unsent"  #: its dot was never sent; free to try again, no attempt is spent
    BLOCKED = "blocked"  #: the relay refuses us, not the recipient; no attempt is spent


class Outcome(NamedTuple):
    kind: OutcomeKind
    code: int  #: the relay's reply code; 0 where there was no reply
    text: str  #: the reply, or what happened instead; never holds the recipient's address
    stage: Stage
    pause: float = 0.0  #: seconds for which the peer wants nothing more on this connection

    @property
    def note(self) -> str:
        """As the delivery log keeps it, for those who judge a bounce later: the code as well, where there is one."""
        return f"{self.code} {self.text}".rstrip() if self.code else self.text


class Outgoing(NamedTuple):
    """One message, ready. A mail: ``sender`` may be empty (the null reverse-path), addresses as ``to_envelope`` writes
    them, ``content`` as for DATA. An SMS: ``recipient`` in E.164, ``content`` its text in UTF-8.
    """

    ordinal: int
    sender: bytes
    recipient: bytes
    content: bytes
    reference: str = ""  #: what a receipt names the message by; of SMS, the same at each attempt
    is_strict: bool = False  #: each line of the content ends in CRLF and none begins with a dot: whoever made it knows


class Hooks(Protocol):
    """What the sender does at the moments that count. Called from the event loop, so neither may wait.

    An exception of either drops the connection and comes out of ``send_all``, after every message has its outcome.
    """

    def before_dot(self, ordinal: int) -> bool | bytes:
        """Right before the write that holds the final dot. False: do not send; the connection is dropped instead.

        Octets stand for yes, and are the name by which whoever comes after this process would know the dot.
        """
        ...

    def may_begin_again(self) -> bool:
        """Whether a message that was begun over a connection which is gone may be begun over another one at once."""
        ...

    def on_outcome(self, ordinal: int, outcome: Outcome) -> None:
        """As soon as it is known what became of the message; once for each message handed in."""
        ...


class Channel(Protocol):
    async def send_all(self, messages: Iterable[Outgoing], hooks: Hooks) -> Outcome | None:
        """Sends until ``messages`` ends or nothing more can be sent; messages are taken only as they are sent, and none
        before a connection stands.

        Returns None at the end, or why it stopped before it: unsent (no connection, or ``before_dot`` said no),
        doubtful (a connection answered nothing at all), blocked, or deferred (with the pause that was asked for). What
        was not taken by then is still in ``messages``.
        Cancelling drops the connection at once and reports what was under way.
        """
        ...

    async def close(self) -> None: ...
