"""A campaign that has been sent, row by row: who was written to, and what each did when."""

from dataclasses import dataclass, field
from typing import Any

from shared.delivery_log.append import DeliveryLog
from shared.delivery_log.gather_hits import Hit, gather_hits
from shared.delivery_log.ordinal_sets import read_counts
from shared.domain.delivery import Kind
from shared.domain.identifiers import Channel, shard_of
from tests.integration.jobs.caller import Caller, Reply
from tests.integration.tracker.running_projectors import eventually

LINKS = ["https://a.example/?x=1&y=2", "https://b.example/", "=https://c.example/"]

_CAMPAIGN = """
INSERT INTO campaign (id, account_id, user_id, version, name, state, list_id, segments, scheduled_at, payloads, tasks,
                      held_back, cdate, removed)
VALUES ($1, $2, 1, 1, 'Spring', 'DONE', $3, '{}', now(), '[]', '{}', false, now(), false)"""
_TASK = """
INSERT INTO task (id, account_id, user_id, version, channel, name, message_id, message_version, list_id, in_doubt,
                  scheduledtime, size, cdate, started, cancelled, completed, recipients, campaign_id)
VALUES ($1, $2, 1, 1, $3, 'Spring', $4, 1, $5, 'resend', now(), $6, now(), true, false, true, $6, $7)"""
_MESSAGE = """
INSERT INTO message (id, account_id, user_id, channel, name, version, content, cdate)
VALUES ($1, $2, 1, $3, 'Spring', 1, $4, now())"""
_VERSION = "INSERT INTO message_version (message_id, version, content, links) VALUES ($1, 1, $2, $3)"
_SENDING = """
INSERT INTO sending (shard, task_id, frozen, next_ordinal, channel) VALUES ($1, $2, true, $3, $4)"""
_CONTACT = """
INSERT INTO contact_record (shard, task_id, ordinal, subscriber_id, address)
SELECT $1, $2, n - 1, id, address FROM unnest($3::bigint[], $4::text[]) WITH ORDINALITY AS each (id, address, n)"""


@dataclass
class KnownCampaign:
    caller: Caller
    campaign_id: int
    list_id: int
    _parts: int = field(default=0)

    async def send(self, channel: Channel, people: list[tuple[int, str]]) -> int:
        """To these subscribers at these addresses, in the order of ordinals. The task."""
        database = self.caller.database
        task_id, message_id = [
            await database.fetch_value(f"SELECT nextval('{name}')") for name in ("task_id", "message_id")
        ]
        account = await self._account()
        content: dict[str, Any] = {"ad_zones": 2}
        await database.execute(_MESSAGE, message_id, account, channel, content)
        await database.execute(_VERSION, message_id, content, LINKS)
        given = (task_id, account, channel, message_id, self.list_id, len(people), self.campaign_id)
        await database.execute(_TASK, *given)
        await database.execute(_SENDING, shard_of(task_id), task_id, len(people), channel)
        ids, addresses = [each[0] for each in people], [each[1] for each in people]
        await database.execute(_CONTACT, shard_of(task_id), task_id, ids, addresses)
        return int(task_id)

    async def _account(self) -> int:
        return int(await self.caller.database.fetch_value("SELECT account_id FROM list WHERE id = $1", self.list_id))

    async def did(self, task_id: int, *hits: tuple[Kind, int, float, int]) -> None:
        """(what, ordinal, unix seconds, link), in any order."""
        self._parts += 1
        told = [Hit(task_id, kind, ordinal, round(time * 1000), link) for kind, ordinal, time, link in hits]
        segments = gather_hits(told, -task_id, self._parts * 100)
        await DeliveryLog(self.caller.database).append(segments)

    async def projected(self, task_id: int, **counts: int) -> None:
        """Once the sets say so."""

        async def there() -> bool:
            found = (await read_counts(self.caller.database, [task_id]))[task_id]
            return all(found.get(Kind[name.upper()], 0) == count for name, count in counts.items())

        await eventually(there)


async def known_campaign(caller: Caller, *emails: str) -> tuple[KnownCampaign, list[tuple[int, str]]]:
    """With these people, by id and address, on its list."""
    posted: Reply = await caller.post(job="import", list="Main", emails=",".join(emails))
    await caller.ended(posted)
    list_id = await caller.list_id("Main")
    people = {each["email"]: int(each["id"]) for each in await caller.on_list("Main")}
    campaign_id = int(await caller.database.fetch_value("SELECT nextval('campaign_id')"))
    account = await caller.database.fetch_value("SELECT account_id FROM list WHERE id = $1", list_id)
    await caller.database.execute(_CAMPAIGN, campaign_id, account, list_id)
    return KnownCampaign(caller, campaign_id, list_id), [(people[email], email) for email in emails]
