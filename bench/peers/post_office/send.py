"""Queues personal mails in django-post-office, sends the queue and prints how many a second were sent.

Run by a Python that has it: ``python send.py '{"port": 25, "count": 1000, "connections": 10, "prose": "...",
"database": {...}}'``. ``database``: Django's settings of one that is empty.
"""

import json
import sys
import tempfile
import time
from typing import Any

import django
from django.conf import settings
from django.core.management import call_command


def main() -> None:
    wanted: dict[str, Any] = json.loads(sys.argv[1])
    settings.configure(
        INSTALLED_APPS=["post_office"],
        DATABASES={"default": {"ENGINE": "django.db.backends.postgresql", **wanted["database"]}},
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        EMAIL_BACKEND="post_office.EmailBackend",
        EMAIL_HOST="127.0.0.1",
        EMAIL_PORT=wanted["port"],
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates"}],
        POST_OFFICE={"BATCH_SIZE": wanted["count"], "THREADS_PER_PROCESS": wanted["connections"]},
        USE_TZ=True,
    )
    django.setup()
    call_command("migrate", verbosity=0)
    queue(wanted["count"], wanted["prose"])
    begun = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        call_command("send_queued_mail", processes=1, lockfile=f"{folder}/lock", verbosity=0)
    sys.stdout.write(json.dumps({"rate": wanted["count"] / (time.perf_counter() - begun)}) + "\n")


def queue(count: int, prose: str) -> None:
    from post_office import mail

    mail.send_many(
        [
            {
                "sender": "Bench <bench@example.com>",
                "recipients": [f"reader-{number}@example.com"],
                "subject": f"Hello Reader {number}",
                "message": f"Hello Reader {number}, see https://example.com/\n{prose}\n",
                "html_message": f"<p>Hello Reader {number}, <a href='https://example.com/'>see</a></p><p>{prose}</p>",
            }
            for number in range(count)
        ]
    )


if __name__ == "__main__":
    main()
