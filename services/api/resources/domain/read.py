"""What is known of domains: all but their private keys."""

from pathlib import Path

from shared.domain.dns_records import DomainTerms
from shared.domain.identifiers import AccountId, DomainId, Instant
from shared.domain.sending_domain import SendingDomain
from shared.postgres.database import Database, Row
from shared.postgres.named_queries import load_queries

QUERIES = load_queries(Path(__file__).with_name("queries.sql"))


async def is_name_taken(database: Database, account_id: int, name: str) -> bool:
    return bool(await database.fetch_value(QUERIES["name_taken"], account_id, name))


async def read_domain(database: Database, account_id: int, domain_id: int) -> SendingDomain | None:
    row = await database.fetch_row(QUERIES["read_domain"], account_id, domain_id)
    return state_of(row) if row else None


async def read_page(database: Database, account_id: int, after: int, count: int) -> tuple[list[SendingDomain], int]:
    """The domains behind id ``after``, one more than ``count`` if there are more, and how many there are in all."""
    rows = await database.fetch(QUERIES["domain_page"], account_id, after, count + 1)
    return [state_of(row) for row in rows], await database.fetch_value(QUERIES["domain_total"], account_id)


async def from_fault(database: Database, account_id: int, from_email: str, terms: DomainTerms) -> str:
    """Why this address may not be sent from; empty: it may."""
    if not terms.checked:
        return ""
    name = domain_of(from_email)
    verified = await database.fetch_value(QUERIES["is_verified"], account_id, name)
    return "" if verified else f"{name} is no domain of this account whose key DNS shows; see /domain"


async def from_fault_of_message(database: Database, account_id: int, message_id: int, terms: DomainTerms) -> str:
    """The same of what a message is sent from; empty as well where it is no email of the account."""
    if not terms.checked:
        return ""
    from_email = await database.fetch_value(QUERIES["from_of_message"], account_id, message_id)
    return await from_fault(database, account_id, from_email, terms) if from_email else ""


def domain_of(email: str) -> str:
    return email.rpartition("@")[2].lower()


def state_of(row: Row) -> SendingDomain:
    return SendingDomain(
        domain_id=DomainId(row["id"]),
        account_id=AccountId(row["account_id"]),
        name=row["name"],
        bouncing=row["bouncing"],
        algorithm=row["algorithm"],
        selector=row["selector"],
        rsa_public_key=row["rsa_public_key"],
        ed25519_public_key=row["ed25519_public_key"],
        found=frozenset(row["found"]),
        cdate=Instant(row["cdate"]),
    )
