"""Which names mail can come from, and how they are kept."""

import pytest

from shared.domain.addresses import read_domain, read_email
from shared.domain.refusal import Fault


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("example.org", "example.org"),
        ("News.Example.ORG", "news.example.org"),
        ("example.org.", "example.org"),
        (" example.org ", "example.org"),
        ("bücher.example.org", "xn--bcher-kva.example.org"),
        ("mail.localhost", "mail.localhost"),
    ],
)
def test_a_name_is_kept_as_dns_has_it(given: str, name: str) -> None:
    """And as the From address of a message has it, so that the two are found to be the same."""
    address = read_email(f"a@{given.strip().removesuffix('.')}")

    assert read_domain(given) == name
    assert isinstance(address, str)
    assert address.rpartition("@")[2].lower() == name


@pytest.mark.parametrize(
    "given",
    [
        *("", " ", "localhost", "example", "1.2.3.4", "[1.2.3.4]", "a b.example", "a@b.example", "-a.example"),
        *("a..example", "x" * 64 + ".example", "a.example\r\nx", "https://a.example", "_dmarc.a.example"),
        *("x." * 130 + "example", "a.example\0", "\u2028.example", ".example", "\ud800.example"),
    ],
)
def test_what_mail_cannot_come_from_is_refused(given: str) -> None:
    assert isinstance(read_domain(given), Fault)
