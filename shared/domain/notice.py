"""A notice: a single message outside any task. What one may be for, and what may become of it."""

from typing import Literal, assert_never

from shared.domain.message_class import MessageClass

#: A marked proof of a message, of one of class service, the one answer to an opt-out by SMS, the mail that a job has
#: ended.
Purpose = Literal["proof", "service_proof", "stop_confirmation", "job_report"]

#: ``waiting`` until it is known. ``in_doubt``: it may have been taken and nobody said so; it is not sent again.
NoticeState = Literal["waiting", "accepted", "failed", "in_doubt"]


def class_of(purpose: Purpose) -> MessageClass | None:
    """As which it is suppressed. None: by nothing, it is the answer to the opt-out itself."""
    match purpose:
        case "proof":
            return "marketing"
        case "service_proof" | "job_report":
            return "service"
        case "stop_confirmation":
            return None
        case _:
            assert_never(purpose)
