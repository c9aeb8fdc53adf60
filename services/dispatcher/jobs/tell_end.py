"""Whom it is told to that a job has ended: rows for the transaction that ends it, sent by others after its commit."""

from collections.abc import Sequence
from typing import Final

import structlog

from services.dispatcher.decisions.write_report import write_report
from services.dispatcher.jobs.held_job import HeldJob
from services.dispatcher.jobs.statements import STATEMENTS
from services.dispatcher.jobs.work import JobTools
from shared.domain.job_answer import JobFacts, answer_of
from shared.domain.postback_body import postback_body
from shared.event_store.interface import Write
from shared.notices.record import NewNotice, notice_row
from shared.postgres.database import Row
from shared.sealing import NONCE_SIZE, CannotOpen, job_key_context, open_sealed, postback_context, seal

log = structlog.get_logger(__name__)

REPORT_SECONDS: Final = 86_400.0  #: a report that comes later helps nobody


def rows_that_tell(tools: JobTools, job: HeldJob, facts: JobFacts, row: Row) -> Sequence[Write]:
    """``row``: of ``job_to_end``."""
    writes = []
    if row["report_email"] is not None:
        writes.append(notice_row(_report(tools, job, facts, row["report_email"])))
    if row["postback_url"] is not None and (body := _postback(tools, job, facts, row)) is not None:
        writes.append(Write(STATEMENTS["add_postback"], (job.number, job.account_id, row["postback_url"], body)))
    return writes


def _report(tools: JobTools, job: HeldJob, facts: JobFacts, address: str) -> NewNotice:
    return NewNotice(
        account_id=job.account_id,
        user_id=job.user_id,
        channel="email",
        purpose="job_report",
        origin=f"job-{job.number}",
        sender="",  # whatever comes back is for nobody
        address=address,
        content=write_report(facts, tools.report_from, address, tools.now()),
        expires_seconds=REPORT_SECONDS,
    )


def _postback(tools: JobTools, job: HeldJob, facts: JobFacts, row: Row) -> bytes | None:
    """Sealed. None: the key it is signed with cannot be opened any more."""
    try:
        key = open_sealed(tools.secret, job_key_context(job.number), row["sealed_key"]).decode()
        context = f"account-{job.account_id} sailthru_secret"
        secret = open_sealed(tools.secret, context, row["sailthru_secret"]).decode()
    except CannotOpen:
        log.warning("postback not made", action="postback_not_made", job=job.number)
        return None
    body = postback_body(answer_of(facts, tools.now()), key, secret)
    return seal(tools.secret, postback_context(job.number), body, tools.random_bytes(NONCE_SIZE))
