"""What a domain's owner publishes, and how we know it again."""

from dataclasses import replace

import dns.zone
import pytest
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from shared.domain.dns_records import DomainTerms, as_zone, is_verified, look_at, missing_of, records_of
from shared.domain.sending_domain import RecordKind
from tests.signing_domain import DOMAIN, DRAWN, TERMS

BOUNCING = replace(DOMAIN, bouncing=True)
RSA, ED25519 = DRAWN["rsa-sha256"].public, DRAWN["ed25519-sha256"].public
UNCHECKED = replace(TERMS, checked=False)
ALL: frozenset[RecordKind] = frozenset({"spf", "dkim-rsa", "dkim-ed25519", "dmarc", "mx"})

NOTHING: dict[RecordKind, list[str] | None] = {kind: [] for kind in ALL}
SHOWN: dict[RecordKind, list[str] | None] = {
    "spf": ["v=spf1 include:bounce.example ~all"],
    "dkim-rsa": [f"v=DKIM1; k=rsa; p={RSA}"],
    "dkim-ed25519": [f"v=DKIM1; k=ed25519; p={ED25519}"],
    "dmarc": ["v=DMARC1; p=none"],
    "mx": ["mx.example."],
}


def test_all_of_a_domain_that_takes_bounces_and_signs_twice() -> None:
    assert [(record.type, record.name, record.value) for record in records_of(BOUNCING, TERMS)] == [
        ("TXT", "sender.example", "v=spf1 include:bounce.example ~all"),
        ("TXT", "prtest._domainkey.sender.example", f"v=DKIM1; k=rsa; p={RSA}"),
        ("TXT", "prtest-ed25519._domainkey.sender.example", f"v=DKIM1; k=ed25519; p={ED25519}"),
        ("TXT", "_dmarc.sender.example", "v=DMARC1; p=none"),
        ("MX", "sender.example", "10 mx.example"),
    ]


def test_without_bounces_and_a_second_signature_there_is_less_to_publish() -> None:
    plain = replace(DOMAIN, algorithm="rsa-sha256")

    assert [record.kind for record in records_of(plain, TERMS)] == ["spf", "dkim-rsa", "dmarc"]


def test_the_zone_is_read_by_a_name_server_as_the_same_records() -> None:
    """A key of RSA needs two strings of at most 255 octets; joined they are the text."""
    records = records_of(BOUNCING, TERMS)
    zone = dns.zone.from_text(as_zone(records), "sender.example.", relativize=False, check_origin=False)
    found = {(str(name).rstrip("."), text_of(data)) for name, _, data in zone.iterate_rdatas()}

    assert found == {(record.name, record.value) for record in records}
    strings = zone.find_rdataset("prtest._domainkey.sender.example.", "TXT")[0].strings
    assert [len(string) for string in strings] == [255, len(f"v=DKIM1; k=rsa; p={RSA}") - 255]


def text_of(data: object) -> str:
    if isinstance(data, MX):
        return f"{data.preference} {str(data.exchange).rstrip('.')}"
    assert isinstance(data, TXT)
    return b"".join(data.strings).decode()


def test_what_is_published_as_told_is_there() -> None:
    assert look_at(BOUNCING, TERMS, SHOWN) == ALL


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("spf", "V=SPF1 mx include:_spf.other.example INCLUDE:Bounce.Example -all"),
        ("dkim-rsa", f"k=rsa; t=s; p={RSA[:100]} {RSA[100:]}"),
        pytest.param("dkim-ed25519", f" v = DKIM1 ; k=ed25519; p={ED25519};", id="dkim-ed25519-spaces"),
        ("dmarc", "v=DMARC1;p=reject; rua=mailto:d@sender.example"),
        ("mx", "MX.Example"),
    ],
)
def test_other_words_for_the_same_are_good_as_well(kind: RecordKind, text: str) -> None:
    """Beside whatever else stands under that name."""
    assert kind in look_at(BOUNCING, TERMS, {**NOTHING, kind: ["something else=1", text]})


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("spf", "v=spf1 include:other.example ~all"),
        ("spf", "v=spf10 include:bounce.example"),
        ("dkim-rsa", f"v=DKIM1; k=rsa; p={RSA[:-8]}AAAAAAAA"),
        ("dkim-rsa", "v=DKIM1; k=rsa; p="),
        ("dkim-ed25519", f"v=DKIM1; k=rsa; p={RSA}"),
        ("dmarc", "v=DMARC2; p=none"),
        ("dmarc", "v=DMARC1"),
        ("mx", "mx.example.org."),
        ("mx", ""),
    ],
)
def test_what_says_something_else_is_not_there(kind: RecordKind, text: str) -> None:
    assert look_at(BOUNCING, TERMS, {**SHOWN, kind: [text]}) == ALL - {kind}


def test_when_nobody_answers_what_was_known_still_holds() -> None:
    """But only a record that is gone is gone."""
    before = replace(BOUNCING, found=frozenset({"dkim-rsa", "mx"}))

    assert look_at(before, TERMS, dict.fromkeys(ALL, None)) == {"dkim-rsa", "mx"}
    assert look_at(before, TERMS, {**dict.fromkeys(ALL, None), "mx": []}) == {"dkim-rsa"}


def test_what_a_domain_has_no_use_for_is_not_found() -> None:
    """Though it is there: were it wanted again, it would have to be looked up again."""
    assert look_at(replace(DOMAIN, algorithm="rsa-sha256"), TERMS, SHOWN) == {"spf", "dkim-rsa", "dmarc"}


def test_a_domain_is_verified_by_its_key_alone() -> None:
    assert not is_verified(replace(BOUNCING, found=ALL - {"dkim-rsa"}), TERMS)
    assert is_verified(replace(BOUNCING, found=frozenset({"dkim-rsa"})), TERMS)
    assert [r.kind for r in missing_of(replace(BOUNCING, found=frozenset({"dkim-rsa"})), TERMS)] == [
        *("spf", "dkim-ed25519", "dmarc", "mx")
    ]


def test_where_dns_is_not_asked_a_domain_is_taken_on_trust() -> None:
    assert is_verified(BOUNCING, UNCHECKED)
    assert missing_of(BOUNCING, UNCHECKED) == []


def test_terms_are_named_in_the_records() -> None:
    records = records_of(BOUNCING, DomainTerms(True, "b.example.net", "in.example.net"))

    assert {record.value for record in records} >= {"v=spf1 include:b.example.net ~all", "10 in.example.net"}
