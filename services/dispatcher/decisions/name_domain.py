"""What a recipient's domain is called in metrics: few names, whatever the addresses are. Pure."""

from collections import Counter
from collections.abc import Collection, Iterable
from typing import Final

#: Large providers of mailboxes. Every other domain may belong to one person and is none of a metric's business, unless
#: the operator names it in DOMAIN_LIMITS.
LARGE: Final = frozenset(
    {
        *(
            "aol.com",
            "btinternet.com",
            "comcast.net",
            "free.fr",
            "gmail.com",
            "gmx.de",
            "googlemail.com",
            "hotmail.co.uk",
        ),
        *(
            "hotmail.com",
            "hotmail.fr",
            "icloud.com",
            "laposte.net",
            "libero.it",
            "live.com",
            "mail.ru",
            "me.com",
            "msn.com",
        ),
        *(
            "orange.fr",
            "outlook.com",
            "proton.me",
            "protonmail.com",
            "qq.com",
            "sky.com",
            "t-online.de",
            "virginmedia.com",
        ),
        *("wanadoo.fr", "web.de", "yahoo.co.jp", "yahoo.co.uk", "yahoo.com", "yahoo.fr", "yandex.ru", "163.com"),
    }
)
MOST_NAMED: Final = 100  #: domains of DOMAIN_LIMITS that have a name of their own; the others are ``other``
OTHER: Final = "other"


def named_domains(limited: Iterable[str]) -> frozenset[str]:
    """``limited``: those that have a limit."""
    return LARGE | frozenset(sorted(limited)[:MOST_NAMED])


def count_by_domain(addresses: Iterable[str], named: Collection[str]) -> dict[str, int]:
    counts: Counter[str] = Counter()
    for domain, number in Counter(address.rpartition("@")[2].lower() for address in addresses).items():
        counts[domain if domain in named else OTHER] += number
    return counts
