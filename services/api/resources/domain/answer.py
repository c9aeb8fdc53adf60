"""A domain as the API shows it. Pure."""

from services.api.moments import moment
from services.api.resources.domain.schema import DomainAnswer, RecordAnswer
from shared.domain.dns_records import DnsRecord, DomainTerms, as_zone, is_verified, missing_of, records_of
from shared.domain.sending_domain import SendingDomain


def domain_answer(domain: SendingDomain, terms: DomainTerms) -> DomainAnswer:
    records = records_of(domain, terms)
    return DomainAnswer(
        id=domain.domain_id,
        name=domain.name,
        bouncing=domain.bouncing,
        dkim_selector=domain.selector,
        dkim_algorithm=domain.algorithm,
        dkim_public_key=domain.rsa_public_key,
        dns=_entries(records),
        zone=as_zone(records),
        verified=is_verified(domain, terms),
        missing=_entries(missing_of(domain, terms)),
        cdate=moment(domain.cdate),
    )


def _entries(records: list[DnsRecord]) -> list[RecordAnswer]:
    return [RecordAnswer(type=record.type, name=record.name, value=record.value) for record in records]
