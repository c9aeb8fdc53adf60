"""The twelve, each as a change of one function or statement. Nothing of this is known to what it changes."""

import asyncio
from collections.abc import Sequence
from typing import Any, Final

import aiohttp
import pytest
from aiohttp.abc import ResolveResult

from services.api import relay
from services.api.published.envelope import envelope_of
from services.dispatcher.channels.interface import Outcome, OutcomeKind, Stage
from services.dispatcher.channels.smtp.under_way import UnderWay
from services.dispatcher.sending import recover
from services.dispatcher.sending.statements import STATEMENTS as SENDING
from services.tracker.callbacks import make_calls
from services.tracker.projector import project
from services.tracker.projector.statements import STATEMENTS as PROJECTING
from shared.delivery_log.segments import Segment
from shared.domain.tokens import TokenKeys, TokenKind
from shared.egress import client
from shared.egress.dialling import CheckedResolver, _result
from shared.event_store.on_postgres import QUERIES as EVENTS
from shared.postgres.database import Connection
from shared.runtime import clock
from tests.faults import test_tail_under_writers
from tests.integration import test_egress, test_relay, test_smtp_lost_connections
from tests.integration.dispatcher import test_late_outcomes, test_rate, test_same_on_each_attempt
from tests.integration.tracker import test_callbacks, test_completion, test_exactness
from tests.known_bugs.known_bug import KnownBug, plant_statement
from tests.sinks.fake_relay import DROP


def tail_by_position(patch: pytest.MonkeyPatch) -> None:
    changes = {
        "(store_epoch, xid, position) > ($1, $2::text::xid8, $3)": "position > $3 AND $1 >= 0 AND $2 <> ''",
        "(store_epoch, xid) < (store_epoch(), pg_snapshot_xmin(pg_current_snapshot()))": "true",
        "event.store_epoch, event.xid, event.position": "event.position",
    }
    plant_statement(patch, EVENTS, "read_after", changes)


def checkpoint_at_fetch(patch: pytest.MonkeyPatch) -> None:
    """The checkpoint is committed before what it stands for; a moment in between, in which a process might die."""
    advance = project._advance

    async def advance_and_commit(connection: Connection, *positions: Any) -> None:
        await advance(connection, *positions)
        await connection.execute("COMMIT")
        await asyncio.sleep(0.05)
        await connection.execute("BEGIN")

    patch.setattr(project, "_advance", advance_and_commit)


def limit_of_fixed_windows(patch: pytest.MonkeyPatch) -> None:
    """An hour's worth may go at any time within the hour, so all of it at its beginning."""
    changes = {
        "least(picked.size, paced.burst) AS allowed": "picked.size AS allowed",
        "clock_timestamp() + due.allowed * due.seconds_each * interval '1 second'": "clock_timestamp()",
    }
    plant_statement(patch, SENDING, "claim_paced", changes)


def follow_redirects(patch: pytest.MonkeyPatch) -> None:
    request = aiohttp.ClientSession.request

    def following(session: aiohttp.ClientSession, *args: Any, **options: Any) -> Any:
        return request(session, *args, **{**options, "allow_redirects": True})

    patch.setattr(aiohttp.ClientSession, "request", following)


def acknowledge_before_done(patch: pytest.MonkeyPatch) -> None:
    """What was read counts as done, whatever becomes of it: here by who publishes it."""

    async def publish_next(this: relay.Relay) -> bool:
        at = await this._checkpoint.hold()
        events = [] if at is None else await this._store.read_after(at, relay.BATCH)
        if not events:
            return False
        await this._checkpoint.advance(events[-1].at)
        await this._publisher.publish([envelope_of(event, {}) for event in events])
        return True

    patch.setattr(relay.Relay, "_publish_next", publish_next)


def count_with_counters(patch: pytest.MonkeyPatch) -> None:
    """A unique count goes up with each hit, whoever it is of."""
    add = project._add_to_series
    counted = """
    UPDATE ordinal_set AS counter
       SET cardinality = (SELECT sum(hits)
                            FROM hit_series AS series
                           WHERE series.task_id = counter.task_id AND series.generation = counter.generation
                             AND series.kind = counter.kind AND series.link = counter.link)
     WHERE kind IN (SELECT kind FROM hit_series)"""

    async def add_and_count(connection: Connection, *additions: Any) -> None:
        await add(connection, *additions)
        await connection.execute(counted)

    patch.setattr(project, "_add_to_series", add_and_count)


def check_when_saved_only(patch: pytest.MonkeyPatch) -> None:
    class Unchecked(CheckedResolver):
        async def resolve(self, host: str, port: int = 0, family: Any = 0) -> list[ResolveResult]:
            return [_result(host, address, port) for address in await self._resolve(host, port)]

    patch.setattr(
        client, "checked_connector", lambda rules, resolve: aiohttp.TCPConnector(resolver=Unchecked(rules, resolve))
    )


def name_each_attempt_anew(patch: pytest.MonkeyPatch) -> None:
    """A Message-ID that chance has a part in."""
    web_of_many = TokenKeys.web_of_many

    def by_chance(
        keys: TokenKeys, task: int, ordinals: Sequence[int], contents: Sequence[tuple[TokenKind, int]]
    ) -> list[list[bytes]]:
        drawn = clock.random_id() % 65_536
        by_kind = [(kind, drawn if kind is TokenKind.MESSAGE else link) for kind, link in contents]
        return web_of_many(keys, task, ordinals, by_kind)

    patch.setattr(TokenKeys, "web_of_many", by_chance)


