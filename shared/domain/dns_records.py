"""The DNS records of a sending domain: what to publish, and whether DNS shows it. Pure; nothing is looked up here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from shared.domain.sending_domain import RecordKind, SendingDomain, selector_of

LONGEST_STRING: Final = 255  #: octets in one string of a TXT record
LIFETIME: Final = 3600  #: seconds in a zone file: how long others may remember it


@dataclass(frozen=True, slots=True)
class DomainTerms:
    """How this installation treats domains.

    ``checked``: only what DNS shows counts; else all of it is taken on trust.
    """

    checked: bool
    bounce_domain: str  #: its SPF record names our relays
    mx_host: str  #: where bounces are taken


@dataclass(frozen=True, slots=True)
class DnsRecord:
    kind: RecordKind
    type: Literal["TXT", "MX"]
    name: str
    value: str  #: of a TXT the whole text, of an MX its preference and host


def records_of(domain: SendingDomain, terms: DomainTerms) -> list[DnsRecord]:
    """All that is to be published for it."""
    keys = [_key(domain, "dkim-rsa")]
    if domain.algorithm == "ed25519-sha256":
        keys.append(_key(domain, "dkim-ed25519"))
    found = [
        DnsRecord("spf", "TXT", domain.name, f"v=spf1 include:{terms.bounce_domain} ~all"),
        *keys,
        DnsRecord("dmarc", "TXT", f"_dmarc.{domain.name}", "v=DMARC1; p=none"),
    ]
    if domain.bouncing:
        found.append(DnsRecord("mx", "MX", domain.name, f"10 {terms.mx_host}"))
    return found


def _key(domain: SendingDomain, kind: Literal["dkim-rsa", "dkim-ed25519"]) -> DnsRecord:
    if kind == "dkim-rsa":
        selector, value = selector_of(domain.selector, "rsa-sha256"), f"k=rsa; p={domain.rsa_public_key}"
    else:
        selector, value = selector_of(domain.selector, "ed25519-sha256"), f"k=ed25519; p={domain.ed25519_public_key}"
    return DnsRecord(kind, "TXT", f"{selector}._domainkey.{domain.name}", f"v=DKIM1; {value}")


def missing_of(domain: SendingDomain, terms: DomainTerms) -> list[DnsRecord]:
    """What DNS does not show; nothing where it is not asked."""
    return [record for record in records_of(domain, terms) if terms.checked and record.kind not in domain.found]


def is_verified(domain: SendingDomain, terms: DomainTerms) -> bool:
    """Whether it may be sent from. Its RSA key is the proof; the other records only help."""
    return not terms.checked or "dkim-rsa" in domain.found


def look_at(
    domain: SendingDomain, terms: DomainTerms, answers: Mapping[RecordKind, Sequence[str] | None]
) -> frozenset[RecordKind]:
    """What of the domain's records is there. ``answers``: what DNS says for each, as text: of an MX its host.

    None where nobody answered: then what was known before still holds.
    """

    def is_there(record: DnsRecord) -> bool:
        answer = answers.get(record.kind)
        return record.kind in domain.found if answer is None else any(_shows(text, record) for text in answer)

    return frozenset(record.kind for record in records_of(domain, terms) if is_there(record))


def _shows(text: str, record: DnsRecord) -> bool:
    match record.kind:
        case "spf":
            words = text.lower().split()
            # Whoever sends by other ways, too, has more in it than we need.
            return words[:1] == ["v=spf1"] and record.value.split()[1].lower() in words
        case "dmarc":
            return text.lower().replace(" ", "").startswith("v=dmarc1;p=")
        case "mx":
            return text.lower().rstrip(".") == record.value.split()[1].lower().rstrip(".")
        case _:
            return _key_in(text) == _key_in(record.value)


def _key_in(text: str) -> str:
    """The key in a record of RFC 6376 3.6.1; empty: there is none, or it was revoked."""
    tags = dict(part.partition("=")[::2] for part in "".join(text.split()).split(";"))
    return tags.get("p", "")


def as_zone(records: Sequence[DnsRecord]) -> str:
    """The records as lines of a zone file (RFC 1035 5.1), long texts in strings of 255 octets."""
    return "".join([f"{record.name}. {LIFETIME} IN {record.type} {_data(record)}\n" for record in records])


def _data(record: DnsRecord) -> str:
    if record.type == "MX":
        return f"{record.value.rstrip('.')}."
    text = record.value
    parts = [text[start : start + LONGEST_STRING] for start in range(0, len(text), LONGEST_STRING)]
    return " ".join([f'"{part}"' for part in parts])
