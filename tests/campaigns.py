"""Puts campaigns, and all that they name, into a database: for tests that begin where those exist."""

from collections.abc import Sequence
from typing import Any

from shared.campaigns.look_up import find_known
from shared.domain.campaign import Payload, State
from shared.domain.campaign_commands import AddPayload, ChangeCampaign, CreateCampaign, Known, Named
from shared.domain.identifiers import (
    AccountId,
    CampaignId,
    Channel,
    DomainId,
    Instant,
    ListId,
    MessageId,
    PayloadId,
    SearchId,
    UserId,
    campaign_stream,
    domain_stream,
)
from shared.domain.message import CreateMessage
from shared.domain.sending_domain import AddDomain
from shared.event_store.handle_command import Done, Handler
from shared.event_store.on_postgres import PostgresEventStore
from shared.event_store.read_models.campaign import CAMPAIGNS
from shared.event_store.read_models.message import MESSAGES
from shared.event_store.read_models.sending_domain import DOMAINS
from shared.postgres.database import Database, Row
from shared.runtime import clock
from tests.audience import ACCOUNT, CONTENT, TEXT

LIST, DOMAIN = 1, 1
MESSAGES_OF: dict[Channel, int] = {"email": 1, "sms": 2}
BOUNCE_DOMAIN = "bounce.sender.example"

PEOPLE = """
WITH added AS (
    INSERT INTO subscriber (id, account_id, email, telephone, vars, cdate)
    SELECT n + 1, 1, 'person-' || n || '@example.com', '+4477' || (10000000 + n),
           jsonb_build_object('name', 'Person ' || n, 'place', n), now()
      FROM generate_series(0, $1 - 1) AS n
    RETURNING id
)
INSERT INTO subscription (list_id, subscriber_id, confirmed, signup_at) SELECT 1, id, true, now() FROM added"""


def handler_of(database: Database) -> Handler:
    return Handler(PostgresEventStore(database), clock.now)


async def make_world(database: Database, people: int = 0) -> None:
    """A list of people with both addresses, numbered from 1 and in ``vars.place`` from 0; a message for each channel,
    and a domain.
    """
    handler = handler_of(database)
    await database.execute("INSERT INTO list (id, account_id, name, version, cdate) VALUES (1, 1, 'list 1', 1, now())")
    await database.execute(PEOPLE, people)
    for channel, number in MESSAGES_OF.items():
        content, links = (CONTENT, ("https://example.com/offer",)) if channel == "email" else (TEXT, ())
        message = CreateMessage(MessageId(number), AccountId(1), UserId(1), channel, "message", content, links)
        assert isinstance(await handler.handle(MESSAGES, f"message-{number}", message, ACCOUNT, fresh=True), Done)
    domain = AddDomain(DomainId(DOMAIN), AccountId(1), BOUNCE_DOMAIN, True, "rsa-sha256", "pr1", "rsa", "ed", False)
    assert isinstance(await handler.handle(DOMAINS, domain_stream(DOMAIN), domain, ACCOUNT, fresh=True), Done)


async def known_here(database: Database) -> Known:
    """All that there is of this world, and its first searches."""
    messages = frozenset(MESSAGES_OF.values())
    named = Named(1, frozenset({LIST}), frozenset({DOMAIN}), frozenset(range(1, 20)), messages)
    return (await find_known(database, [named], dns_check=False))[1]


async def post_campaign(
    database: Database,
    *,
    number: int = 1,
    state: State = "READY",
    when: float = 0.0,
    channels: Sequence[Channel] = ("email", "sms"),
    segments: Sequence[int] = (),
    domain_id: int | None = DOMAIN,
) -> None:
    """DRAFT, SCHEDULED or READY; its payloads are 2n and 2n + 1."""
    handler, stream = handler_of(database), campaign_stream(number)
    known = await known_here(database)
    wish = CreateCampaign(
        campaign_id=CampaignId(number),
        account_id=AccountId(1),
        user_id=UserId(1),
        name=f"campaign {number}",
        state="DRAFT" if state == "DRAFT" else "SCHEDULED",
        list_id=ListId(LIST),
        domain_id=None if domain_id is None else DomainId(domain_id),
        segments=tuple(map(SearchId, segments)),
        when=Instant(when),
        event_callback=None,
        callback_fault="",
        known=known,
    )
    assert isinstance(await handler.handle(CAMPAIGNS, stream, wish, ACCOUNT, fresh=True), Done)
    for place, channel in enumerate(channels):
        payload = Payload(PayloadId(2 * number + place), channel, MessageId(MESSAGES_OF[channel]))
        assert isinstance(await handler.handle(CAMPAIGNS, stream, AddPayload(payload, known), ACCOUNT), Done)
    if state == "READY":
        await change(database, number, state="READY")


async def change(database: Database, number: int = 1, **wanted: Any) -> None:
    """A PUT that is not refused."""
    wish = ChangeCampaign(fields=frozenset(wanted), known=await known_here(database), **wanted)
    done = await handler_of(database).handle(CAMPAIGNS, campaign_stream(number), wish, ACCOUNT)
    assert isinstance(done, Done), done


async def row_of(database: Database, number: int = 1) -> Row:
    row = await database.fetch_row("SELECT * FROM campaign WHERE id = $1", number)
    assert row is not None
    return row
