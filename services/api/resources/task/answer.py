"""A task as the API shows it, from its row or from its state just decided. Pure."""

from collections.abc import Mapping
from typing import Any

from services.api.moments import moment, moment_or_null
from services.api.resources.task.schema import TaskAnswer
from shared.domain.delivery import Kind
from shared.domain.task import Task


def task_answer(row: Mapping[str, Any], counts: Mapping[Kind, int]) -> TaskAnswer:
    """``row``: a task's columns, times as unix seconds. ``counts``: recipients by kind; a missing kind has none."""

    def of_email(kind: Kind) -> int | None:
        return counts.get(kind, 0) if row["channel"] == "email" else None

    return TaskAnswer(
        id=row["id"],
        cancelled=row["cancelled"],
        channel=row["channel"],
        completed=row["completed"],
        emailuniquebounces=of_email(Kind.BOUNCED),
        emailuniqueclicks=of_email(Kind.CLICKED),
        emailuniqueopens=of_email(Kind.OPENED),
        emailuniqueunsubscriptions=of_email(Kind.UNSUBSCRIBED),
        emailuniquecomplaints=of_email(Kind.COMPLAINED),
        endtime=moment_or_null(row["endtime"]),
        list_id=row["list_id"],
        message_id=row["message_id"],
        name=row["name"],
        rate=row["rate"],
        scheduledtime=moment(row["scheduledtime"]),
        search_id=row["search_id"],
        size=row["size"],
        smsuniquebounces=counts.get(Kind.BOUNCED, 0) if row["channel"] == "sms" else None,
        splittest_id=row["splittest_id"],
        cdate=moment(row["cdate"]),
        started=row["started"],
        recipients=row["recipients"],
        in_doubt=row["in_doubt"],
        user_id=row["user_id"],
        paused=row["paused"],
        paused_reason=row["paused_reason"],
        blocked_reason=row["blocked_reason"],
        expires=moment_or_null(row["expires"]),
        send_window=row["send_window"],
        campaign_id=row["campaign_id"],
        segments=list(row["segments"]),
    )


def row_of(task: Task, blocked_reason: str | None = None) -> dict[str, Any]:
    """The columns of a task's row that ``task_answer`` reads; what blocks it is no part of its state."""
    return {
        "id": task.task_id,
        "user_id": task.user_id,
        "channel": task.channel,
        "name": task.name,
        "message_id": task.message_id,
        "list_id": task.list_id,
        "search_id": task.search_id,
        "splittest_id": task.splittest_id,
        "rate": task.rate,
        "in_doubt": task.in_doubt,
        "scheduledtime": task.scheduledtime,
        "size": task.size,
        "cdate": task.cdate,
        "started": task.started,
        "cancelled": task.stage == "cancelled",
        "completed": task.stage == "completed",
        "endtime": task.endtime,
        "recipients": task.recipients,
        "paused": task.paused,
        "paused_reason": task.pause and task.pause.reason,
        "blocked_reason": None if task.stage in ("completed", "cancelled") else blocked_reason,
        "expires": task.expires,
        "send_window": task.send_window,
        "campaign_id": task.campaign_id,
        "segments": task.segments,
    }
