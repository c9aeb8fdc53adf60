"""The inbox for the eye: HTML out of values. Pure; everything that came by mail is escaped.

The html part of a mail is shown in a frame without scripts, whose policy loads nothing from anywhere: looking at a mail
here is not an opening.
"""

from collections.abc import Iterable
from html import escape
from urllib.parse import urlencode

from services.standalone.inbox.mail_store import StoredMail
from services.standalone.inbox.read_mail import Mail, read_message
from shared.domain.identifiers import Channel
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
h1 { margin: .25rem 0; font-size: 1.75rem; line-height: 1.25 }
h2 { margin: 1.75rem 0 .25rem; font-size: 1.1rem }
table { border-collapse: collapse; width: 100% }
th, td { text-align: left; vertical-align: top; padding: .35rem .75rem .35rem 0; border-bottom: 1px solid #8884 }
td.time { white-space: nowrap; opacity: .7 }
td.channel { white-space: nowrap }
table.facts th { width: 12rem; font-weight: 600 }
pre { margin: 0; font-size: 13px; white-space: pre-wrap; overflow-wrap: anywhere }
iframe { width: 100%; height: 28rem; border: 1px solid #8884; background: #fff }
form { margin: 1rem 0 }
input, button { font: inherit; padding: .15rem .5rem; margin-right: .35rem }
.note { opacity: .7; margin: .25rem 0 1rem }
.mark { display: inline-block; min-width: 3rem; padding: 0 .5rem; border-radius: .75rem; text-align: center }
.mark { font-size: 12px; line-height: 1.5rem; color: #fff; background: #2b5fa8 }
.mark.sms { background: #1d7a4c }
.bubble { max-width: 26rem; padding: .75rem 1rem; border-radius: 1rem; background: #1d7a4c26; font: inherit }
.bubble { white-space: pre-wrap; overflow-wrap: anywhere }
"""

_ABOUT = "Mail and SMS that were sent to this inbox; they went nowhere else."


def list_page(found: Iterable[StoredMail], total: int, to: str | None, next_before: int | None) -> str:
    """The newest first; ``next_before``: where the next page begins, None on the last."""
    rows = "".join(_row(stored, read_message(stored.channel, stored.content)) for stored in found)
    about = f"{total:,} kept" if to is None else f"{total:,} to {escape(to)} · <a href='/'>all</a>"
    older = f"<p><a href='/?{escape(_query(to, next_before))}'>older</a></p>" if next_before is not None else ""
    table = (
        f"<table><tr><th>Time (UTC)<th>Channel<th>To<th>Message</tr>{rows}</table>" if rows else "<p>Nothing yet.</p>"
    )
    search = (
        "<form><input name='to' type='search' placeholder='email or number' aria-label='email or number' "
        f"value='{escape(to or '')}'><button>Find</button></form>"
    )
    return _page(
        "Inbox", f"<h1>Inbox</h1><p class='note'>{_ABOUT}</p>{search}<p class='note'>{about}</p>{table}{older}"
    )


def mail_page(stored: StoredMail, mail: Mail) -> str:
    links = f"<p><a href='/'>inbox</a> · <a href='/messages/{stored.id}/source'>source</a></p>"
    show = _sms if stored.channel == "sms" else _email
    return _page(_title(stored, mail), f"{links}<p>{_mark(stored.channel)}</p>{show(stored, mail)}")


def _email(stored: StoredMail, mail: Mail) -> str:
    facts = {"Envelope from": stored.sender or "<>", "Envelope to": ", ".join(stored.recipients), **mail.headers}
    html = "" if mail.html is None else _frame(stored.id)
    text = "" if mail.text is None else f"<h2>Text</h2><pre>{escape(mail.text)}</pre>"
    return (
        f"<h1>{escape(_title(stored, mail))}</h1>{_way(stored, mail.header('from'))}{html}{text}"
        f"<h2>Envelope and headers</h2>{_facts(facts)}"
    )


def _sms(stored: StoredMail, mail: Mail) -> str:
    facts = {**mail.headers, "Receipt": stored.receipt or "none told"}
    return (
        f"<h1>SMS to {escape(', '.join(stored.recipients))}</h1>{_way(stored, mail.header('from'))}"
        f"<p class='bubble'>{escape(mail.text or '')}</p><h2>Request and receipt</h2>{_facts(facts)}"
    )


def _way(stored: StoredMail, sender: str) -> str:
    to = escape(", ".join(stored.recipients))
    return f"<p class='note'>{escape(sender)} → {to} · {_time(stored)} UTC</p>"


def _facts(facts: dict[str, str]) -> str:
    rows = "".join(f"<tr><th>{escape(name)}<td><pre>{escape(value)}</pre></tr>" for name, value in facts.items())
    return f"<table class='facts'>{rows}</table>"


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
    subject = escape(_title(stored, mail))
    to = escape(", ".join(stored.recipients))
    receipt = f" {escape(stored.receipt)}" if stored.receipt else ""
    return (
        f"<tr><td class='time'>{_time(stored)}<td class='channel'>{_mark(stored.channel)}{receipt}<td>{to}"
        f"<td><a href='/mail/{stored.id}'>{subject}</a></tr>"
    )


def _mark(channel: Channel) -> str:
    return f"<span class='mark {channel}'>{'SMS' if channel == 'sms' else 'Email'}</span>"


def _time(stored: StoredMail) -> str:
    return as_datetime(stored.received).strftime("%Y-%m-%d %H:%M:%S")


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
