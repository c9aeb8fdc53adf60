"""Who may ask below ``/v1``, and with what: signature, token, key."""

import asyncio
import re
import time
from email.utils import formatdate

import pytest
import signupto

from services.api.app import start_api
from services.api.dialects.signupto.sign_in import forget_expired
from services.api.keys import CreatedKey
from shared.bus.in_process import InProcess
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from shared.runtime.settings import Settings
from tests.integration.api.conftest import Client, Clients
from tests.integration.api.signupto.conftest import Signer, ask, speak

TASK = "/v1/task"


async def refused(raw: Signer, headers: dict[str, str], method: str = "GET", target: str = TASK) -> str:
    reply = await raw.send(method, target, headers)
    assert reply.status == 401
    assert reply.headers["www-authenticate"].startswith("SuTHash")
    message: str = reply.response["message"]
    assert message.startswith("Bad signature: ")
    return message


async def test_a_signature_opens_and_the_query_is_no_part_of_it(raw: Signer, ready_task: int) -> None:
    assert (await raw.get(TASK)).status == 200
    assert (await raw.get(f"{TASK}/")).status == 200
    assert (await raw.send("GET", f"{TASK}/?count=1", raw.sign("GET", TASK))).status == 200


async def test_header_names_are_the_same_in_capitals(raw: Signer, ready_task: int) -> None:
    """As PHP sends them; what was signed has them as documented."""
    headers = {name.upper(): value for name, value in raw.sign("GET", TASK).items()}

    assert (await raw.send("GET", TASK, headers)).status == 200


async def test_pypis_client_is_told_of_a_wrong_key(client: Client, created: CreatedKey) -> None:
    wrong: CreatedKey = {**created, "signupto": {**created["signupto"], "key": "0" * 32}}
    with pytest.raises(signupto.ClientError) as caught:
        await ask(speak(client.url, wrong).task.get)

    assert caught.value.status_code == 401
    assert caught.value.error_info["message"].startswith("Bad signature: ")


async def test_whoever_is_unknown_gets_the_answer_of_a_wrong_signature(raw: Signer, stranger: Client) -> None:
    assert stranger.created is not None
    other = str(stranger.created["signupto"]["uid"])
    messages = {
        await refused(raw, {**raw.sign("GET", TASK), "Authorization": f'SuTHash signature="{"0" * 40}"'}),
        await refused(raw, raw.sign("GET", TASK, X_SuT_UID="999999")),
        await refused(raw, raw.sign("GET", TASK, X_SuT_CID="999999")),
        await refused(raw, raw.sign("GET", TASK, X_SuT_UID=other)),
        await refused(raw, raw.sign("GET", "/v1/list")),
        await refused(raw, raw.sign("HEAD", TASK)),
    }

    assert len(messages) == 1


@pytest.mark.parametrize("seconds", [-880, 880])
async def test_the_date_may_be_nearly_a_quarter_of_an_hour_off(raw: Signer, ready_task: int, seconds: int) -> None:
    headers = raw.sign("GET", TASK, Date=formatdate(time.time() + seconds, usegmt=True))

    assert (await raw.send("GET", TASK, headers)).status == 200


@pytest.mark.parametrize("seconds", [-920, 920])
async def test_a_date_further_off_is_refused(raw: Signer, ready_task: int, seconds: int) -> None:
    headers = raw.sign("GET", TASK, Date=formatdate(time.time() + seconds, usegmt=True))

    assert "Date is more than 15 minutes off" in await refused(raw, headers)


async def test_a_nonce_works_once_whichever_request_it_is_for(raw: Signer, ready_task: int) -> None:
    headers = raw.sign("GET", TASK)

    assert (await raw.send("GET", TASK, headers)).status == 200
    assert "X-SuT-Nonce was used before" in await refused(raw, headers)
    again = raw.sign("GET", "/v1/task/1", X_SuT_Nonce=headers["X-SuT-Nonce"])
    assert "X-SuT-Nonce was used before" in await refused(raw, again, target="/v1/task/1")


async def test_a_nonce_works_once_over_all_replicas(
    raw: Signer,
    ready_task: int,
    settings: Settings,
    database: Database,
    store: PostgresEventStore,
    bus: InProcess,
) -> None:
    second = await start_api(settings, database, store, bus)
    try:
        elsewhere, headers = Signer(second.url, raw.created), raw.sign("GET", TASK)
        replies = await asyncio.gather(*(signer.send("GET", TASK, headers) for signer in [raw, elsewhere] * 5))
    finally:
        await second.stop()

    assert sorted(reply.status for reply in replies) == [200] + [401] * 9


async def test_a_nonce_of_a_refused_request_and_of_another_user_is_not_used_up(
    raw: Signer, clients: Clients, ready_task: int
) -> None:
    second = await clients.make(user="bea")
    assert second.created is not None
    other = Signer(second.url, second.created)
    await refused(raw, {**raw.sign("GET", TASK, X_SuT_Nonce="n"), "Authorization": f'SuTHash signature="{"0" * 40}"'})

    assert (await raw.send("GET", TASK, raw.sign("GET", TASK, X_SuT_Nonce="n"))).status == 200
    assert (await other.send("GET", TASK, other.sign("GET", TASK, X_SuT_Nonce="n"))).status == 200


