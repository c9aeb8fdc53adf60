"""One task a mail: each worker process keeps a connection to the server and builds the mail it was asked for.

``PEER_BROKER`` and ``PEER_PORT`` say where the broker and the server are.
"""

import os
import smtplib
from email.message import EmailMessage

from celery import Celery

app = Celery("mails", broker=os.environ["PEER_BROKER"])
app.conf.task_ignore_result = True
app.conf.task_default_queue = "peer-mails"

kept: list[smtplib.SMTP] = []


@app.task  # type: ignore[untyped-decorator, unused-ignore]  # celery says nothing of types
def send(number: int, prose: str) -> None:
    if not kept:
        kept.append(smtplib.SMTP("127.0.0.1", int(os.environ["PEER_PORT"])))
    mail = EmailMessage()
    mail["From"], mail["To"] = "Bench <bench@example.com>", f"reader-{number}@example.com"
    mail["Subject"] = f"Hello Reader {number}"
    mail.set_content(f"Hello Reader {number}, see https://example.com/\n{prose}\n")
    mail.add_alternative(
        f"<p>Hello Reader {number}, <a href='https://example.com/'>see</a></p><p>{prose}</p>", subtype="html"
    )
    kept[0].send_message(mail)
