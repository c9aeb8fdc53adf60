"""A split test as the API shows it, from its row or from its state just decided. Pure."""

from collections.abc import Mapping
from typing import Any

from services.api.moments import moment, moment_or_null
from services.api.resources.splittest.schema import SplitTestAnswer, VariantAnswer
from shared.domain.split_test import SplitTest


def splittest_answer(row: Mapping[str, Any]) -> SplitTestAnswer:
    """``row``: its columns, times as unix seconds."""
    recipients, shares = row["recipients"], row["shares"]
    return SplitTestAnswer(
        id=row["id"],
        name=row["name"],
        message_ids=list(row["message_ids"]),
        list_id=row["list_id"],
        search_id=row["search_id"],
        criterion=row["criterion"],
        action=row["action"],
        delay=row["delay"],
        segmenttype=row["segmenttype"],
        segmentvalue=row["segmentvalue"],
        tie=row["tie"],
        scheduledtime=moment(row["scheduledtime"]),
        rate=row["rate"],
        in_doubt=row["in_doubt"],
        user_id=row["user_id"],
        size=row["size"],
        cdate=moment(row["cdate"]),
        started=row["started"],
        cancelled=row["cancelled"],
        completed=row["completed"],
        endtime=moment_or_null(row["endtime"]),
        recipients=recipients,
        rest=None if recipients is None else recipients - sum(shares),
        variants=[_variant(row, place) for place in range(len(row["message_ids"]))],
        measured_at=moment_or_null(row["measured_at"]),
        winner_message_id=row["winner_message_id"],
        winner_task_id=row["winner_task_id"],
    )


def _variant(row: Mapping[str, Any], place: int) -> VariantAnswer:
    """The ids of tasks are settled before these are there: they are told once they are."""
    drawn, measured = row["shares"] is not None, row["scores"] is not None
    return VariantAnswer(
        message_id=row["message_ids"][place],
        task_id=row["task_ids"][place] if drawn else None,
        recipients=row["shares"][place] if drawn else None,
        accepted=row["accepted"][place] if measured else None,
        score=row["scores"][place] if measured else None,
    )


def row_of(test: SplitTest) -> dict[str, Any]:
    """The columns of its row that ``splittest_answer`` reads."""
    terms, draw, measured, winner = test.terms, test.draw, test.measured, test.winner
    return {
        "id": test.splittest_id,
        "name": terms.name,
        "message_ids": terms.message_ids,
        "list_id": terms.list_id,
        "search_id": terms.search_id,
        "criterion": terms.criterion,
        "action": terms.action,
        "delay": terms.delay,
        "segmenttype": terms.segmenttype,
        "segmentvalue": terms.segmentvalue,
        "tie": terms.tie,
        "scheduledtime": terms.scheduledtime,
        "rate": test.rate,
        "in_doubt": test.in_doubt,
        "user_id": test.user_id,
        "size": test.size,
        "cdate": test.cdate,
        "started": test.started_at is not None,
        "cancelled": test.stage == "cancelled",
        "completed": test.stage == "completed",
        "endtime": test.endtime,
        "task_ids": test.task_ids,
        "recipients": draw and draw.recipients,
        "shares": draw and draw.shares,
        "accepted": measured and measured.accepted,
        "scores": measured and measured.scores,
        "measured_at": measured and measured.at,
        "winner_message_id": winner and winner.message_id,
        "winner_task_id": test.winner_task_id,
    }
