"""Answers of programs that stand for their reader: out of office, vacation, read, please confirm. Pure.

None of them says that a message did not arrive. Mail programs mark their bounces by the same ``Auto-Submitted`` (RFC
3834), so that field counts only where the sender is no mail program. The subject counts last, and only by how it
begins: a bounce may quote ours behind a word of its own.
"""

import re
from typing import Final

from services.tracker.decisions.returned_mail.judgement import Judgement
from services.tracker.decisions.returned_mail.parse_mail import Mail, field

#: Set by nothing but such programs.
_MARKS: Final = (
    "X-Autoreply",
    "X-Autoreply-From",
    "X-Autorespond",
    "X-Autoresponder",
    "X-Auto-Reply",
    "X-Mail-Autoreply",
    "X-Vacation",
    "X-MS-Exchange-Inbox-Rules-Loop",
    "X-TMDA-Fingerprint",
    "X-AskVersion",
)
_PRECEDENCES: Final = frozenset({"auto_reply", "auto-reply", "autoreply"})
_MAILER: Final = re.compile(
    r"mailer-?daemon|postmaster|mail ?delivery|delivery (subsystem|system|service)|mail ?administrator|"
    r"system administrator|bounce",
    re.IGNORECASE,
)
_SUBJECT: Final = re.compile(
    r"(re: *)?\[?(auto(matic|mated|matische|matisch)?[ -]?(reply|response|antwort)|autoreply|out of (the )?office|"
    r"vacation|on (annual )?leave|away from|"
    r"abwesen|automatische antwort|ich bin (nicht|bis)|im urlaub|"
    r"r[ée]ponse automatique|absen(ce|t) du bureau|absence|"
    r"respuesta autom[aá]tica|fuera de (la )?oficina|"
    r"risposta automatica|fuori (sede|ufficio)|"
    r"resposta autom[aá]tica|fora do escrit[oó]rio|"
    r"afwezig|automatisch antwoord|autosvar|automaattinen vastaus|automatyczna odpowied[zź]|"
    r"автоответ|自動返信|自动回复|자동 회신|"
    r"please confirm|confirm your (message|e-?mail)|your (message|e-?mail) requires (confirmation|verification))",
    re.IGNORECASE,
)


def read_auto_reply(mail: Mail) -> Judgement | None:
    """None: it need not be one."""
    message = mail.message
    submitted = field(message, "Auto-Submitted").lower()
    if "rejected" in submitted:
        return None  # Dovecot and Sieve: refused, in the form of an answer
    marked = any(mark in message for mark in _MARKS)
    precedence = field(message, "Precedence").lower() or field(message, "X-Precedence").lower()
    receipt = any(part.get_content_type() == "message/disposition-notification" for part in mail.parts)
    if marked or precedence in _PRECEDENCES or receipt:
        return Judgement("auto_reply")
    if _MAILER.search(field(message, "From")) or "X-Failed-Recipients" in message:
        return None
    answered = submitted.startswith("auto-") or _SUBJECT.match(field(message, "Subject"))
    return Judgement("auto_reply") if answered else None
