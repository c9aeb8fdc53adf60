"""The short mail that a job has ended. Pure: the same octets each time."""

from shared.composing.mail_headers import encode_subject, format_date
from shared.composing.quoted_printable import encode_text
from shared.domain.job_answer import JobFacts, rfc2822

MOST_ERRORS = 10  #: of rows, told by mail


def write_report(job: JobFacts, sender: str, recipient: str, made_at: float) -> bytes:
    """``sender`` and ``recipient``: addresses that can stand in a header. ``made_at``: unix seconds."""
    domain = sender.rpartition("@")[2]
    ended = "completed" if job.status == "completed" else "failed"
    head = [
        b"From: " + sender.encode(),
        b"To: " + recipient.encode(),
        b"Subject: " + encode_subject(f"{job.name}: {ended}"),
        b"Date: " + format_date(made_at),
        f"Message-ID: <job-{job.job_id}@{domain}>".encode(),
        b"Auto-Submitted: auto-generated",
        b"MIME-Version: 1.0",
        b"Content-Type: text/plain; charset=utf-8",
        b"Content-Transfer-Encoding: quoted-printable",
    ]
    return b"\r\n".join([*head, b"", encode_text("\n".join(_lines(job, ended)) + "\n")])


def _lines(job: JobFacts, ended: str) -> list[str]:
    lines = [f"{job.name}: {ended}.", "", f"Job: {job.job_id}"]
    lines += [f"Started: {rfc2822(job.started_at)}"] if job.started_at is not None else []
    lines += [f"Ended: {rfc2822(job.ended_at)}"] if job.ended_at is not None else []
    lines.append(f"Rows: {job.rows}, of which {job.rows_failed} failed")
    lines += [f"Reason: {job.reason}"] if job.reason else []
    if job.errors:
        told = job.errors[:MOST_ERRORS]
        lines += ["", "What was wrong:", *(f"line {each['line']}: {each['message']}" for each in told)]
        lines += ["..."] if job.rows_failed > len(told) else []
    return lines
