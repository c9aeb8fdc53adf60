"""A notice: a single message outside any task. What one may be for, and what may become of it."""

from typing import Literal

#: A marked proof of a message, the one answer to an opt-out by SMS, the mail that a job has ended.
Purpose = Literal["proof", "stop_confirmation", "job_report"]

#: ``waiting`` until it is known. ``in_doubt``: it may have been taken and nobody said so; it is not sent again.
NoticeState = Literal["waiting", "accepted", "failed", "in_doubt"]
