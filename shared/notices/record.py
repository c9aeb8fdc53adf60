"""Adds a notice: a single message outside any task, as a row that the dispatcher sends.

Written in the transaction of its cause: the opt-out and its confirmation are there together or not at all.
"""

from dataclasses import dataclass
from pathlib import Path

from shared.domain.identifiers import Channel
from shared.domain.notice import Purpose
from shared.event_store.interface import Write
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


@dataclass(frozen=True, slots=True)
class NewNotice:
    """``origin``: what it is for; a second one of the account with the same is not made.

    ``sender``: of an email's envelope, empty for none; what an SMS shows. ``content``: the octets of an email, with
    CRLF; the text of an SMS. ``expires_seconds``: from now; then it is not sent any more, and address and content are
    forgotten.
    """

    account_id: int
    channel: Channel
    purpose: Purpose
    origin: str
    sender: str
    address: str
    content: bytes | str
    expires_seconds: float
    subscriber_id: int | None = None
    user_id: int | None = None
    id: int | None = None  #: None: the next free one
    sample_id: int | None = None  #: the subscriber whose values it shows, where that is not who gets it


def notice_row(notice: NewNotice) -> Write:
    content = notice.content.encode() if isinstance(notice.content, str) else notice.content
    return Write(
        QUERIES["add_notice"],
        (
            notice.id,
            notice.account_id,
            notice.user_id,
            notice.subscriber_id,
            notice.channel,
            notice.purpose,
            notice.origin,
            notice.sender,
            notice.address,
            content,
            notice.expires_seconds,
            notice.sample_id,
        ),
    )
