"""A running Postroom with something to see at its console."""

from dataclasses import dataclass
from typing import Any, Final

import aiohttp

PEOPLE: Final = 3_000
A_FEW_A_SECOND: Final = 36_000  #: an hour: the task goes on for five minutes

#: In every name that somebody gives. Each would call the script if it became html.
CANARY: Final = "<img src=x onerror=canary()><script>canary()</script>\"'><svg onload=canary()>"


@dataclass(frozen=True)
class Site:
    api: str
    key: str
    session: aiohttp.ClientSession

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {self.key}"}
        async with self.session.request(method, self.api + path, json=body, headers=headers) as answer:
            assert answer.status < 300, (method, path, answer.status, await answer.text())
            return await answer.json()

    async def add_people(self, name: str, count: int) -> int:
        """The id of their list."""
        list_id = (await self.call("POST", "/list", {"name": name}))["id"]
        people = [{"email": f"reader{number}@example.com"} for number in range(count)]
        await self.call("POST", f"/list/{list_id}/subscriber", people)
        return int(list_id)

    async def add_message(self, name: str) -> int:
        html = '<p>Autumn is here. <a href="https://example.com/autumn">See</a> {{ unsubscribe_url }}</p>'
        message = {"channel": "email", "name": name, "subject": "Autumn", "from_email": "a@example.com", "html": html}
        return int((await self.call("POST", "/message", message))["id"])

    async def add_task(self, name: str, **given: Any) -> int:
        """Due, unless it is said otherwise; its people and message must be there."""
        wish = {"channel": "email", "list_id": 1, "message_id": 1, "name": name, "scheduledtime": 0, **given}
        return int((await self.call("POST", "/task", wish))["id"])

    async def add_split_test(self, name: str, messages: list[int]) -> int:
        wish = {
            "name": name,
            "message_ids": messages,
            "list_id": 1,
            "criterion": "open",
            "delay": 1,
            "segmentvalue": 10,
        }
        return int((await self.call("POST", "/splittest", {**wish, "scheduledtime": 4_000_000_000}))["id"])

    async def add_campaign(self, name: str, **given: Any) -> int:
        wish = {"name": name, "list": 1, "event_callback": f"{self.api}/nobody?{'x' * 40}", **given}
        campaign = int((await self.call("POST", "/campaign", wish))["id"])
        await self.call("POST", f"/campaign/{campaign}/payload", {"channel": "email", "message_id": 1})
        return campaign
