"""An erasure meets what is in somebody's hands at that moment, and what tells of an address that was given up."""

import asyncio

from shared.postgres.database import Database
from tests.everything_stored import places_of
from tests.integration.api.conftest import Client
from tests.integration.api.test_erasure import CANARY, WORDS, prepare


async def test_a_single_message_on_its_way_is_waited_for_and_then_forgotten(client: Client, database: Database) -> None:
    """So is what somebody wrote down who had the address in hand."""
    canary = await prepare(client)
    await client.post("/message/1/test", {"to": [CANARY["email"]]})
    await database.execute("UPDATE notice SET begun = true, owner = 1, leased_until = now() + interval '1 minute'")
    erasing = asyncio.create_task(client.send("DELETE", f"/subscriber/{canary}"))
    async with asyncio.timeout(20):
        while await database.fetch_value("SELECT count(*) FROM subscriber WHERE id = $1", canary):
            await asyncio.sleep(0.01)
    await database.execute(
        """INSERT INTO suppression (account_id, channel, hash, address, subscriber_id, reason, source, cdate)
           VALUES (1, 'email', '\\x00', 'canary.bird@nest.example', $1, 'opted_out', 'task 1', now())""",
        canary,
    )
    waiting = (await asyncio.wait([erasing], timeout=0.5))[1]
    assert waiting
    await database.execute("UPDATE notice SET begun = false, owner = NULL, state = 'accepted', content = NULL")

    assert (await erasing).status == 200
    assert await places_of(database, *WORDS) == []
    assert (await client.get("/notice/1")).json["state"] == "accepted"


async def test_an_answer_with_addresses_he_has_given_up_is_known_to_be_his(client: Client, database: Database) -> None:
    canary = await prepare(client)
    given = {"email": "other@x.org", "telephone": "+447700900555", "external_id": None}
    await client.put(f"/subscriber/{canary}", given)

    assert (await client.send("DELETE", f"/subscriber/{canary}")).status == 200
    assert await places_of(database, *WORDS) == []
