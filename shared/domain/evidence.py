"""What an intake notes beside a hit, so that it can be judged later who it was: a person or a machine. Pure.

Evidence is what was seen, in classes; what it means is for a rule set to say, and rules change. It is 16 bits a hit,
and the numbers are stored for ever and never reused. Neither an address nor the text of an agent is in it.

    bits 0-3   agent    who the request says it is
    bits 4-6   network  where it came from
    bit  7     prefetch it says that it was made before anybody asked for it
    bits 8-10  company  other links of the same message that were fetched for the same recipient just before; 7: or more
    bit  11    every    with these it was every link of the message

Evidence 0 is that of hits stored before there was any, and of the kinds that need none.
"""

from enum import IntEnum
from typing import Final, NamedTuple

BURST_MS: Final = 5_000  #: how far back the company of a click is looked for
MOST_COMPANY: Final = 7


class Agent(IntEnum):
    """By the User-Agent header."""

    NOT_RECORDED = 0
    UNKNOWN = 1  #: it says something, but nothing that is known here
    EMPTY = 2  #: no header, or an empty one
    BROWSER = 3
    MAIL_CLIENT = 4  #: a mail program, or the web view of an app
    APPLE_PRIVACY = 5  #: Apple Mail Privacy Protection: fetches every picture, whether the mail is opened or not
    GOOGLE_PROXY = 6  #: of Gmail: fetches pictures for readers, sometimes before they open
    YAHOO_PROXY = 7
    MICROSOFT_PREVIEW = 8  #: looks at links before people do
    LINK_SCANNER = 9  #: a security product that gives its name
    BOT = 10  #: a crawler, or the preview of a link in a chat
    LIBRARY = 11  #: a program, not a browser


class Network(IntEnum):
    """By the address the request came from; the networks are those whose owners publish them."""

    NOT_RECORDED = 0
    OTHER = 1
    APPLE = 2
    GOOGLE = 3
    MICROSOFT = 4


class Evidence(NamedTuple):
    """``agent`` and ``network`` may be classes of a later version: numbers that no rule of this one names."""

    agent: int = Agent.NOT_RECORDED
    network: int = Network.NOT_RECORDED
    prefetch: bool = False
    company: int = 0
    every: bool = False

    def pack(self) -> int:
        company = min(self.company, MOST_COMPANY)
        return self.agent | self.network << 4 | self.prefetch << 7 | company << 8 | self.every << 11


def unpack(packed: int) -> Evidence:
    """Of any 16 bits."""
    return Evidence(packed & 15, packed >> 4 & 7, bool(packed >> 7 & 1), packed >> 8 & 7, bool(packed >> 11 & 1))
