"""Mail that comes back: who it may come for, and what is recorded of it before it is answered.

An address is taken only where it is one that a message of ours really came from: a signed token of the kind, of a task
and a recipient that there are. So this is no relay, and a forged bounce reaches nobody. What the mail says is read in a
thread, since some of it is made to take long.
"""

import asyncio
import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final

import structlog

from services.tracker.decisions.returned_mail.judge_mail import judge_mail
from services.tracker.decisions.returned_mail.judgement import Judgement
from services.tracker.intake.known_tasks import KnownTasks
from services.tracker.intake.record import HitRecorder, NotStored
from services.tracker.metrics import Metrics
from shared.delivery_log.gather_hits import Hit
from shared.domain.identifiers import Instant
from shared.domain.tokens import Token, TokenKeys, TokenKind
from shared.postgres.database import DatabaseError

log = structlog.get_logger(__name__)

MOST_RECIPIENTS: Final = 100  #: of one mail
MOST_READ_AT_ONCE: Final = 2  #: mails; what is hostile takes a second, and tens of megabytes
READ_SECONDS: Final = 20.0  #: how long a mail waits at most to be read

TAKEN: Final = "250 2.1.5 OK"
STORED: Final = "250 2.0.0 stored"
NOBODY: Final = "550 5.1.1 no such address"
TOO_MANY: Final = "452 4.5.3 too many recipients"
LATER: Final = "451 4.3.0 not stored, try again"

# It writes of every mail that one of its readers stumbles over, with a trace.
logging.getLogger("flufl.bounce").disabled = True


@dataclass(frozen=True, slots=True)
class BounceIntake:
    keys: TokenKeys
    tasks: KnownTasks
    recorder: HitRecorder
    now: Callable[[], Instant]
    metrics: Metrics
    readers: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(MOST_READ_AT_ONCE, "read-mail"))

    async def answer_recipient(self, address: str, before: int) -> str:
        """Whether a mail may come for ``address``, as a reply to RCPT; ``before``: recipients it has already."""
        if before >= MOST_RECIPIENTS:
            return self._turned_away("recipients", TOO_MANY)
        token = self._token(address)
        if token is None:
            return self._turned_away("address", NOBODY)
        try:
            task = await self.tasks.find(token.task)
        except DatabaseError:
            return self._turned_away("not_stored", LATER)
        known = task is not None and token.ordinal < task.recipients
        return TAKEN if known else self._turned_away("address", NOBODY)

    async def take(self, addresses: Sequence[str], content: bytes) -> list[str]:
        """Records what the mail says, for each of the addresses that were taken; then the replies, in their order."""
        try:
            judgement = await self._judge(content)
        except TimeoutError:
            return [self._turned_away("busy", LATER)] * len(addresses)
        tokens = [self._token(address) for address in addresses]
        distinct = list(dict.fromkeys(token for token in tokens if token is not None))
        stored = await asyncio.gather(*(self._record(token, judgement) for token in distinct))
        by_token = dict(zip(distinct, stored, strict=True))
        for token, is_stored in by_token.items():
            log.info(
                "mail came back",
                action="mail_returned",
                verdict=judgement.verdict,
                task_id=token.task,
                ordinal=token.ordinal,
                stored=is_stored,
            )
        self.metrics.returned.labels(judgement.verdict).inc(sum(stored))
        return [STORED if token and by_token[token] else LATER for token in tokens]

    async def _judge(self, content: bytes) -> Judgement:
        """Raises TimeoutError."""
        async with asyncio.timeout(READ_SECONDS):
            return await asyncio.get_running_loop().run_in_executor(self.readers, judge_mail, content)

    async def _record(self, token: Token, judgement: Judgement) -> bool:
        now_ms = int(self.now() * 1000)
        hits = [
            Hit(token.task, finding.kind, token.ordinal, now_ms, note=finding.note) for finding in judgement.findings
        ]
        try:
            await asyncio.gather(*map(self.recorder.record, hits))
        except NotStored:
            self.metrics.not_stored.inc()
            return False
        return True

    def _token(self, address: str) -> Token | None:
        token = self.keys.read_verp(address.partition("@")[0])
        return token if token and token.kind is TokenKind.BOUNCE else None

    def _turned_away(self, reason: str, reply: str) -> str:
        self.metrics.turned_away.labels(reason).inc()
        return reply