def drop_what_is_late(patch: pytest.MonkeyPatch) -> None:
    """Only who holds a batch now may say what became of it."""
    settle = recover._settle

    async def settle_own(connection: Connection, hold: Any, row: Any, *more: Any) -> list[Segment]:
        return [] if row is None else await settle(connection, hold, row, *more)

    patch.setattr(recover, "_settle", settle_own)


def take_silence_for_no(patch: pytest.MonkeyPatch) -> None:
    """Who gave no answer to the final dot has not taken the message, and is given it once more."""

    def not_sent(under_way: UnderWay, code: int, reason: str) -> Outcome | None:
        message, under_way.past_dot = under_way.past_dot, None
        if message is None:
            return None
        outcome = Outcome(OutcomeKind.UNSENT, code, reason, Stage.DOT)
        under_way._hooks.on_outcome(message.ordinal, outcome)
        return outcome

    patch.setattr(UnderWay, "doubt", not_sent)


def name_each_call_anew(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(make_calls, "call_id", lambda campaign, number: f"cb_{campaign}_{number}_{clock.random_id()}")


def complete_when_enough(patch: pytest.MonkeyPatch) -> None:
    """A task is over once something of everybody could be known, not once it is."""
    changes = {"recipients <= coalesce((": "recipients * 0.99 <= coalesce(("}
    plant_statement(patch, PROJECTING, "finished_tasks", changes)


BUGS: Final = (
    KnownBug(
        "a tail that goes by position alone",
        "Axon, SQLStreamStore, Marten: positions are given out before the commit, so late ones are passed by",
        tail_by_position,
        test_tail_under_writers.test_what_commits_late_is_waited_for_and_then_read_in_its_place,
        "assert await store.read_after(TailPosition(), 10) == []",
    ),
    KnownBug(
        "a checkpoint that moves when something is fetched",
        "listmonk: a crash skips whatever was fetched and not yet done",
        checkpoint_at_fetch,
        test_exactness.test_a_checkpoint_is_never_ahead_of_its_effects,
        'assert row["hits"] == sum(',
    ),
    KnownBug(
        "a limiter of fixed windows",
        "twice the rate where two windows meet, and all of an hour in its first second",
        limit_of_fixed_windows,
        test_rate.test_no_window_holds_too_many_from_several_dispatchers,
        "assert excess(watched.mails, rate) == []",
        {"rate": 36_000},
    ),
    KnownBug(
        "redirects that are followed",
        "genblaze, flyto-core, OneUptime: a checked URL leads to one that nobody has checked",
        follow_redirects,
        test_egress.test_no_redirect_is_followed,
        "assert (answer.status, canary.connections) == (302, 0)",
    ),
    KnownBug(
        "an acknowledgement before the work is done",
        "Eventuous, and every consumer with automatic acknowledgements: what fails is never seen again",
        acknowledge_before_done,
        test_relay.test_nothing_counts_as_published_before_the_bus_has_confirmed,
        "assert position == 0",
    ),
    KnownBug(
        "a counter where a set is meant",
        "unique opens that grow with every repeat and every replay",
        count_with_counters,
        test_exactness.test_ten_deliveries_of_each_segment_count_once,
        "await assert_projected(database, TASKS, segments)",
    ),
    KnownBug(
        "a URL that is checked when it is saved only",
        "names that are public at first and lead inside later",
        check_when_saved_only,
        test_egress.test_a_name_that_changes_its_address_is_checked_at_each_dial,
        'with pytest.raises(Refused, match="not public")',
    ),
    KnownBug(
        "a Message-ID of its own for each attempt",
        "no relay and no reader can tell a second copy from a second message",
        name_each_attempt_anew,
        test_same_on_each_attempt.test_a_second_copy_is_the_first_one_again,
        "assert known_by(first) == known_by(second)",
    ),
    KnownBug(
        "an outcome of an earlier epoch that is dropped",
        "Postal: who was overtaken is not listened to, and whoever he has sent to is sent to again",
        drop_what_is_late,
        test_late_outcomes.test_a_journal_that_is_found_after_its_batch_was_taken_over_still_counts,
        "assert await recorded(database) ==",
    ),
    KnownBug(
        "silence after the final dot that is taken for a no",
        "Postal, and every client that gives up after a minute: 85 copies to one reader when the relay was slow",
        take_silence_for_no,
        test_smtp_lost_connections.TestLostConnections.test_lost_after_the_dot_is_in_doubt,
        "assert witness.kinds ==",
        {"ending": DROP},
    ),
    KnownBug(
        "a callback that is repeated under another id",
        "whoever hears it twice cannot know",
        name_each_call_anew,
        test_callbacks.test_what_fails_is_repeated_byte_for_byte_with_a_signature_of_its_own,
        'assert repeat.headers["webhook-id"] == first.headers["webhook-id"]',
    ),
    KnownBug(
        "a task that is finished early",
        "listmonk: finished while some were still to be sent to",
        complete_when_enough,
        test_completion.test_a_task_is_completed_by_the_last_final_state,
        "assert COMPLETED not in before",
    ),
)
