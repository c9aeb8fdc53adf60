"""One courier step by step: what it does when time, disk or database fail it half way."""

import os
from contextlib import ExitStack
from pathlib import Path

import pytest

from services.dispatcher.notices.held_notice import HeldNotice, NoticeLeases, read_held
from services.dispatcher.notices.recover import replay_notices
from services.dispatcher.notices.statements import STATEMENTS
from services.dispatcher.sending.blame_message import PATIENT_HOLDS
from shared.domain.retry_schedule import RetrySchedule
from shared.postgres.database import Database, Unavailable
from tests.integration.dispatcher.noticing import PROOF, add, courier, one, states, tools_for
from tests.servers.tcp_proxy import TcpProxy
from tests.sinks.fake_relay import DROP, Action, FakeRelay, Step
from tests.sinks.sending import at, session_for

SCHEDULE = RetrySchedule((3_600.0,))


async def test_a_lease_that_is_nearly_over_lets_no_dot_out(database: Database, tmp_path: Path) -> None:
    """The relay took so long that another may have it by now: it is given back, and sent by whoever comes next."""
    await add(database, PROOF)
    moment = [0.0]

    def slow(step: Step) -> Action | None:
        if step.stage == "data" and step.message == 1:
            moment[0] += 14.0
        return None

    async with FakeRelay(slow) as relay:
        tools = tools_for(database, tmp_path, lambda: moment[0])
        async with courier(tools, "email", session_for(relay)) as alone:
            await alone.step()
            row = await one(database)
            sent = len(relay.ledger)
            moment[0] += 60.0
            await database.execute("UPDATE notice SET due_at = clock_timestamp()")
            await alone.step()

    assert (row["state"], row["attempt"], row["begun"], row["owner"], sent) == ("waiting", 1, False, None, 0)
    assert (await states(database), len(relay.ledger)) == ({"proof-1": "accepted"}, 1)


async def test_what_somebody_else_has_taken_over_is_not_begun(database: Database) -> None:
    """Between the claim and the begin the lease ran out, and another claimed it; or nobody did yet."""
    await add(database, PROOF)
    notice = await claim(database, NoticeLeases(database, 1, lambda: 0.0))
    begin = (STATEMENTS["begin_notice"], notice.id, notice.epoch, 1, 15.0, None)
    await database.execute("UPDATE notice SET leased_until = '-infinity'")
    assert await database.execute(*begin) == 0
    await database.execute("UPDATE notice SET epoch = epoch + 1, owner = 2, leased_until = 'infinity'")
    assert await database.execute(*begin) == 0
    await database.execute("UPDATE notice SET epoch = $1, owner = 1", notice.epoch)
    assert await database.execute(*begin) == 1


async def claim(database: Database, leases: NoticeLeases, seconds: float = 15.0) -> HeldNotice:
    row = await database.fetch_row(STATEMENTS["claim_notice"], 1, seconds, "email")
    assert row is not None
    notice = read_held(row, leases.dot_until(0.0))
    leases.hold(notice)
    return notice


async def test_a_lease_is_renewed_while_it_is_ours_and_known_as_lost_when_it_is_not(database: Database) -> None:
    await add(database, PROOF)
    moment = [0.0]
    leases = NoticeLeases(database, 1, lambda: moment[0])
    notice = await claim(database, leases)
    begun_with = notice.dot_until
    moment[0] = 3.0
    await database.execute("UPDATE notice SET leased_until = clock_timestamp() + interval '1 second'")

    await leases.renew()
    assert (notice.dot_until, notice.may_finish(15.0)) == (begun_with + 3.0, True)
    assert await database.fetch_value("SELECT leased_until > clock_timestamp() + interval '10 seconds' FROM notice")

    await database.execute("UPDATE notice SET epoch = epoch + 1, owner = 2")
    await leases.renew()
    assert notice.may_finish(3.0) is False


async def test_a_journal_that_cannot_be_written_puts_nothing_in_doubt(database: Database, tmp_path: Path) -> None:
    """Nothing is sent meanwhile; with room on the disk again it is."""
    await add(database, PROOF)
    moment = [0.0]
    tools = tools_for(database, tmp_path, lambda: moment[0])
    async with FakeRelay() as relay, courier(tools, "email", session_for(relay)) as alone:
        journal, full = tools.journal._file, os.open("/dev/full", os.O_WRONLY)
        kept = os.dup(journal)
        os.dup2(full, journal)
        await alone.step()
        row = await one(database)
        assert (row["state"], row["begun"], relay.ledger) == ("waiting", False, [])
        os.dup2(kept, journal)
        for file in (full, kept):
            os.close(file)
        moment[0] = 60.0
        await database.execute("UPDATE notice SET due_at = clock_timestamp()")
        await alone.step()

    assert (await states(database), len(relay.ledger)) == ({"proof-1": "accepted"}, 1)


@pytest.mark.parametrize(("holds", "attempt"), [(PATIENT_HOLDS, 1), (PATIENT_HOLDS + 1, 2)])
async def test_a_message_that_no_connection_survives_comes_to_cost_attempts(
    database: Database, tmp_path: Path, holds: int, attempt: int
) -> None:
    """It may be this very one: it must come to an end."""
    await add(database, PROOF)
    await database.execute("UPDATE notice SET epoch = $1", holds - 1)
    tools = tools_for(database, tmp_path)
    async with FakeRelay(at("rcpt", DROP)) as relay, courier(tools, "email", session_for(relay)) as alone:
        await alone.step()

    row = await one(database)
    assert (row["state"], row["attempt"]) == ("waiting", attempt)


class LosesTheAnswer(Database):
    """Marks the first notice as begun, and does not hear of it."""

    losses = 1

    async def execute(self, statement: str, *args: object) -> int:
        count = await super().execute(statement, *args)
        if statement == STATEMENTS["begin_notice"] and self.losses:
            self.losses -= 1
            raise Unavailable("the connection was lost")
        return count


async def test_a_begin_whose_commit_was_not_heard_of_is_no_doubt(database: Database, tmp_path: Path) -> None:
    """Nothing was handed to the channel, whatever the row says."""
    await add(database, PROOF)
    moment = [0.0]
    tools = tools_for(LosesTheAnswer(database._pool), tmp_path, lambda: moment[0])
    async with FakeRelay() as relay, courier(tools, "email", session_for(relay)) as alone:
        await alone.step()
        row = await one(database)
        moment[0] = 60.0
        await database.execute("UPDATE notice SET due_at = clock_timestamp()")
        await alone.step()

    assert (row["state"], row["begun"], row["owner"], row["attempt"]) == ("waiting", False, None, 1)
    assert (await states(database), len(relay.ledger)) == ({"proof-1": "accepted"}, 1)


async def test_what_postgres_was_not_told_before_the_end_is_in_the_journal(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    """It is away when the relay answers, and the process has to end: the next one knows what the relay said."""
    await add(database, PROOF)
    async with TcpProxy(database_url) as network:
        far = await Database.connect(network.url, connections=1, statement_seconds=1.0)
        tools = tools_for(far, tmp_path)
        with ExitStack() as away:

            def cut(step: Step) -> Action | None:
                if step.stage == "dot":
                    away.enter_context(network.frozen())
                    tools.stopping.set()
                return None

            async with FakeRelay(cut) as relay, courier(tools, "email", session_for(relay)) as alone:
                await alone.step()
        await far.close()

    assert (await one(database))["begun"] is True
    assert await replay_notices(database, tmp_path, 2, SCHEDULE) == 1
    assert (await states(database), len(relay.ledger)) == ({"proof-1": "accepted"}, 1)
