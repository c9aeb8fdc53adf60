"""What DNS says, asked of a real server; and what is made of one that says nothing."""

import socket
from collections.abc import Iterator

import pytest

from services.api import dns_lookup
from services.api.dns_lookup import DnsLookup
from shared.domain.dns_records import DnsRecord
from tests.servers.name_server import NameServer, name_server

SPF = DnsRecord("spf", "TXT", "a.example", "")
MX = DnsRecord("mx", "MX", "a.example", "")
DMARC = DnsRecord("dmarc", "TXT", "_dmarc.a.example", "")


@pytest.fixture
def names() -> Iterator[NameServer]:
    with name_server() as server:
        yield server


async def test_strings_of_a_record_are_one_text_and_hosts_are_names(names: NameServer) -> None:
    names.publish("TXT", "a.example", "x" * 700, "short")
    names.publish("MX", "a.example", "10 in.example.net", "20 b.example.net")
    answers = await DnsLookup(("127.0.0.1", names.port)).look_up([SPF, MX, DMARC])

    assert sorted(answers["spf"] or []) == ["short", "x" * 700]
    assert sorted(answers["mx"] or []) == ["b.example.net.", "in.example.net."]
    assert answers["dmarc"] == []


async def test_a_name_without_such_a_record_says_no(names: NameServer) -> None:
    names.publish("MX", "a.example", "10 in.example.net")

    assert await DnsLookup(("127.0.0.1", names.port)).look_up([SPF]) == {"spf": []}


async def test_a_server_that_fails_says_nothing(names: NameServer) -> None:
    names.failing = True

    assert await DnsLookup(("127.0.0.1", names.port)).look_up([SPF, MX]) == {"spf": None, "mx": None}


async def test_one_that_is_silent_is_waited_for_so_long_and_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dns_lookup, "TRY_SECONDS", 0.1)
    monkeypatch.setattr(dns_lookup, "QUESTION_SECONDS", 0.2)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        answers = await DnsLookup(silent.getsockname()).look_up([SPF])

    assert answers == {"spf": None}
