"""Pixel and links over real sockets, as readers, proxies and scanners use them."""

import asyncio
from random import Random

import pytest

from shared.delivery_log.ordinal_sets import read_link_counts, read_sets, read_totals
from shared.domain.delivery import Kind
from shared.domain.tokens import TokenKind
from shared.postgres.database import Database
from tests.integration.tracker.readers import ONE_CLICK, RECIPIENTS, TASK, Reader, segments_stored
from tests.integration.tracker.running_projectors import all_projected, eventually
from tests.integration.tracker.sent_tasks import LINKS


async def test_parallel_opens_and_clicks_are_counted_exactly(reader: Reader, database: Database) -> None:
    """Some readers several times, all at once: unique is who, total is how often; and many share a segment."""
    chance = Random(1)
    opens = [chance.randrange(RECIPIENTS) for _ in range(600)]
    clicks = [(chance.randrange(40), chance.randint(1, 2)) for _ in range(400)]

    answers = await asyncio.gather(
        *(reader.open(ordinal) for ordinal in opens), *(reader.click(ordinal, link) for ordinal, link in clicks)
    )
    # Stored before the answer: nothing is waited for here but the projection.
    stored = await segments_stored(database)
    await eventually(lambda: all_projected(database))

    assert answers == [200] * 600 + [302] * 400
    sets = await read_sets(database, TASK, [Kind.OPENED, Kind.CLICKED])
    totals = await read_totals(database, TASK)
    links = {link: {who for who, of in clicks if of == link} for link in (1, 2)}
    assert set(sets[Kind.OPENED]) == set(opens)
    assert set(sets[Kind.CLICKED]) == {ordinal for ordinal, _ in clicks}
    assert (totals[Kind.OPENED, 0], totals[Kind.CLICKED, 0]) == (600, 400)
    assert await read_link_counts(database, TASK) == {link: len(who) for link, who in links.items()}
    assert stored < 200


async def test_the_pixel_is_a_picture_that_nobody_keeps(reader: Reader) -> None:
    """A proxy that kept it would hide the next opening."""
    status, body, headers = await reader.ask("GET", reader.url(TokenKind.OPEN, 1))

    assert (status, body[:6], headers["Content-Type"]) == (200, b"GIF89a", "image/gif")
    assert headers["Cache-Control"] == "no-store, private"
    assert "Set-Cookie" not in headers


@pytest.mark.parametrize("link", [1, 2])
async def test_a_click_leads_to_the_stored_link_letter_by_letter(reader: Reader, link: int) -> None:
    """Nothing is encoded anew on the way."""
    status, _, headers = await reader.ask("GET", reader.url(TokenKind.CLICK, 1, link))

    assert (status, headers["Location"]) == (302, LINKS[link - 1])


@pytest.mark.parametrize("path", ["o", "c", "u"])
async def test_head_is_answered_and_counts_nothing(reader: Reader, database: Database, path: str) -> None:
    """Link checkers look at everything."""
    kind = {"o": TokenKind.OPEN, "c": TokenKind.CLICK, "u": TokenKind.UNSUBSCRIBE}[path]
    status, body, _ = await reader.ask("HEAD", reader.url(kind, 1, 1 if path == "c" else 0))

    assert (status, body) == (302 if path == "c" else 200, b"")
    assert await segments_stored(database) == 0


WRONG = [
    pytest.param("x", id="nonsense"),
    pytest.param("A" * 42, id="of the right length"),
    pytest.param("%00%ff%0d%0a", id="bytes that are no text"),
    pytest.param("☹" * 42, id="no letters at all"),
    pytest.param("a" * 3000, id="long"),
]


@pytest.mark.parametrize("token", WRONG)
async def test_a_wrong_token_counts_nothing(reader: Reader, database: Database, token: str) -> None:
    """The pixel does not tell right from wrong; links and forms are not found."""
    answers = [(await reader.ask("GET", f"{reader.tracker.url}/{path}/{token}"))[0] for path in "ocu"]
    posted = await reader.ask("POST", f"{reader.tracker.url}/u/{token}", data=ONE_CLICK)

    assert (answers, posted[0]) == ([200, 404, 404], 404)
    assert await segments_stored(database) == 0


async def test_a_token_is_good_for_one_thing_only(reader: Reader, database: Database) -> None:
    """A click cannot be counted with what a pixel carries."""
    opener = reader.url(TokenKind.OPEN, 1).rpartition("/")[2]

    assert (await reader.ask("GET", f"{reader.tracker.url}/c/{opener}"))[0] == 404
    assert (await reader.ask("POST", f"{reader.tracker.url}/u/{opener}", data=ONE_CLICK))[0] == 404
    assert await segments_stored(database) == 0


@pytest.mark.parametrize(
    ("task", "ordinal", "link"),
    [
        pytest.param(999, 1, 1, id="a task that is no more"),
        pytest.param(TASK, RECIPIENTS, 1, id="a recipient it never had"),
        pytest.param(TASK, 1, 3, id="a link it never had"),
        pytest.param(TASK, 1, 0, id="no link"),
    ],
)
async def test_a_genuine_token_of_nothing_counts_nothing(
    reader: Reader, database: Database, task: int, ordinal: int, link: int
) -> None:
    """The signature is right, but there is nothing behind it."""
    status, _, headers = await reader.ask("GET", reader.url(TokenKind.CLICK, ordinal, link, task))

    assert (status, "Location" in headers) == (404, False)
    assert await segments_stored(database) == 0


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 404),
        ("POST", "/o/x", 405),
        ("DELETE", "/u/x", 405),
        ("GET", "/c/" + "a" * 9000, 400),
        ("GET", "/healthz", 200),
        ("GET", "/readyz", 200),
        ("GET", "/metrics", 200),
    ],
)
async def test_every_request_has_an_answer(reader: Reader, method: str, path: str, status: int) -> None:
    """And none of them is a 5xx."""
    answered, _, headers = await reader.ask(method, reader.tracker.url + path)

    assert answered == status
    assert status != 405 or "Allow" in headers


async def test_what_is_no_http_is_answered_and_fills_no_log(reader: Reader, caplog: pytest.LogCaptureFixture) -> None:
    """Anybody can send it to a public port, as often as he likes."""
    long, _, _ = await reader.ask("GET", f"{reader.tracker.url}/o/{'a' * 9000}")
    peer, writer = await asyncio.open_connection("127.0.0.1", int(reader.tracker.url.rpartition(":")[2]))
    writer.write(b"GET /o/x HTTP/1.1\r\nHost: x\r\nNo header\r\n\r\n")
    broken = await peer.read()
    writer.close()

    assert (long, broken.split()[1]) == (400, b"400")
    assert caplog.text == ""


async def test_metrics_tell_hits_and_lag(reader: Reader, database: Database) -> None:
    """Under the names that dashboards are made with."""
    await reader.open(1)
    await eventually(lambda: all_projected(database))
    _, body, _ = await reader.ask("GET", f"{reader.tracker.url}/metrics")

    assert b'postroom_tracker_hits_total{kind="opened"} 1.0' in body
    assert b"postroom_projector_lag_seconds" in body
    assert b"postroom_projector_shards 64.0" in body
