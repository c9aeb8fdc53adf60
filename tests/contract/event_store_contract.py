"""What every event store promises. A store's test file inherits this and says how to build one."""

import asyncio
from collections.abc import Sequence
from itertools import pairwise
from typing import Protocol

import pytest

from shared.domain import (
    account,
    booking,
    campaign,
    inbound_sms,
    job,
    ledger,
    message,
    recipient_list,
    saved_search,
    sending_domain,
    suppression,
    task,
)
from shared.domain.identifiers import (
    AccountId,
    BookingId,
    CampaignId,
    DomainId,
    Instant,
    KeyId,
    ListId,
    MessageId,
    PayloadId,
    SearchId,
    TaskId,
    UserId,
)
from shared.domain.send_window import SendWindow
from shared.event_store.codec import BY_NAME, name_of
from shared.event_store.interface import (
    Actor,
    Append,
    EventStore,
    RecordedEvent,
    StreamAppend,
    TailPosition,
    VersionConflict,
    Write,
)
from shared.event_store.read_models.statements import STATEMENTS

ADA = Actor(account_id=7, user_id=70, correlation="request-1")
NOON = Instant(43_200.25)
WINDOW: SendWindow = {"from": "08:00", "to": "17:30", "timezone": "Europe/London", "days": ["mon", "fri"]}

#: One of each, every optional field with a value of its own kind.
SAMPLES: Sequence[object] = (
    account.AccountOpened(AccountId(7), "Acme", NOON),
    account.UserAdded(UserId(70), "ada", "admin", NOON),
    account.KeyAdded(KeyId(700), UserId(70), "laptop", "pr_abc", NOON),
    account.KeyRevoked(KeyId(700), NOON),
    recipient_list.ListCreated(ListId(5), AccountId(7), "Köln ✉", NOON),
    recipient_list.SubscribersChanged(ListId(5), (1, 2), (3,), (), NOON),
    suppression.SubscribersSuppressed((11, 12), (1, None), ("hard_bounce", "manual"), NOON),
    suppression.SuppressionsLifted((11,), (1,), ("hard_bounce",), NOON),
    inbound_sms.SmsReceived(6, None, NOON),
    booking.BookingAdded(BookingId(8), AccountId(7), "Köln ✉", "20261101", "20261130", 2**40, NOON),
    booking.BookingChanged("Spring", "20261101", "20261101", 0),
    booking.BookingRemoved(NOON),
    job.JobCreated("4dd58f036803fa3b5500000b", AccountId(7), "import", "List Import: Köln", NOON),
    job.JobStarted("4dd58f036803fa3b5500000b", NOON),
    job.JobCompleted("4dd58f036803fa3b5500000b", 3, 1, NOON),
    job.JobFailed("4dd58f036803fa3b5500000b", "url: it answered 404", NOON),
    sending_domain.DomainAdded(
        DomainId(2), AccountId(7), "example.com", True, "ed25519-sha256", "pr2", "rsa", "ed25519", NOON
    ),
    sending_domain.DomainChanged(False, "rsa-sha256"),
    sending_domain.DomainSeen(("dkim-rsa", "spf"), NOON),
    sending_domain.DomainRemoved(NOON),
    saved_search.SearchSaved(SearchId(4), AccountId(7), "Köln ✉", ListId(5), {"criteria": ["valid"]}, NOON),
    saved_search.SearchChanged("Everybody", None, {}),
    saved_search.SearchRemoved(NOON),
    campaign.CampaignCreated(
        CampaignId(3),
        AccountId(7),
        UserId(70),
        "Köln ✉",
        "SCHEDULED",
        ListId(5),
        DomainId(2),
        (SearchId(4), SearchId(6)),
        NOON,
        "https://a.example/?x=1",
        NOON,
    ),
    campaign.CampaignChanged("Spring", None, (), None),
    campaign.CallbackChanged(None),
    campaign.PayloadAdded(PayloadId(1), "sms", MessageId(3)),
    campaign.PayloadChanged(PayloadId(1), "email", MessageId(4)),
    campaign.PayloadRemoved(PayloadId(1)),
    campaign.CampaignDrafted(NOON),
    campaign.CampaignScheduled(True, NOON),
    campaign.CampaignReadied(NOON),
    campaign.CampaignDelayed("domain: is not named", NOON),
    campaign.CampaignStarted((TaskId(9), TaskId(10)), NOON),
    campaign.CampaignCompleted(NOON),
    campaign.CampaignFailed("list: there is no list 5", NOON),
    campaign.CampaignRemoved(NOON),
    ledger.TermsSet(5, None, 2, NOON),
    ledger.Charged(9, 2, 500, 700, NOON),
    ledger.Refunded(9, 2, 3, 4, NOON),
    message.MessageCreated(
        MessageId(3),
        AccountId(7),
        UserId(70),
        "email",
        "Spring",
        {"subject": "Hi {{ vars.name }}", "reply_to": None, "ad_zones": 2, "track_opens": True},
        ("https://a.example/?x=1", "https://b.example/"),
        NOON,
    ),
    message.MessageEdited("Spring 2", {"subject": "Hello"}, ()),
    task.TaskCreated(
        TaskId(9),
        AccountId(7),
        UserId(70),
        "email",
        "Spring task",
        MessageId(3),
        ListId(5),
        None,
        5000,
        "hold",
        NOON,
        2**40,
        NOON,
    ),
    task.TaskCreated(
        TaskId(9),
        AccountId(7),
        UserId(70),
        "email",
        "Spring task",
        MessageId(3),
        ListId(5),
        None,
        None,
        "hold",
        NOON,
        2**40,
        NOON,
        campaign_id=CampaignId(3),
        segments=(SearchId(4), SearchId(6)),
    ),
    task.TaskChanged("Later", None, 4, NOON),
    task.TaskChanged("Later", None, 4, NOON, NOON, WINDOW),
    task.InDoubtDecided("resend", 3, NOON),
    task.TaskCancelled(NOON),
    task.TaskPaused("bounces", "6 % hard bounces", NOON),
    task.TaskResumed(NOON),
    task.TaskStarted(2, NOON),
    task.AudienceFrozen(1000, {"unsubscribed": 3}),
    task.TaskCompleted(NOON),
)


