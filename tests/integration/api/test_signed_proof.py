"""Proofs come from where mail of a task comes from, and are signed as it is."""

from dataclasses import replace

import pytest

from services.api.app import start_api
from shared.bus.in_process import InProcess
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from tests.integration.api.conftest import EMAIL_MESSAGE, Client
from tests.integration.api.test_domain import add
from tests.verify_dkim import verdicts

TO = {"to": ["ann@example.org", "bob@example.org"]}


@pytest.mark.parametrize(("algorithm", "signatures"), [("rsa-sha256", 1), ("ed25519-sha256", 2)])
async def test_a_proof_is_signed_by_its_from_domain(
    client: Client, database: Database, algorithm: str, signatures: int
) -> None:
    """Whoever judges a proof judges what a task would send; a retry sends the octets that are kept."""
    domain = await add(client, "example.com", dkim_algorithm=algorithm)
    published = {record["name"]: record["value"] for record in domain["dns"] if record["type"] == "TXT"}
    message = (await client.post("/message", EMAIL_MESSAGE)).headers["Location"]

    assert (await client.post(f"{message}/test", TO)).status == 202

    rows = await database.fetch("SELECT content FROM notice")
    assert [verdicts(row["content"], published) for row in rows] == [[True] * signatures] * 2


async def test_no_proof_comes_from_a_domain_that_is_not_the_account_s(
    client: Client, database: Database, settings: Settings, store: PostgresEventStore, bus: InProcess
) -> None:
    """Though it was written when nobody asked."""
    message = (await client.post("/message", EMAIL_MESSAGE)).headers["Location"]
    strict = await start_api(replace(settings, dns_check=True, dns_server=("127.0.0.1", 1)), database, store, bus)
    try:
        refused = await Client(strict.url, client.session, client.key).post(f"{message}/test", TO)
    finally:
        await strict.stop()

    assert (refused.status, refused.faults) == (409, {"from_email"})
    assert await database.fetch_value("SELECT count(*) FROM notice") == 0
