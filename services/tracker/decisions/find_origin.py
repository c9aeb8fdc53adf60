"""Where a request came from. Pure.

Behind a proxy the connection is the proxy's, and the address of who asked is in X-Forwarded-For. Anybody can send that
header, so it is believed as far as proxies of ours wrote it: from the right, to the first address that is not theirs.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

MOST_HOPS: Final = 16  #: that are looked at
_MOST_KEPT: Final = 1024  #: texts of which it is remembered what they say: proxies, and whoever asks again

Address = IPv4Address | IPv6Address


def find_origin(peer: str, forwarded: Sequence[str], trusted: Sequence[IPv4Network | IPv6Network]) -> Address | None:
    """``peer``: of the connection. ``forwarded``: the X-Forwarded-For headers, in order. None: nobody can tell."""
    address = _read(peer)
    if not trusted:
        return address
    hops = _from_the_right(forwarded)
    while address is not None and any(address in network for network in trusted):
        hop = next(hops, None)
        if hop is None:
            break
        address = _read(hop)
    return address


def _from_the_right(forwarded: Sequence[str]) -> Iterator[str]:
    hops = ",".join(forwarded).rsplit(",", maxsplit=MOST_HOPS)[-MOST_HOPS:]
    return (hop for hop in reversed(hops) if hop.strip())


@lru_cache(maxsize=_MOST_KEPT)
def _read(text: str) -> Address | None:
    """Of an address, also with a port, and of one of the old kind that is written like one of the new."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return (address.ipv4_mapped if isinstance(address, IPv6Address) else None) or address
