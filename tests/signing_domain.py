"""A domain with keys as the api draws them, and what is published for it."""

from services.api.dkim_keys import draw_keys, key_rows
from shared.composing.dkim import DkimKey, load_key
from shared.domain.dns_records import DomainTerms, records_of
from shared.domain.identifiers import AccountId, DomainId, domain_stream
from shared.domain.sending_domain import (
    AddDomain,
    Algorithm,
    Command,
    RecordKind,
    RecordLook,
    SendingDomain,
    selector_of,
)
from shared.event_store.handle_command import Done, Handler
from shared.event_store.interface import Actor
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.sending_domain import DOMAINS
from shared.postgres.database import Database
from shared.runtime import clock

SECRET = bytes(range(32))  #: that of the dispatchers of the tests
DRAWN = draw_keys()
DOMAIN = SendingDomain(
    domain_id=DomainId(1),
    account_id=AccountId(1),
    name="sender.example",
    algorithm="ed25519-sha256",
    selector="prtest",
    rsa_public_key=DRAWN["rsa-sha256"].public,
    ed25519_public_key=DRAWN["ed25519-sha256"].public,
)
TERMS = DomainTerms(checked=True, bounce_domain="bounce.example", mx_host="mx.example")
PUBLISHED = {record.name: record.value for record in records_of(DOMAIN, TERMS) if record.type == "TXT"}


def signing_key(algorithm: Algorithm) -> DkimKey:
    private = load_key(algorithm, DRAWN[algorithm].private)
    return DkimKey(DOMAIN.name, selector_of(DOMAIN.selector, algorithm), algorithm, private)


BOTH = [signing_key("rsa-sha256"), signing_key("ed25519-sha256")]


async def add_domain(
    database: Database,
    *,
    algorithm: Algorithm = "rsa-sha256",
    account_id: int = 1,
    domain_id: int = 1,
    found: frozenset[RecordKind] = frozenset(),
    secret: bytes = SECRET,
) -> None:
    """The domain with its keys, as the api adds it, and as DNS was seen then."""
    handler, stream = Handler(PostgresEventStore(database), clock.now), domain_stream(domain_id)
    command = AddDomain(
        DomainId(domain_id),
        AccountId(account_id),
        DOMAIN.name,
        bouncing=False,
        algorithm=algorithm,
        selector=DOMAIN.selector,
        rsa_public_key=DOMAIN.rsa_public_key,
        ed25519_public_key=DOMAIN.ed25519_public_key,
        name_taken=False,
    )
    ids = [10 * domain_id, 10 * domain_id + 1]
    done = await handler.handle(
        DOMAINS,
        stream,
        command,
        Actor(account_id),
        fresh=True,
        also=lambda state: key_rows((secret,), state, ids, DRAWN),
    )
    assert isinstance(done, Done)
    await change_domain(database, RecordLook(found), domain_id)


async def change_domain(database: Database, command: Command, domain_id: int = 1) -> None:
    handler = Handler(PostgresEventStore(database), clock.now)
    assert isinstance(await handler.handle(DOMAINS, domain_stream(domain_id), command, Actor(1)), Done)
