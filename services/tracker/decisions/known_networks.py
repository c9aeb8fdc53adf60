"""Networks that machines fetch from: those whose owners publish them, and keep them for years. Pure.

Readers are not in them, but for the staff of the three. Networks for rent are not here: behind those of a cloud there
are scanners and people alike.
"""

from bisect import bisect_right
from ipaddress import IPv4Address, IPv6Address, ip_network
from typing import Final

from shared.domain.evidence import Network

_BLOCKS: Final = {
    # Apple's own, in which its mail proxies are, but not all of them.
    Network.APPLE: "17.0.0.0/8",
    # What Google's SPF record lists, its image proxy and its crawler among it; not the customers of its cloud.
    Network.GOOGLE: """
        64.233.160.0/19 66.102.0.0/20 66.249.64.0/19 72.14.192.0/18 74.125.0.0/16 108.177.8.0/21 173.194.0.0/16
        209.85.128.0/17 216.58.192.0/19 216.239.32.0/19 2001:4860:4000::/36 2404:6800:4000::/36 2607:f8b0:4000::/36
        2800:3f0:4000::/36 2a00:1450:4000::/36 2c0f:fb50:4000::/36""",
    # What Microsoft lists for the protection of Exchange Online; not the customers of its cloud.
    Network.MICROSOFT: """
        40.92.0.0/15 40.107.0.0/16 52.100.0.0/14 104.47.0.0/17 2a01:111:f400::/48 2a01:111:f403::/48""",
}


def classify_network(address: IPv4Address | IPv6Address | None) -> Network:
    """None: an address that nobody knows."""
    if address is None:
        return Network.OTHER
    firsts, ranges = _RANGES[address.version]
    number = int(address)
    place = bisect_right(firsts, number) - 1
    if place < 0 or number > ranges[place][1]:
        return Network.OTHER
    return ranges[place][2]


def _sorted_ranges(version: int) -> tuple[list[int], list[tuple[int, int, Network]]]:
    """First addresses in rising order, and (first, last, owner) of each: one search finds it."""
    blocks = [(ip_network(block), owner) for owner, listed in _BLOCKS.items() for block in listed.split()]
    ranges = sorted((int(block[0]), int(block[-1]), owner) for block, owner in blocks if block.version == version)
    return [first for first, _, _ in ranges], ranges


_RANGES: Final = {4: _sorted_ranges(4), 6: _sorted_ranges(6)}