async def test_nonces_are_remembered_as_long_as_they_can_be_used_and_then_forgotten(
    raw: Signer, ready_task: int, database: Database
) -> None:
    """A date in the future makes a request usable for longer, and its nonce is remembered for longer."""
    early = raw.sign("GET", TASK, Date=formatdate(time.time() + 880, usegmt=True))
    await raw.send("GET", TASK, early)
    await raw.get(TASK)
    left = "SELECT extract(epoch FROM expires_at - clock_timestamp())::float8 FROM signupto_nonce WHERE nonce = $1"
    assert 1_700 < await database.fetch_value(left, early["X-SuT-Nonce"]) <= 1_781
    await forget_expired(database)
    assert await database.fetch_value("SELECT count(*) FROM signupto_nonce") == 2
    await database.execute("UPDATE signupto_nonce SET expires_at = now() - interval '1 second' WHERE nonce <> $1", "x")

    await forget_expired(database)

    assert await database.fetch_value("SELECT count(*) FROM signupto_nonce") == 0


async def test_a_token_is_given_for_a_password_and_opens(
    client: Client, raw: Signer, ready_task: int, created: CreatedKey, database: Database
) -> None:
    own = created["signupto"]
    anonymous = signupto.Client(version="1", auth=None)
    anonymous._baseurl = f"{client.url}/v1/"
    issued = await ask(anonymous.token.post, username=own["username"], password=own["password"])
    token = issued.data["token"]

    assert re.fullmatch(r"[a-z0-9/+]{96}", token)
    assert 86_000 < issued.data["expiry"] - time.time() < 86_500
    assert (await raw.send("GET", TASK, {"Authorization": f"SuTToken {token}"})).status == 200
    reader = signupto.TokenAuthorization(own["username"], own["password"])
    reader.token, reader.initialized = token, True
    by_token = signupto.Client(version="1", auth=reader)
    by_token._baseurl = f"{client.url}/v1/"
    assert [task["id"] for task in (await ask(by_token.task.get)).data] == [ready_task]
    assert token.encode() not in await database.fetch_value("SELECT hash FROM signupto_token")
    await database.execute("UPDATE signupto_token SET expires_at = now()")
    await refused(raw, {"Authorization": f"SuTToken {token}"})
    await forget_expired(database)
    assert await database.fetch_value("SELECT count(*) FROM signupto_token") == 0


async def test_a_token_by_a_form_is_202(raw: Signer, created: CreatedKey) -> None:
    own = created["signupto"]
    reply = await raw.form("POST", "/v1/token", username=own["username"], password=own["password"])

    assert (reply.status, reply.response["count"]) == (202, 1)


@pytest.mark.parametrize(
    "change", [{"password": "x"}, {"username": "acme"}, {"username": "acme/nobody"}, {"username": "/"}]
)
async def test_no_token_for_whoever_is_not_who_he_says(
    raw: Signer, created: CreatedKey, change: dict[str, str]
) -> None:
    own = created["signupto"]
    reply = await raw.json("POST", "/v1/token", **{"username": own["username"], "password": own["password"], **change})

    assert reply.status == 401
    assert reply.response["message"].startswith("Bad signature: ")


async def test_names_with_slashes_are_told_apart(clients: Clients, raw: Signer) -> None:
    for account, user in (("a/b", "c"), ("a", "b/c")):
        made = await clients.make(account=account, user=user)
        assert made.created is not None
        await made.post("/list", {"name": f"{account} {user}"})
        own = made.created["signupto"]
        reply = await raw.form("POST", "/v1/token", username=own["username"], password=own["password"])
        held = {"Authorization": f"SuTToken {reply.answer['token']}"}
        lists = await raw.send("GET", "/v1/list", held)
        assert [each["name"] for each in lists.answer] == [f"{account} {user}"]


async def test_keys_open_too_and_a_wrong_one_does_not(client: Client, raw: Signer, ready_task: int) -> None:
    assert (await raw.send("GET", TASK, {"Authorization": f"Bearer {client.key}"})).status == 200
    await refused(raw, {"Authorization": "Bearer pr_aaaaaaaa_" + "a" * 32})
    await refused(raw, {})
    await refused(raw, {"Authorization": f"SuTToken {'a' * 96}"})


async def test_roles_hold_here_as_well(clients: Clients, ready_task: int) -> None:
    reader = await clients.make(user="rita", role="reader")
    assert reader.created is not None
    raw = Signer(reader.url, reader.created)

    assert (await raw.get(TASK)).status == 200
    assert (await raw.form("PUT", TASK, id=ready_task, name="x")).response["code"] == 403


async def test_the_native_dialect_takes_no_signature(raw: Signer, settings: Settings) -> None:
    reply = await raw.send("GET", "/task", raw.sign("GET", "/task"))

    assert (reply.status, reply.headers["content-type"]) == (401, "application/problem+json")
