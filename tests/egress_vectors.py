"""URLs that lead, or are meant to lead, to where no outbound call may go: listed by hand, and generated.

``{port}`` is the port of the listener that must never be reached. Names are resolved by ``RESOLVED``.
"""

from collections.abc import Iterator
from ipaddress import IPv4Address

#: IPv4 addresses of machines and networks that are nobody's public service.
_INNER_V4 = (
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "100.64.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "192.0.0.192",
    "198.18.0.1",
    "203.0.113.5",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "100.100.100.200",
    "168.63.129.16",
)
_INNER_V6 = (
    "::1",
    "::",
    "fe80::1",
    "fe80::a9fe:a9fe",
    "febf::1",
    "fec0::1",
    "fc00::1",
    "fd00:ec2::254",
    "fd20:ce::254",
    "fdff::1",
    "ff02::1",
    "ff0e::1",
    "100::1",
    "5f00::1",
    "2001:db8::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "3fff::1",
    "64:ff9b:1::7f00:1",
    "64:ff9b:1::a9fe:a9fe",
    "4000::1",
)

_BY_HAND = (
    "http://localhost:{port}/",
    "http://LOCALHOST:{port}/",
    "http://localhost.:{port}/",
    "http://a.localhost:{port}/",
    "http://metadata.google.internal/computeMetadata/v1/",
    "http://metadata.goog/",
    "http://metadata/",
    "http://instance-data/latest/",
    # what comes before @ is no host
    "http://example.com@127.0.0.1:{port}/",
    "http://example.com:80@127.0.0.1:{port}/",
    "http://example.com%00@127.0.0.1:{port}/",
    "http://a@b@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}@127.0.0.1:{port}/",
    "http://example.com%2f@127.0.0.1:{port}/",
    # what two parsers read differently
    "http://127.0.0.1:{port}\\@example.com/",
    "http://example.com\\@127.0.0.1:{port}/",
    "http://example.com#@127.0.0.1:{port}/",
    "http://127.0.0.1:{port}#@example.com/",
    "http://127.0.0.1:{port}#",
    "http:\\\\127.0.0.1:{port}\\",
    "http:/127.0.0.1:{port}/",
    "http:127.0.0.1:{port}/",
    "http:///127.0.0.1:{port}/",
    "http:////127.0.0.1:{port}/",
    "//127.0.0.1:{port}/",
    "127.0.0.1:{port}",
    " http://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/ ",
    "http:// 127.0.0.1:{port}/",
    "http://127.0.0.1 :{port}/",
    "http://\t127.0.0.1:{port}/",
    "ht\ntp://127.0.0.1:{port}/",
    "http://127.0.0.1:{port}/\r\nHost: example.com",
    "http://127.0.0.1:{port}/%",
    "http://127.0.0.1:{port}:80/",
    "http://127.0.0.1:0{port}/",
    "http://127.0.0.1:00000{port}/",
    "http://127.0.0.1:+{port}/",
    "http://127.0.0.1:-1/",
    "http://127.0.0.1:99999/",
    "http://[::1]:{port}:80/",
    "http://[::1]example.com:{port}/",
    "http://example.com[::1]:{port}/",
    "http://[127.0.0.1]:{port}/",
    "http://[::1%25lo]:{port}/",
    "http://[::1%lo]:{port}/",
    "http://[fe80::1%25eth0]:{port}/",
    "http://[]:{port}/",
    "http://[::ffff:127.0.0.1:{port}/",
    "http://::1:{port}/",
    "http://%31%32%37.0.0.1:{port}/",
    "http://127%2e0%2e0%2e1:{port}/",
    "http://127.0.0.1%2f:{port}/",
    "http://127.0.0.1%00.example.com:{port}/",
    "http://127.0.0.1.:{port}/",
    "http://127..0.0.1:{port}/",
    "http://.127.0.0.1:{port}/",
    # other ways to write a digit or a dot
    "http://①②⑦.⓪.⓪.①:{port}/",
    "http://１２７.０.０.１:{port}/",
    "http://127。0。0。1:{port}/",
    "http://127．0．0．1:{port}/",
    "http://ⓛocalhost:{port}/",
    "http://loc\u00adalhost:{port}/",
    "http://localhost\u200b:{port}/",
    "http://127.0.0.1\u2028:{port}/",
    # other schemes
    "file:///etc/passwd",
    "file://127.0.0.1:{port}/",
    "gopher://127.0.0.1:{port}/_GET%20/",
    "ftp://127.0.0.1:{port}/",
    "dict://127.0.0.1:{port}/info",
    "ws://127.0.0.1:{port}/",
    "unix://127.0.0.1:{port}/",
    "http+unix://%2Fvar%2Frun%2Fdocker.sock/",
    "data:text/plain,hello",
    "javascript:alert(1)",
    "jar:http://127.0.0.1:{port}/!/",
    "ldap://127.0.0.1:{port}/",
    "netdoc:///etc/passwd",
    "url:http://127.0.0.1:{port}/",
    "",
    "http://",
    "http://:{port}/",
    "http://?{port}",
    "http://@:{port}/",
)

