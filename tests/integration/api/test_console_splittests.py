"""The pages of split tests: what they show, and what their buttons do, as the API says and does."""

from typing import Any

from shared.delivery_log.append import DeliveryLog
from shared.domain.delivery import Kind
from shared.domain.identifiers import TaskId
from shared.event_store.on_postgres import PostgresEventStore
from shared.postgres.database import Database
from tests.integration.api.conftest import Client, Clients
from tests.integration.api.test_splittest import DRAW, MEASURE, START, drive, make, terms
from tests.integration.api.visiting import visit
from tests.integration.tracker.called_back import segment
from tests.integration.tracker.running_projectors import project_all

__all__ = ["terms"]  # a fixture

EVIL = "<script>alert(1)</script>\"'><img src=x>"


async def test_the_list_names_the_newest_first_and_shows_how_far_each_is(
    clients: Clients, client: Client, terms: dict[str, Any], store: PostgresEventStore, database: Database
) -> None:
    visitor = await visit(client)
    assert "No split tests yet." in (await visitor.get("/console/splittests")).words
    first = (await make(client, terms, name="Spring"))["id"]
    second = (await make(client, terms, name=EVIL))["id"]
    await drive(store, first, START, DRAW)
    await DeliveryLog(database).append([segment(TaskId(901), Kind.SUBMITTED, [0])])
    await project_all(database)

    page = await visitor.get("/console/splittests")
    streamed = await first_event(client, visitor.cookie, "/console/splittests/live")

    assert page.html.index(f"/console/splittest/{second}") < page.html.index(f"/console/splittest/{first}")
    assert f"Spring 2 messages · no. {first} sending 1 of 3 · 33.3 %" in page.words
    assert ("<script>" in page.html, "&lt;script&gt;" in page.html) == (False, True)
    assert f"s{first}-progress" in streamed
    for other in (await clients.make(account="others", user="eve"), await clients.make(user="bob", role="member")):
        assert "Spring" not in (await (await visit(other)).get("/console/splittests")).words


async def first_event(client: Client, cookie: str, path: str) -> str:
    async with client.session.get(f"{client.url}{path}", headers={"Cookie": cookie}) as stream:
        assert stream.headers["Content-Type"] == "text/event-stream"
        while b"figures" not in (event := await stream.content.readuntil(b"\n\n")):
            pass
        return event.decode()


async def test_each_variant_has_its_funnel_and_what_it_came_to(
    client: Client, terms: dict[str, Any], store: PostgresEventStore, database: Database
) -> None:
    """Taken, opened, clicked; once it is measured, what was counted, and who won; the rest and its task."""
    test_id = (await make(client, terms))["id"]
    path, visitor = f"/console/splittest/{test_id}", await visit(client)
    before = await visitor.get(path)
    await drive(store, test_id, START, DRAW)
    log = DeliveryLog(database)
    for task, kind in ((901, Kind.SUBMITTED), (902, Kind.SUBMITTED), (902, Kind.OPENED)):
        await log.append([segment(TaskId(task), kind, [0])])
    await project_all(database)
    sending = await visitor.get(path)
    await drive(store, test_id, MEASURE)
    measured = await visitor.get(path)
    streamed = await first_event(client, visitor.cookie, f"{path}/live")

    assert "They are known when the sample is drawn." in before.words
    assert before.words.count("scheduled") >= 3
    assert "scheduled 1 of 1 · 100 % 0 · 0 % 0 · 0 % –" in sending.words
    assert "scheduled 1 of 1 · 100 % 1 · 100 % 0 · 0 % –" in sending.words
    assert "1 in no variant." in sending.words
    assert all(f'href="/console/task/{task}"' in sending.html for task in (901, 902))
    assert "winner 1 of 1 opened" in measured.words
    assert "0 of 1 opened" in measured.words
    assert "The winner goes to them: scheduled 0 of 1" in measured.words
    assert 'href="/console/task/903"' in measured.html
    assert all(f"v{place}-{key}" in streamed for place in (0, 1) for key in ("taken", "opened", "clicked", "result"))
    assert '"can-choose":false' in streamed


async def test_a_person_names_the_winner_and_is_told_what_cannot_be(
    clients: Clients, client: Client, terms: dict[str, Any], store: PostgresEventStore
) -> None:
    """Of those that wait for a word; nobody without the right sees the button, and pressed it is refused."""
    first, second = terms["message_ids"]
    test_id = (await make(client, terms, action="tellme"))["id"]
    path, visitor = f"/console/splittest/{test_id}", await visit(client)
    early = await visitor.press(f"{path}/winner", message=str(first))
    await drive(store, test_id, START, DRAW, MEASURE)
    waiting = await visitor.get(path)
    reader = await visit(await clients.make(user="ray", role="reader"))
    seen = await reader.get(path)
    wrong = [await visitor.press(f"{path}/winner", message=said) for said in ("99", "x", "9" * 30, "")]
    chosen = await visitor.press(f"{path}/winner", message=str(second))
    late = await visitor.press(f"{path}/winner", message=str(first))

    assert (early.status, 'role="alert"' in early.html) == (409, True)
    assert "undecided" in waiting.words
    assert waiting.html.count('name="message"') == 2
    assert seen.actions == []
    assert [page.status for page in wrong] == [400] * 4
    assert (chosen.status, chosen.headers["Location"]) == (303, path)
    assert (late.status, "the winner is chosen" in late.words) == (409, True)
    assert (await client.get(f"/splittest/{test_id}")).json["winner_message_id"] == second
    assert (await visitor.get("/console/splittest/99")).status == 404


async def test_a_split_test_is_cancelled_by_its_button(
    client: Client, terms: dict[str, Any], store: PostgresEventStore
) -> None:
    test_id = (await make(client, terms))["id"]
    await drive(store, test_id, START, DRAW)
    visitor = await visit(client)

    pressed = await visitor.press(f"/console/splittest/{test_id}/cancel")

    assert pressed.status == 303
    assert (await client.get("/task/901")).json["cancelled"]
    page = await visitor.get(f"/console/splittest/{test_id}")
    assert "cancelled" in page.words
    assert page.html.count("hidden>") >= 3  # the ways to choose and to cancel
