"""The inbox for the eye: HTML out of values. Pure; everything that came by mail is escaped.

The html part of a mail is shown in a frame without scripts, whose policy loads nothing from anywhere: looking at a mail
here is not an opening.
"""

from collections.abc import Iterable
from html import escape
from urllib.parse import urlencode

from services.standalone.inbox.mail_store import StoredMail
from services.standalone.inbox.read_mail import Mail, read_message
from shared.runtime.clock import as_datetime

PAGE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-src 'self'; form-action 'self'; base-uri 'none'"
BODY_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; "
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'"
)

LONGEST_TITLE = 80  #: characters of an SMS in the list

_STYLE = """
:root { color-scheme: light dark }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8884 }
td.time { white-space: nowrap; opacity: .7 }
pre { white-space: pre-wrap; overflow-wrap: anywhere }
iframe { width: 100%; height: 28rem; border: 1px solid #8884; background: #fff }
.note { opacity: .7 }
"""


def list_page(found: Iterable[StoredMail], total: int, to: str | None, next_before: int | None) -> str:
    """The newest first; ``next_before``: where the next page begins, None on the last."""
    rows = "".join(_row(stored, read_message(stored.channel, stored.content)) for stored in found)
    about = f"{total:,} kept" if to is None else f"{total:,} to {escape(to)} · <a href='/'>all</a>"
    older = f"<p><a href='/?{escape(_query(to, next_before))}'>older</a></p>" if next_before is not None else ""
    table = (
        f"<table><tr><th>Time (UTC)<th>Channel<th>To<th>Message</tr>{rows}</table>" if rows else "<p>Nothing yet.</p>"
    )
    search = (
        "<form><input name='to' type='search' placeholder='recipient' aria-label='recipient' "
        f"value='{escape(to or '')}'><button>Find</button></form>"
    )
    return _page("Inbox", f"<h1>Inbox</h1>{search}<p class='note'>{about}</p>{table}{older}")


def mail_page(stored: StoredMail, mail: Mail) -> str:
    facts = {"Envelope from": stored.sender or "<>", "Envelope to": ", ".join(stored.recipients), **mail.headers}
    rows = "".join(f"<tr><th>{escape(name)}<td><pre>{escape(value)}</pre></tr>" for name, value in facts.items())
    html = "" if mail.html is None else _frame(stored.id)
    text = "" if mail.text is None else f"<h2>Text</h2><pre>{escape(mail.text)}</pre>"
    links = f"<p><a href='/'>inbox</a> · <a href='/messages/{stored.id}/source'>source</a></p>"
    subject = _title(stored, mail)
    return _page(
        subject, f"{links}<h1>{escape(subject)}</h1>{html}{text}<h2>Envelope and headers</h2><table>{rows}</table>"
    )


def framed_body(mail: Mail) -> str:
    """The mail's own html; its links open outside of the frame, and without saying where they were."""
    return f"<!doctype html><meta name='referrer' content='no-referrer'><base target='_blank'>{mail.html or ''}"


def _frame(mail_id: int) -> str:
    return (
        "<h2>Html</h2><p class='note'>Pictures from elsewhere are not loaded, so looking here counts as no opening. "
        "Links are real.</p>"
        "<iframe title='the html part' sandbox='allow-popups allow-popups-to-escape-sandbox' "
        f"src='/mail/{mail_id}/html'></iframe>"
    )


def _row(stored: StoredMail, mail: Mail) -> str:
    time = as_datetime(stored.received).strftime("%Y-%m-%d %H:%M:%S")
    subject = escape(_title(stored, mail))
    to = escape(", ".join(stored.recipients))
    return f"<tr><td class='time'>{time}<td>{stored.channel}<td>{to}<td><a href='/mail/{stored.id}'>{subject}</a></tr>"


def _title(stored: StoredMail, mail: Mail) -> str:
    """A mail's subject; of an SMS how it begins."""
    if stored.channel == "sms":
        text = " ".join((mail.text or "").split())
        return text if len(text) <= LONGEST_TITLE else f"{text[:LONGEST_TITLE]}…"
    return mail.header("subject") or "(no subject)"


def _query(to: str | None, before: int | None) -> str:
    return urlencode({name: value for name, value in (("to", to), ("before", before)) if value is not None})


def _page(title: str, body: str) -> str:
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        f"<title>{escape(title)}</title><style>{_STYLE}</style>{body}</html>"
    )
