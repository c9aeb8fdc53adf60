"""What all recipients of a task have in common, looked up and prepared once."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.dispatcher.sending.compose import Composer, EmailComposer, SmsComposer
from services.dispatcher.sending.load_keys import SigningKeys
from services.dispatcher.sending.statements import STATEMENTS
from shared.composing.dkim import DkimKey, MessageSigner
from shared.composing.fill_message import RecipientData, fill
from shared.composing.prepare_message import PreparedMessage, SendContext, prepare
from shared.composing.prepare_sms import prepare_sms
from shared.domain.email_content import EmailContent
from shared.domain.tokens import TokenKeys
from shared.postgres.database import Database, Row

KEPT = 64  #: prepared messages kept at a time


@dataclass(frozen=True, slots=True)
class Origin:
    """Where this installation sends from and is reached at."""

    tracker_url: str
    bounce_domain: str


@dataclass(frozen=True, slots=True)
class TaskToSend:
    task_id: int
    account_id: int
    list_id: int | None
    composer: Composer
    signer: MessageSigner | None = None  #: None: the From domain has no keys here
    correlation: str | None = None  #: the traceparent of what asked for the task


class PreparedTasks:
    """A started task never changes what is kept of it here."""

    def __init__(self, database: Database, origin: Origin, tokens: TokenKeys, keys: SigningKeys) -> None:
        self._database = database
        self._origin = origin
        self._tokens = tokens
        self._keys = keys
        self._kept: OrderedDict[int, TaskToSend] = OrderedDict()

    async def get(self, task_id: int) -> TaskToSend:
        kept = self._kept.get(task_id)
        if kept is not None:
            self._kept.move_to_end(task_id)
            return kept
        row = await self._database.fetch_row(STATEMENTS["task_to_send"], task_id)
        if row is None:
            raise LookupError(f"task {task_id} has batches and no started task")
        keys = await self._keys.of_task(task_id)
        task = self._kept[task_id] = _prepared(row, self._origin, self._tokens, keys)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        return task


def _prepared(row: Row, origin: Origin, tokens: TokenKeys, keys: Sequence[DkimKey]) -> TaskToSend:
    head = (row["id"], row["account_id"], row["list_id"])
    if row["channel"] == "sms":
        return TaskToSend(*head, _sms_composer(row, origin, tokens), None, row["correlation"])
    context, message = _email(row, origin)
    sample = fill(message, 0, RecipientData("sample@example.org", None, {}), tokens)
    signer = MessageSigner(keys, sample, context.date) if keys else None
    return TaskToSend(*head, EmailComposer(message, tokens), signer, row["correlation"])


def _sms_composer(row: Row, origin: Origin, tokens: TokenKeys) -> SmsComposer:
    content, list_name = row["content"], row["list_name"] or ""
    return SmsComposer(
        prepare_sms(content["sender"], content["body"], row["id"], origin.tracker_url, list_name), tokens
    )


def _email(row: Row, origin: Origin) -> tuple[SendContext, PreparedMessage]:
    content = _email_content(row["content"])
    context = SendContext(
        task_id=row["id"],
        account_id=row["account_id"],
        tracker_url=origin.tracker_url,
        message_id_domain=content.from_email.rpartition("@")[2],
        bounce_domain=row["bounce_domain"] or origin.bounce_domain,
        date=row["started_at"],
        list_name=row["list_name"] or "",
        links={url: number for number, url in enumerate(row["links"], start=1)},
    )
    return context, prepare(content, context)


def _email_content(content: Mapping[str, Any]) -> EmailContent:
    return EmailContent(
        subject=content["subject"],
        from_name=content.get("from_name") or "",
        from_email=content["from_email"],
        reply_to=content.get("reply_to"),
        html=content.get("html"),
        text=content.get("text"),
        track_opens=bool(content.get("track_opens", True)),
        track_clicks=bool(content.get("track_clicks", True)),
        marketing=content.get("class", "marketing") == "marketing",
    )