#: Names that a resolver of the attacker leads to these addresses.
RESOLVED = {
    "loopback.evil.example": ["127.0.0.1"],
    "loopback6.evil.example": ["::1"],
    "mapped.evil.example": ["::ffff:127.0.0.1"],
    "nat64.evil.example": ["64:ff9b::7f00:1"],
    "sixtofour.evil.example": ["2002:7f00:1::"],
    "metadata.evil.example": ["169.254.169.254"],
    "metadata6.evil.example": ["fd00:ec2::254"],
    "private.evil.example": ["10.0.0.1"],
    "unspecified.evil.example": ["0.0.0.0"],
    "zoned.evil.example": ["fe80::1%lo"],
    "good-then-bad.evil.example": ["93.184.216.34", "127.0.0.1"],
    "bad-then-good.evil.example": ["127.0.0.1", "93.184.216.34"],
    "localtest.me": ["127.0.0.1"],
    "127.0.0.1.nip.io": ["127.0.0.1"],
    "0x7f000001.evil.example": ["127.0.0.1"],
    "a_b.evil.example": ["127.0.0.1"],
}


def vectors(port: int) -> list[str]:
    written = (*_BY_HAND, *(f"http://{host}:{{port}}/" for host in _hosts()))
    return list(dict.fromkeys(url.replace("{port}", str(port)) for url in written))


def named_vectors(port: int) -> list[str]:
    return [f"http://{name}:{port}/" for name in RESOLVED]


def _hosts() -> Iterator[str]:
    for text in _INNER_V4:
        yield from _spellings(IPv4Address(text))
    for text in _INNER_V6:
        yield f"[{text}]"
        yield f"[{text.upper()}]" if text.upper() != text else f"[{text}%25lo]"


def _spellings(address: IPv4Address) -> Iterator[str]:
    """Every way in which some library or other writes or wraps it."""
    number, octets = int(address), address.packed
    high, low = f"{number >> 16:x}", f"{number & 0xFFFF:x}"
    yield str(address)
    yield str(number)
    yield hex(number)
    yield f"0{number:o}"
    yield ".".join(hex(octet) for octet in octets)
    yield ".".join(f"0{octet:o}" for octet in octets)
    yield f"{octets[0]}.{number & 0xFF_FFFF}"
    yield f"{octets[0]}.{octets[1]}.{number & 0xFFFF}"
    yield f"{octets[0]:#x}.{octets[1]}.{octets[2]}.{octets[3]}"
    yield f"[::ffff:{address}]"
    yield f"[::{high}:{low}]"
    yield f"[::ffff:0:{high}:{low}]"
    yield f"[64:ff9b::{high}:{low}]"
    yield f"[2002:{high}:{low}::]"
    yield f"[2001:0:{high}:{low}::1]"
    yield f"[fd00::5efe:{high}:{low}]"
