"""Looks at DNS for the domains whose turn it is, and records what is there. Any number of processes share the work."""

import asyncio
from collections.abc import Mapping
from typing import Final, Protocol

import structlog

from services.api.resources.domain.read import QUERIES, state_of
from shared.domain.dns_records import DnsRecord, DomainTerms, look_at, records_of
from shared.domain.identifiers import domain_stream
from shared.domain.sending_domain import RecordKind, RecordLook, SendingDomain
from shared.event_store.handle_command import Handler
from shared.event_store.interface import Actor
from shared.event_store.read_models.sending_domain import DOMAINS
from shared.postgres.database import Database

AT_ONCE: Final = 20  #: domains looked at in one round
SWEEP_SECONDS: Final = 15.0
EAGER_FOR_SECONDS: Final = 3600.0  #: from its adding on somebody is likely to be publishing its records
EAGER_SECONDS: Final = 30.0  #: from one look to the next, so long
PATIENT_SECONDS: Final = 900.0  #: and later
SETTLED_SECONDS: Final = 3600.0  #: of one that was verified

log = structlog.get_logger(__name__)


class Lookup(Protocol):
    async def look_up(self, records: list[DnsRecord]) -> Mapping[RecordKind, list[str] | None]:
        """What DNS says in the place of each record; None: nobody answered."""
        ...


class DomainWatch:
    def __init__(self, database: Database, commands: Handler, lookup: Lookup, terms: DomainTerms) -> None:
        self._database = database
        self._commands = commands
        self._lookup = lookup
        self._terms = terms

    async def look(self) -> bool:
        """Whether there may be more. Raises DatabaseError, VersionConflict: then the next turn makes up for it."""
        rows = await self._database.fetch(
            QUERIES["claim_looks"], AT_ONCE, EAGER_FOR_SECONDS, EAGER_SECONDS, PATIENT_SECONDS, SETTLED_SECONDS
        )
        await asyncio.gather(*(self._look_at(state_of(row)) for row in rows))
        return len(rows) == AT_ONCE

    async def _look_at(self, domain: SendingDomain) -> None:
        answers = await self._lookup.look_up(records_of(domain, self._terms))
        found = look_at(domain, self._terms, answers)
        if found == domain.found:
            return
        await self._commands.handle(
            DOMAINS, domain_stream(domain.domain_id), RecordLook(found), Actor(domain.account_id)
        )
        log.info("domain seen", action="domain_seen", domain_id=domain.domain_id, found=sorted(found))
