"""Proofs come from where mail of a task comes from."""

from dataclasses import replace

from services.api.app import start_api
from shared.bus.in_process import InProcess
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from tests.integration.api.conftest import EMAIL_MESSAGE, Client

TO = {"to": ["ann@example.org", "bob@example.org"]}


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
