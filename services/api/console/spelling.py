"""How the console spells numbers, times and states. Pure."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal

from services.api.console.markup import Markup, el

#: What a state means to whoever is on call: nothing to do, going on, look at it, act.
Tone = Literal["calm", "busy", "warn", "bad", "good"]

_TONES: Final[Mapping[str, Tone]] = {
    **dict.fromkeys(("scheduled", "pending", "draft", "waiting", "cancelled", "empty", "expired"), "calm"),
    **dict.fromkeys(("sending", "ready", "starting", "winning"), "busy"),
    **dict.fromkeys(("completed", "done", "accepted", "delivered", "open", "winner"), "good"),
    **dict.fromkeys(("paused", "in doubt", "suppressed", "uncharged", "stopped", "undecided"), "warn"),
    **dict.fromkeys(("blocked", "error", "failed", "bounced", "parked", "given up"), "bad"),
}


def number(value: int) -> Markup:
    return el("span", f"{value:,}", class_="n")


def share(part: int, whole: int) -> str:
    """In percent. What is neither nothing nor all is never told as 0 % or 100 %."""
    if not whole:
        return "–"
    percent = 100 * part / whole
    if 0 < percent < 0.1:
        return "<0.1 %"
    if part < whole and percent > 99.9:
        return ">99.9 %"
    return f"{percent:.0f} %" if percent in (0, 100) else f"{percent:.1f} %"


def when(instant: float | None) -> Markup:
    """UTC, to the second; a dash for never."""
    if instant is None:
        return el("span", "–", class_="quiet")
    at = datetime.fromtimestamp(instant, UTC).isoformat(timespec="seconds").removesuffix("+00:00")
    return el("time", at.replace("T", " "), datetime=f"{at}Z", class_="n")


def badge(state: str) -> Markup:
    """A state by its word; the colour only repeats what the word says."""
    word = state.replace("_", " ").lower()
    return el("span", word, class_=f"badge {_TONES.get(word, 'calm')}")


def name(given: str) -> Markup:
    """A name that somebody gave: whatever direction it is written in, it keeps to itself."""
    return el("bdi", given if given.strip() else "(no name)")


def state_of_task(task: Mapping[str, Any]) -> str:
    """The one word for where a task is. ``task``: as the API answers it."""
    if task["cancelled"] or task["completed"]:
        return "cancelled" if task["cancelled"] else "completed"
    if task["paused"]:
        return "paused"
    if task["blocked_reason"]:
        return "blocked"
    return "sending" if task["started"] else "scheduled"


def state_of_splittest(test: Mapping[str, Any]) -> str:
    """The one word for where a split test is. ``test``: as the API answers it."""
    if test["cancelled"] or test["completed"]:
        return "cancelled" if test["cancelled"] else "completed"
    if test["winner_message_id"] is not None:
        return "winning"
    if test["measured_at"] is not None:
        return "undecided"
    return "sending" if test["started"] else "scheduled"


def reason_of_task(task: Mapping[str, Any]) -> str | None:
    """Why it is paused or blocked; None: it is not, or nobody said so."""
    reason: str | None = task["blocked_reason"] if state_of_task(task) == "blocked" else task["paused_reason"]
    return reason if state_of_task(task) in ("blocked", "paused") else None


def channel(word: str) -> str:
    return "SMS" if word == "sms" else "Email"
