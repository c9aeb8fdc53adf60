"""What a bounce says of its mailbox: hard (there is none), soft (it may pass), or unclear (nothing: it speaks of us, or
cannot be read). Pure.

The note of a bounce is what the relay or a report said: ``550 5.1.1 user unknown``, ``5.2.2 smtp; 552 mailbox full``,
or words alone. It is asked in this order, and the first answer holds:

1. Is it for now? Class 4 of RFC 3463 or RFC 5321 is never hard, whatever the words say. Is the code one of our own
   address? Then it is unclear, whatever the words say.
2. The words, by ``WORDS`` from top to bottom. They go before the codes, since a person wrote them for a case, while the
   code is often the one that the mail program has for all cases: providers say ``5.1.1`` of a full mailbox, ``5.4.1``
   and ``5.5.0`` of one that never was.
3. The code of RFC 3463, by ``CODES``.
4. The code of RFC 5321, as far as it alone says something.

In doubt it is not hard: one message more costs less than a reader lost by mistake, and soft bounces add up by
themselves. What may speak of us (lists of spammers, policy, authentication, content) is looked for first, and is not
even soft: a provider that lists us says it of all our readers there, three tasks in a row.
"""

import re
from typing import Final, Literal

from shared.domain.identifiers import Channel

Verdict = Literal["hard", "soft", "unclear"]

MOST_READ: Final = 1_000  #: characters of a note

#: What a gateway's receipt says of a number that cannot be reached. ``expired`` and ``unknown`` say nothing of it.
HARD_RECEIPTS: Final = frozenset({"failed", "rejected", "undeliverable"})

_RECEIPT: Final = re.compile(r"receipt (\w+)", re.IGNORECASE)

_HE: Final = r"(user|recipient|mailbox|address|account|alias|customer|destination|local part)"


def _any(*words: str) -> "re.Pattern[str]":
    return re.compile("|".join(words))


#: Looked for in the folded note, the first that is found decides. About us and what passes first, then the mailbox.
WORDS: Final[tuple[tuple[Verdict, "re.Pattern[str]"], ...]] = (
    (  # Our machine, or what we are allowed; in words that else are said of his mailbox or his domain.
        "unclear",
        _any(
            r"\b(helo|ehlo)\b",
            r"\bclient (host|ip|address)",
            r"(sending|sender|outgoing|outbound) (\S+ )?(quota|limit|rate)",
            r"(from|for) sending\b|sending (user|mailbox)",
            r"too (many|much) (\S+ ){1,2}from (your|this) ",
        ),
    ),
    (  # The mailbox is full, or busy.
        "soft",
        _any(
            r"quota",
            r"(mailbox|inbox|mail ?drop|maildir|account|storage|recipient)\b.{0,30}\bfull\b",
            r"full mailbox",
            r"exceeded (its |the |their )?storage",
            r"(storage|space|size) limit",
            r"not enough (storage|space)",
            r"insufficient (system )?(storage|disk|space)",
            r"receiving (mail|email) (too quickly|at a rate)",
            r"too (many|much) (messages|mail|connections|recipients|concurrent)",
            r"(postfach|mailbox) (ist )?voll",
            r"bo[iî]te .{0,30}pleine",
            r"buz[oó]n .{0,20}lleno",
            r"casella .{0,20}piena",
            r"caixa .{0,20}cheia",
        ),
    ),
    (  # For now.
        "soft",
        _any(
            r"gr[ea]y ?-?list",
            r"try (it )?(again )?later",
            r"temporar(y|ily)",
            r"rate[ -]limit",
            r"retry time ?-?out",
            r"timed out|time-?out\b",
            r"expired",
            r"too (old|long).{0,20}queue|queue.{0,20}too long",
            r"connection (refused|reset|dropped|lost|failed)",
            r"(network|host) (is )?unreachable",
            r"no route to host",
            r"\bloop(s|ing)?\b|too many hops|hop count",
        ),
    ),
    (  # Our place, our name, our message.
        "unclear",
        _any(
            r"spamhaus|spamcop|barracuda|proofpoint|cloudmark|sorbs\b|senderscore|uceprotect|invaluement",
            r"\b(block|black|deny|reject)[ -]?list|\bblock(ed)? list|\b(dns|r|u)bls?\b",
            r"blocked (using|by|for|because|due|at|from)",
            r"\b(ip|host|client|connection|sender|message|mail)s?\b.{0,40}\b(blocked|banned|listed)",
            r"\bspam(my)?\b|unsolicited|\bbulk\b|\buce\b|\bvirus|malware|phish",
            r"reputation|reverse dns|\bptr\b|\bspf\b|\bdkim\b|\bdmarc\b|authenticat",
            r"policy (reason|reject|violat|restrict|block)|against policy|prohibit(ed|ion)",
            r"content (reject|block|filter)|(message|mail) (content|size)|too (big|large)",
            r"relay(ing)? (access )?(denied|not permitted|not allowed)|unable to relay|not relay",
            r"rcpthosts",
            r"\bheaders?\b|\bfrom:? (address|domain|field)",
            r"(your|sending|sender'?s?) (\S+ )?(account|domain|address|server|host)",
            r"sender (address )?(reject|verif|denied|not|unknown|invalid)",
            r"(rejected|invalid|bad|unknown) sender",
        ),
    ),
    # One provider's words for "we do not say which".
    ("unclear", _any(r"unavailable or access denied")),
    (  # There is nobody by that name.
        "hard",
        _any(
            _HE + r"\b.{0,60}\b(unknown|invalid|not valid|not? (found|exist|known|recogni[sz]ed|longer))",
            r"(unknown|invalid|illegal|non-?existent|no such|not a valid|bad) (\S+ ){0,2}" + _HE,
            r"nosuchuser|recipnotfound|recipientnotfound|unroute?able",
            r"(does not|doesn'?t|did not|didn'?t) (exist|have an? .{0,60}account)",
            r"no mailbox here|no (such )?person|no one here|nobody here|not our customer|not local\b",
            r"no longer (available|valid|in use|active|on server|accepts|works|with)",
            r"mailbox (is )?(unavailable|not available)",
            r"recipient address rejected: access denied",
            r"left the (company|organi[sz]ation)",
            r"(benutzer|empf(ä|ae)nger|adresse|postfach) .{0,30}(unbekannt|existiert nicht|nicht gefunden)",
            r"(utilisateur|destinataire|adresse) .{0,40}(inconnue?|invalide)",
            r"(usuario|destinatario|utente|usu[aá]rio) .{0,30}(desconoc|sconosciut|desconhecid|no existe|inexist)",
        ),
    ),
    (  # He is not let in any more.
        "hard",
        _any(
            _HE + r"\b.{0,60}\b(disabled|inactive|suspended|deactivated|blocked|discontinued|closed)",
            _HE + r"\b.{0,60}\b(terminated|deleted|frozen)",
            r"disableduser",
        ),
    ),
    (  # His domain takes no mail.
        "hard",
        _any(
            r"(host|domain)( name)?\b.{0,40}\b(not found|unknown|not exist|nonexistent)",
            r"(unknown|no such|any) (host|domain)",
            r"null ?mx|does not accept mail|no smtp service|non-existent hosts",
        ),
    ),
)

