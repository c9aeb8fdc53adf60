"""Asks DNS. The only file that names the resolver's library."""

import asyncio
from collections.abc import Mapping
from typing import Final

import dns.asyncresolver
import dns.exception
import dns.nameserver
import dns.resolver
from dns.rdtypes.ANY.MX import MX
from dns.rdtypes.ANY.TXT import TXT

from shared.domain.dns_records import DnsRecord
from shared.domain.sending_domain import RecordKind
from shared.runtime.settings import BadSettings

TRY_SECONDS: Final = 2.0  #: for one server to answer one question
QUESTION_SECONDS: Final = 5.0  #: for a question in all, over all servers and tries
LONGEST_ANSWER: Final = 64  #: records of one name that are looked at; more is no honest answer


class DnsLookup:
    """``server``: address and port of a name server; None: those of the system. Nothing is remembered in between.

    Raises BadSettings when the system names none.
    """

    def __init__(self, server: tuple[str, int] | None) -> None:
        try:
            self._resolver = dns.asyncresolver.Resolver(configure=server is None)
        except dns.resolver.NoResolverConfiguration as error:
            raise BadSettings(["POSTROOM_DNS_SERVER: the system names no name server"]) from error
        if server is not None:
            self._resolver.nameservers = [dns.nameserver.Do53Nameserver(*server)]
        self._resolver.timeout = TRY_SECONDS
        self._resolver.lifetime = QUESTION_SECONDS

    async def look_up(self, records: list[DnsRecord]) -> Mapping[RecordKind, list[str] | None]:
        """What DNS says in the place of each: texts, and hosts of an MX. None: nobody answered. Asks all at once."""
        answers = await asyncio.gather(*(self._ask(record) for record in records))
        return {record.kind: answer for record, answer in zip(records, answers, strict=True)}

    async def _ask(self, record: DnsRecord) -> list[str] | None:
        try:
            answer = await self._resolver.resolve(f"{record.name}.", record.type, search=False)
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return []
        except (dns.exception.DNSException, OSError):
            return None
        return [_text_of(found) for found in list(answer)[:LONGEST_ANSWER]]


def _text_of(found: object) -> str:
    match found:
        case TXT():
            # The strings of a record are one text (RFC 7208 3.3, RFC 6376 3.6.2.2).
            return b"".join(found.strings).decode("utf-8", "replace")
        case MX():
            return str(found.exchange)
        case _:
            return ""
