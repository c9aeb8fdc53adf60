"""A campaign over both channels, on the real `postroom up`, which is killed in the middle: what its callbacks tell."""

import asyncio
import signal
import tempfile
from pathlib import Path

import aiohttp
import pytest

from tests.acceptance.campaign_run import Audience, Postroom, read_mails, start_campaign, until_done, until_told
from tests.acceptance.postroom_process import up
from tests.sinks.receiver import Receiver

PEOPLE, READERS = 2_500, 40


@pytest.mark.timeout(240)
async def test_callbacks_of_a_campaign_add_up_to_its_reports_over_a_kill() -> None:
    """Everybody to whom something happened is named, and what came twice has one id and one body."""
    with tempfile.TemporaryDirectory(prefix="postroom-test-") as folder:
        Path(folder).chmod(0o711)
        data = f"--data-dir={folder}/postroom"
        audience = Audience()
        async with Receiver(audience) as receiver, aiohttp.ClientSession() as session:
            with up(data, POSTROOM_CALLBACK_WINDOW_SECONDS="1") as killed:
                postroom = Postroom(dict(killed.ready), session)
                audience.secret = postroom.ready["webhook_secret"]
                campaign_id = await start_campaign(postroom, f"{receiver.url}/hook?a=%7e&b=x+y", PEOPLE)
                async with asyncio.timeout(60):
                    while not receiver.requests:
                        await asyncio.sleep(0.01)
                killed.process.send_signal(signal.SIGKILL)
                killed.process.wait()
            with up(data, POSTROOM_CALLBACK_WINDOW_SECONDS="1") as again:
                postroom = Postroom(dict(again.ready), session)
                await until_done(postroom, campaign_id, 60)
                await read_mails(postroom, READERS)
                found = await until_told(postroom, campaign_id, audience, 120)

        assert found.reported["email", "submitted"] == found.reported["email", "delivered"] == PEOPLE
        assert found.reported["sms", "bounced"] == 5
        assert 0 < found.reported["sms", "delivered"] < PEOPLE  # the inbox dies with what it had to tell
        assert found.reported["email", "opened"] == READERS
        assert found.reported["email", "clicked"] == (READERS + 2) // 3
        assert [told for told in found.ids.values() if len(told) != 1] == []
        assert {request.line for request in receiver.requests} == {"POST /hook?a=%7e&b=x+y HTTP/1.1"}
        assert all(len(request.people) <= 1000 for request in receiver.requests)