#: Subject and detail of RFC 3463 in class 5; detail -1: any other.
CODES: Final[dict[tuple[int, int], Verdict]] = {
    (1, -1): "hard",  # the address
    (1, 5): "unclear",  # says that the address is right
    (2, -1): "unclear",
    (2, 1): "hard",  # disabled
    (2, 2): "soft",  # full
    (2, 3): "soft",  # too big for it
    (2, 4): "soft",  # a list that cannot be expanded
    (3, -1): "soft",  # his system
    (4, -1): "soft",  # the way there
    (5, -1): "unclear",  # the talk between the two programs; several say it of everything
}

#: These speak of us: our own address (1.7, 1.8) and domain (7.27), whatever the words; our content (6), policy and
#: authentication (7), where no word says more.
_OF_US: Final = frozenset({(1, 7), (1, 8), (7, 27)})
SUBJECTS_OF_US: Final = frozenset({6, 7})

#: The same of RFC 5321. 550, 553 and 554 are said of everything; with words they were understood above.
REPLIES: Final[dict[int, Verdict]] = {551: "hard", 552: "soft", 556: "hard"}

#: The subjects are those of RFC 3463, so that a version or an address of a machine is no code.
_CODE: Final = re.compile(r"(?<![\d.])([45])\.([0-7])\.(\d{1,3})(?![\d.]*\d)")
_REPLY: Final = re.compile(r"(?:^|smtp; ?|said: ?|[45]\.\d\.\d{1,3} )([45]\d\d)(?=[ \-;.]|$)")


def classify_bounce(note: str) -> Verdict:
    """``note``: why, in the words of whoever refused; it need not be complete, clean or in any language."""
    text = " ".join(note[:MOST_READ].lower().replace("’", "'").replace("_", " ").split())
    code, reply = _code_of(text), _reply_of(text)
    if code[1:] in _OF_US:
        return "unclear"
    passing = code[0] == 4 or (code[0] == 0 and 400 <= reply < 500)
    for verdict, words in WORDS:
        if words.search(text):
            return "soft" if passing and verdict == "hard" else verdict
    if code[1] in SUBJECTS_OF_US:
        return "unclear"
    if passing:
        return "soft"
    by_code = CODES.get(code[1:], CODES.get((code[1], -1), "unclear"))
    return by_code if by_code != "unclear" else REPLIES.get(reply, "unclear")


def judge_bounce(channel: Channel, note: str) -> Verdict:
    """``unclear`` suppresses nobody: so does a text that the gateway itself would not take (``400 …``, ``422 …``)."""
    if channel == "email":
        return classify_bounce(note)
    receipt = _RECEIPT.match(note)
    return "hard" if receipt and receipt[1].lower() in HARD_RECEIPTS else "unclear"


def _code_of(text: str) -> tuple[int, int, int]:
    """The first code that says something; ``x.0.0`` says only its class, and gives way to what the remote side said."""
    found = [(int(match[1]), int(match[2]), int(match[3])) for match in _CODE.finditer(text)]
    telling = next((code for code in found if code[1:] != (0, 0)), None)
    if telling is not None:
        return telling
    return found[0] if found and not _reply_of(text) else (0, 0, 0)


def _reply_of(text: str) -> int:
    match = _REPLY.search(text)
    return int(match[1]) if match else 0
