"""Where outbound calls may go: which URLs, and which addresses once a name was resolved. Pure.

The networks are those of IANA's registries of special addresses. What Python calls private or global is not asked: it
has called a NAT64 form of 127.0.0.1 global, and changes with its version.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final

from shared.domain.outbound_url import OutboundUrl, parse_outbound_url

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

USUAL_PORTS: Final = frozenset({80, 443, 8080, 8443})

NO_METADATA: Final = "leads to the metadata of a machine, which is never called"
NOT_PUBLIC: Final = "leads to an address that is not public and not in the networks allowed"


def _v4(*texts: str) -> tuple[IPv4Network, ...]:
    return tuple(IPv4Network(text) for text in texts)


def _v6(*texts: str) -> tuple[IPv6Network, ...]:
    return tuple(IPv6Network(text) for text in texts)


#: Link-local, where clouds tell a machine its own credentials, and the other places where they do. Whatever is allowed.
METADATA: Final[tuple[Network, ...]] = (
    *_v4("169.254.0.0/16", "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),
    *_v6("fe80::/10", "fd00:ec2::254/128", "fd20:ce::254/128"),
)
_METADATA_NAMES: Final = frozenset({"metadata.google.internal", "metadata.goog", "instance-data", "metadata"})

#: No host answers there as itself: unspecified, multicast, broadcast. Whatever is allowed, too.
_NO_HOST: Final[tuple[Network, ...]] = (
    *_v4("0.0.0.0/8", "224.0.0.0/4", "255.255.255.255/32"),
    *_v6("::/128", "ff00::/8"),
)

_SPECIAL: Final[tuple[Network, ...]] = (
    *_v4("10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "198.18.0.0/15"),
    *_v4("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4"),
    *_v6("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20"),
)
_UNICAST_V6: Final = IPv6Network("2000::/3")  #: nothing else of IPv6 is public

#: Where the last 32 bits are an IPv4 address, and the two of them by which it is reached: mapped, and through NAT64.
_ENDS_WITH_V4: Final = _v6("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")
_REACHES_V4: Final = _v6("::ffff:0:0/96", "64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class EgressRules:
    """``allowed``: networks beside the public ones, any port; ``ports``: those of public addresses."""

    allowed: tuple[Network, ...] = ()
    ports: frozenset[int] = USUAL_PORTS

    def refusal_of_address(self, text: str, port: int) -> str | None:
        """Why nothing at this address is called; None: it may be. ``text``: as the system is about to dial it."""
        try:
            address = ip_address(text.partition("%")[0])
        except ValueError:
            return NOT_PUBLIC
        reached = _reached(address)
        if _any_in(METADATA, (address, *_wrapped(address))):
            return NO_METADATA
        if _any_in(_NO_HOST, (address, reached)):
            return NOT_PUBLIC
        if _any_in(self.allowed, (address, reached)):
            return None
        if not _is_public(reached):
            return NOT_PUBLIC
        if port not in self.ports:
            return f"its port must be one of {', '.join(str(port) for port in sorted(self.ports))}"
        return None

    def refusal_of_url(self, text: str) -> str | None:
        """Why this URL is not called, as far as it says itself: a name is resolved by whoever dials."""
        url = parse_outbound_url(text)
        return url if isinstance(url, str) else self.refusal_of(url)

    def refusal_of(self, url: OutboundUrl) -> str | None:
        if url.literal is not None:
            return self.refusal_of_address(url.literal, url.port)
        if url.host in _METADATA_NAMES:
            return NO_METADATA
        if is_localhost(url.host):
            return None if self.loopback(url.port) else NOT_PUBLIC
        if url.port not in self.ports and not self.allowed:
            return f"its port must be one of {', '.join(str(port) for port in sorted(self.ports))}"
        return None

    def loopback(self, port: int) -> list[str]:
        """Where localhost leads, of what is allowed."""
        return [address for address in ("127.0.0.1", "::1") if self.refusal_of_address(address, port) is None]

    def refusal_of_all(self, addresses: Iterable[str], port: int) -> str | None:
        """The first refusal among them: a name with one bad address is not called at its good ones either."""
        refusals = (self.refusal_of_address(address, port) for address in addresses)
        return next((refusal for refusal in refusals if refusal), None)


def is_localhost(host: str) -> bool:
    """Names that are never asked DNS for (RFC 6761 6.3)."""
    return host == "localhost" or host.endswith(".localhost")


def _reached(address: Address) -> Address:
    """Whom a packet to this address comes to."""
    return _last_v4(address) if isinstance(address, IPv6Address) and _any_in(_REACHES_V4, (address,)) else address


def _wrapped(address: Address) -> tuple[IPv4Address, ...]:
    """Every IPv4 address that this one may stand for, to some router or other."""
    if isinstance(address, IPv4Address):
        return ()
    found = [_last_v4(address)] if _any_in(_ENDS_WITH_V4, (address,)) or _is_isatap(address) else []
    return (*found, *(address.teredo or ()), *((address.sixtofour,) if address.sixtofour else ()))


def _is_isatap(address: IPv6Address) -> bool:
    return (int(address) >> 32) & 0xFDFF_FFFF == 0x5EFE


def _last_v4(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFF_FFFF)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv6Address) and address not in _UNICAST_V6:
        return False
    return not _any_in(_SPECIAL, (address,))


def _any_in(networks: Iterable[Network], forms: Iterable[Address]) -> bool:
    known = tuple(forms)
    return any(form.version == network.version and form in network for network in networks for form in known)
