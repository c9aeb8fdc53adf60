"""What an account's users see of it, and the address where its SMS come in."""

from urllib.parse import urlsplit

import pytest

from services.api.app import start_api
from shared.bus.in_process import InProcess
from shared.domain.account import Role
from shared.domain.tokens import Token, TokenKeys, TokenKind
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import BadSettings, Settings, read_settings
from tests.integration.api.conftest import SECRET, Clients


@pytest.mark.parametrize("role", ["admin", "operator"])
async def test_admins_see_the_account_with_its_secrets(clients: Clients, settings: Settings, role: Role) -> None:
    """The webhook secret is the one that was told with the key; nothing is metered."""
    client = await clients.make(role=role)
    assert client.created is not None
    seen = (await client.get("/account")).json
    url = urlsplit(seen.pop("inbound_sms_url"))

    assert seen.pop("cdate") > 1_700_000_000
    assert seen == {
        "id": client.created["account_id"],
        "name": "acme",
        "credit": None,
        "quota": None,
        "overage": None,
        "charged": 0,
        "left": {"credit": None, "quota": None, "overage": None},
        "webhook_secret": client.created["webhook_secret"],
    }
    assert f"{url.scheme}://{url.netloc}" == settings.public_tracker_url
    token = TokenKeys(settings.secret).read_web(url.path.removeprefix("/s/"))
    assert token == Token(client.created["account_id"], 0, TokenKind.INBOUND, 0)


@pytest.mark.parametrize("role", ["member", "reader"])
async def test_others_see_it_without_them(clients: Clients, role: Role) -> None:
    """Whoever knows the address can speak for every telephone."""
    seen = (await (await clients.make(role=role)).get("/account")).json

    assert (seen["name"], seen["webhook_secret"], seen["inbound_sms_url"]) == ("acme", None, None)


async def test_each_account_has_an_address_of_its_own(clients: Clients) -> None:
    """The same each time it is asked for."""
    ours, theirs = await clients.make(), await clients.make("other", "bob")
    addresses = [(await client.get("/account")).json["inbound_sms_url"] for client in (ours, ours, theirs)]

    assert addresses[0] == addresses[1] != addresses[2]


async def test_it_has_an_address_by_its_id_for_its_own_users_alone(clients: Clients) -> None:
    ours, theirs = await clients.make(), await clients.make("other", "bob", "operator")
    seen = (await ours.get("/account")).json

    assert (await ours.get(f"/account/{seen['id']}")).json == seen
    assert (await theirs.get(f"/account/{seen['id']}")).status == 404, "an operator may not look into it either"
    assert (await ours.send("DELETE", "/account", {})).headers["Allow"] == "GET, HEAD, POST, PUT"
    assert (await ours.send("POST", f"/account/{seen['id']}", {})).headers["Allow"] == "GET, HEAD, PUT"


@pytest.mark.parametrize(
    ("given", "url"),
    [
        ({}, "http://127.0.0.1:8081"),
        ({"POSTROOM_TRACKER_URL": "https://t.example/"}, "https://t.example"),
    ],
)
def test_where_the_tracker_is_reached(given: dict[str, str], url: str) -> None:
    assert read_settings(given, frozenset()).public_tracker_url == url


async def test_a_domain_that_no_proof_could_be_sent_from_is_said_at_the_start(
    database: Database, database_url: str
) -> None:
    given = {"POSTROOM_BOUNCE_DOMAIN": "no domain", "POSTROOM_SECRET": SECRET, "POSTROOM_API_PORT": "0"}
    with pytest.raises(BadSettings, match="POSTROOM_BOUNCE_DOMAIN"):
        await start_api(read_settings(given, frozenset()), database, PostgresEventStore(database), InProcess())
