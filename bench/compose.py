"""Messages made ready for SMTP in a second of one core: cut into pieces, and with conditions that are rendered.

On its own: `.venv/bin/python -m bench.compose`.
"""

import sys
import time
from collections.abc import Callable
from dataclasses import replace
from email.message import EmailMessage
from email.policy import SMTP

import minijinja

from bench.measured import Line, as_text
from shared.composing.fill_message import RecipientData, fill
from shared.composing.prepare_message import SendContext, prepare
from shared.domain.email_content import EmailContent
from shared.domain.tokens import TokenKeys

PARAGRAPHS = 20
RECIPIENTS = [RecipientData(f"person-{n}@example.com", None, {"name": f"Person {n}"}) for n in range(500)]
KEYS = TokenKeys([bytes(range(32))])
CONTEXT = SendContext(
    7, 3, "https://t.example", "m.example", "b.example", 0.0, "News", {"https://example.com/offer": 1}
)

_OFFER = '<p><a href="https://example.com/offer">offer</a></p>'
_BODY = "".join(f"<p>Dear {{{{ vars.name }}}}, words of paragraph {n} = <b>bold</b>.</p>\n" for n in range(PARAGRAPHS))
_CONDITION = "{% if vars.name %}<p>Yours, {{ vars.name | upper }}</p>{% else %}<p>Yours</p>{% endif %}"
CUT = EmailContent(
    'Hello {{ vars.name | default("you") }}', "News", "n@m.example", None, _BODY + _OFFER, None, True, True, True
)
RENDERED = replace(CUT, html=_BODY + _CONDITION + _OFFER)


def measure(seconds: float, runs: int) -> list[Line]:
    cut, rendered, own = prepare(CUT, CONTEXT), prepare(RENDERED, CONTEXT), _engine()
    pairs: list[tuple[str, Callable[[RecipientData], object], str, Callable[[RecipientData], object]]] = [
        ("composed, cut into pieces", lambda who: fill(cut, 1, who, KEYS), "EmailMessage, built anew", _built_anew),
        ("composed, with a condition", lambda who: fill(rendered, 1, who, KEYS), "minijinja alone, html and text", own),
    ]
    lines = []
    for what, ours, yardstick, theirs in pairs:
        turns = [(_rate(ours, seconds / 2), _rate(theirs, seconds / 2)) for _ in range(runs)]
        mine, other = zip(*turns, strict=True)
        lines.append(Line(f"Messages {what}", "messages/s of CPU", mine, yardstick, other))
    return lines


def _engine() -> Callable[[RecipientData], object]:
    text = RENDERED.html or ""
    engine = minijinja.Environment(templates={"it.html": text, "it.txt": text})
    return lambda who: [engine.render_template(name, vars=dict(who.vars)) for name in ("it.html", "it.txt")]


def _built_anew(who: RecipientData) -> bytes:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"] = "News <n@m.example>", who.email, f"Hello {who.vars['name']}"
    message.set_content(_BODY.replace("{{ vars.name }}", str(who.vars["name"])))
    message.add_alternative((CUT.html or "").replace("{{ vars.name }}", str(who.vars["name"])), subtype="html")
    return message.as_bytes()


def _rate(compose: Callable[[RecipientData], object], seconds: float) -> float:
    done, began = 0, time.process_time()
    while (passed := time.process_time() - began) < seconds:
        for who in RECIPIENTS[: 500 if done else 20]:
            compose(who)
            done += 1
    return done / passed


if __name__ == "__main__":
    for line in measure(2.0, 3):
        sys.stdout.write(as_text(line) + "\n\n")