class Rig(Protocol):
    """A store, and a look at the rows that were written beside the events."""

    store: EventStore

    async def list_names(self) -> list[str]: ...


def to(stream: str, expected_version: int, *names: str) -> StreamAppend:
    """Events that can be told apart by their names."""
    return StreamAppend(stream, expected_version, [message.MessageEdited(name, {}, ()) for name in names], ADA)


def list_row(list_id: int, name: str) -> Write:
    return Write(STATEMENTS["write_list"], (list_id, 7, name, 1, NOON))


def names(events: Sequence[RecordedEvent]) -> list[str]:
    return [recorded.event.name for recorded in events if isinstance(recorded.event, message.MessageEdited)]


async def tail(store: EventStore, count: int, page: int = 1000) -> list[RecordedEvent]:
    """At least so many events, and whatever else is there.

    They may be late: a transaction of anybody on the server, such as its own housekeeping, holds back every reader.
    """
    found: list[RecordedEvent] = []
    async with asyncio.timeout(30):
        while True:
            events = await store.read_after(found[-1].at if found else TailPosition(), page)
            found += events
            if not events and len(found) >= count:
                return found
            await asyncio.sleep(0 if events else 0.01)


class EventStoreContract:
    async def test_a_stream_that_does_not_exist_is_empty(self, rig: Rig) -> None:
        assert await rig.store.read_stream("task-404") == []
        assert await rig.store.read_after(TailPosition(), 10) == []

    async def test_a_stream_gives_back_its_events_in_order_with_versions_from_1(self, rig: Rig) -> None:
        await rig.store.append(Append((to("task-1", 0, "a", "b"),)))
        await rig.store.append(Append((to("task-1", 2, "c"),)))

        stream = await rig.store.read_stream("task-1")

        assert names(stream) == ["a", "b", "c"]
        assert [recorded.version for recorded in stream] == [1, 2, 3]

    async def test_an_event_keeps_who_did_it_and_when(self, rig: Rig) -> None:
        await rig.store.append(Append((to("task-1", 0, "a"),)))
        await rig.store.append(Append((StreamAppend("task-2", 0, [task.TaskCompleted(NOON)], Actor(8)),)))

        [first], [second] = await rig.store.read_stream("task-1"), await rig.store.read_stream("task-2")

        assert (first.actor, second.actor) == (ADA, Actor(8, None, None))
        assert 0 < first.recorded_at <= second.recorded_at

    async def test_every_event_comes_back_as_it_went_in(self, rig: Rig) -> None:
        """Under the name the table gives it, and by stream and tail alike."""
        await rig.store.append(Append((StreamAppend("all-1", 0, SAMPLES, ADA),)))

        stream = await rig.store.read_stream("all-1")

        assert [recorded.event for recorded in stream] == list(SAMPLES)
        assert [recorded.type for recorded in stream] == [name_of(event) for event in SAMPLES]
        assert await tail(rig.store, len(SAMPLES)) == stream
        assert {type(event) for event in SAMPLES} == set(BY_NAME.values())

    @pytest.mark.parametrize(
        "expected", [0, 1, 3, 4], ids=lambda version: f"version {version} expected of a stream at 2"
    )
    async def test_another_version_than_expected_is_a_conflict(self, rig: Rig, expected: int) -> None:
        await rig.store.append(Append((to("task-1", 0, "a", "b"),)))

        with pytest.raises(VersionConflict):
            await rig.store.append(Append((to("task-1", expected, "c"),)))

        assert names(await rig.store.read_stream("task-1")) == ["a", "b"]

    async def test_a_new_stream_cannot_begin_in_the_middle(self, rig: Rig) -> None:
        with pytest.raises(VersionConflict):
            await rig.store.append(Append((to("task-1", 1, "b"),)))

        assert await rig.store.read_stream("task-1") == []

    async def test_several_streams_and_rows_are_stored_together(self, rig: Rig) -> None:
        await rig.store.append(Append((to("task-2", 0, "a"), to("task-1", 0, "b", "c")), (list_row(5, "friends"),)))

        assert names(await rig.store.read_stream("task-1")) == ["b", "c"]
        assert names(await rig.store.read_stream("task-2")) == ["a"]
        assert await rig.list_names() == ["friends"]

    async def test_rows_may_be_stored_without_an_event(self, rig: Rig) -> None:
        await rig.store.append(Append((), (list_row(5, "friends"),)))

        assert await rig.list_names() == ["friends"]

    async def test_a_conflict_in_one_stream_stores_nothing_at_all(self, rig: Rig) -> None:
        await rig.store.append(Append((to("task-1", 0, "a"),)))

        with pytest.raises(VersionConflict):
            await rig.store.append(Append((to("task-2", 0, "b"), to("task-1", 0, "c")), (list_row(5, "friends"),)))

        assert names(await rig.store.read_stream("task-1")) == ["a"]
        assert await rig.store.read_stream("task-2") == []
        assert await rig.list_names() == []

    async def test_a_stream_is_appended_to_once_in_one_append(self, rig: Rig) -> None:
        """Which of the two would come first is nothing anybody said."""
        with pytest.raises(VersionConflict):
            await rig.store.append(Append((to("task-1", 0, "a"), to("task-1", 0, "b"))))

        assert await rig.store.read_stream("task-1") == []

    async def test_of_many_at_one_version_one_wins_and_the_others_conflict(self, rig: Rig) -> None:
        appends = [rig.store.append(Append((to("task-1", 0, str(number)),))) for number in range(20)]
        outcomes = await asyncio.gather(*appends, return_exceptions=True)

        conflicts = [outcome for outcome in outcomes if outcome is not None]
        [winner] = [str(number) for number, outcome in enumerate(outcomes) if outcome is None]
        assert len(conflicts) == 19
        assert all(isinstance(conflict, VersionConflict) for conflict in conflicts)
        assert names(await rig.store.read_stream("task-1")) == [winner]

    async def test_a_conflict_is_nobody_elses(self, rig: Rig) -> None:
        """All at once: those at the right version are stored, those at a wrong one are not, nor are their rows."""
        await rig.store.append(Append((to("task-0", 0, "old"),)))
        wrong = [Append((to("task-0", 0, f"wrong {n}"),), (list_row(n, f"wrong {n}"),)) for n in range(1, 6)]
        right = [Append((to(f"task-{n}", 0, f"right {n}"),), (list_row(n, f"right {n}"),)) for n in range(6, 40)]
        mixed = [*right[:10], *wrong[:3], *right[10:], *wrong[3:]]

        outcomes = await asyncio.gather(*(rig.store.append(append) for append in mixed), return_exceptions=True)

        refused = [append for append, outcome in zip(mixed, outcomes, strict=True) if outcome is not None]
        assert refused == wrong
        assert sorted(names(await tail(rig.store, 35))) == sorted(["old", *(f"right {n}" for n in range(6, 40))])
        assert sorted(await rig.list_names()) == sorted(f"right {n}" for n in range(6, 40))

    @pytest.mark.parametrize("page", [1, 3, 1000])
    async def test_the_tail_gives_everything_once_and_in_order_page_by_page(self, rig: Rig, page: int) -> None:
        for number in range(5):
            await rig.store.append(Append((to(f"task-{number}", 0, f"{number} a", f"{number} b"),)))

        events = await tail(rig.store, 10, page)

        assert names(events) == [f"{number} {letter}" for number in range(5) for letter in "ab"]
        assert all(before.at < after.at for before, after in pairwise(events))

    async def test_the_tail_goes_on_where_it_stood(self, rig: Rig) -> None:
        await rig.store.append(Append((to("task-1", 0, "a"),)))
        [first] = await tail(rig.store, 1)
        assert await rig.store.read_after(first.at, 10) == []

        await rig.store.append(Append((to("task-1", 1, "b"),)))

        [_, second] = await tail(rig.store, 2)
        assert await rig.store.read_after(first.at, 10) == [second]
