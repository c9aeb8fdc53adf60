"""Pixel and links over real sockets, as readers, proxies and scanners use them."""

import asyncio
from contextlib import suppress
from random import Random
from urllib.parse import urlsplit

import pytest
from yarl import URL

from services.tracker.intake.pages import PIXEL
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


@pytest.mark.parametrize(
    ("expected", "told"),
    [("100-continue", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK"), ("200-maybe", b"HTTP/1.1 417 ")],
)
async def test_who_asks_before_he_sends_a_body_is_told(reader: Reader, expected: str, told: bytes) -> None:
    """Gateways and relays that ask wait for the word, some of them for ever; what nobody can promise is refused."""
    at = urlsplit(reader.url(TokenKind.UNSUBSCRIBE, 1))
    said = b"List-Unsubscribe=One-Click"
    header = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(said)}\r\nExpect: {expected}"
    peer, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(f"POST {at.path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{header}\r\n\r\n".encode())
    async with asyncio.timeout(10):
        answer = await peer.readuntil(b"\r\n\r\n")
        writer.write(said)
        with suppress(ConnectionError):
            answer += await peer.read()
    writer.close()

    assert answer.startswith(told)


async def test_who_speaks_an_older_http_gets_no_word_before_his_answer(reader: Reader) -> None:
    """A proxy of HTTP/1.0 would take it for the answer."""
    at = urlsplit(reader.url(TokenKind.UNSUBSCRIBE, 1))
    said = b"List-Unsubscribe=One-Click"
    header = f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(said)}\r\nExpect: 100-continue"
    peer, writer = await asyncio.open_connection(at.hostname, at.port)
    writer.write(f"POST {at.path} HTTP/1.0\r\n{header}\r\n\r\n".encode() + said)
    async with asyncio.timeout(10):
        answer = await peer.read()
    writer.close()

    assert answer.startswith(b"HTTP/1.0 200 OK")


async def test_letters_of_a_token_may_be_escaped(reader: Reader, database: Database) -> None:
    """Some programs escape more of a URL than they have to; it is the same recipient."""
    path, _, token = reader.url(TokenKind.OPEN, 1).rpartition("/")
    escaped = URL(f"{path}/%{ord(token[0]):02x}{token[1:]}", encoded=True)

    async with reader.session.get(escaped) as answer:
        assert answer.status == 200
    await eventually(lambda: all_projected(database))
    assert list((await read_sets(database, TASK, [Kind.OPENED]))[Kind.OPENED]) == [1]


async def test_every_answer_says_that_it_is_not_to_be_kept(reader: Reader) -> None:
    """Refusals and pages for those who run it among them."""
    asked = [
        ("GET", reader.url(TokenKind.OPEN, 1)),
        ("HEAD", reader.url(TokenKind.OPEN, 1)),
        ("GET", reader.url(TokenKind.CLICK, 1, 1)),
        *(
            (method, reader.tracker.url + path)
            for method in ("GET", "POST")
            for path in ("/o/x", "/c/x", "/x", "/healthz")
        ),
    ]

    answers = [await reader.ask(method, url) for method, url in asked]

    said = {(headers["Cache-Control"], headers["Server"], headers["X-Robots-Tag"]) for _, _, headers in answers}
    assert said == {("no-store, private", "postroom", "noindex")}
    assert [len(body) for _, body, _ in answers[:2]] == [len(PIXEL), 0]
    assert [headers["Content-Length"] for _, _, headers in answers[:2]] == [str(len(PIXEL))] * 2


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
