"""Who gets into the console, how long, and whose buttons are taken."""

import asyncio

from services.api.authenticate import hash_key
from services.api.console.respond import POLICY
from services.api.console.session import Session, read_session, set_cookie
from shared.domain.identifiers import Instant
from shared.runtime import clock
from shared.runtime.settings import Settings
from tests.integration.api.conftest import Client, Clients, Ready
from tests.integration.api.visiting import OURS, Seen, Visitor, visit

PATHS = ("/console", "/console/task/1", "/console/campaigns", "/console/jobs", "/console/nothing/at/all")


async def test_a_stranger_sees_where_to_sign_in_and_nothing_else(clients: Clients, ready_task: int) -> None:
    stranger = Visitor(clients.api.url, clients.session)
    for path in PATHS:
        seen = await stranger.get(path)
        assert (seen.status, seen.actions) == (200, ["/console/login"])
        assert "News" not in seen.html
    assert (await stranger.get("/console/live")).status == 401
    assert stranger.cookies == {}


async def test_signing_in_leads_to_where_one_wanted_to_go(client: Client, ready_task: int) -> None:
    """And the key is in nothing that the browser gets."""
    visitor = Visitor(client.url, client.session)
    assert f'name="to" value="/console/task/{ready_task}"' in (await visitor.get(f"/console/task/{ready_task}")).html
    entered = await visitor.enter(client.key, f"/console/task/{ready_task}")
    page = await visitor.get(entered.headers["Location"])

    assert (entered.status, page.status) == (303, 200)
    assert "News" in page.words
    assert entered.headers["Set-Cookie"].partition("; ")[2] == (
        "Path=/console; HttpOnly; SameSite=Strict; Max-Age=3600"
    )
    told = f"{entered.headers}{entered.html}{page.headers}{page.html}{visitor.cookies}"
    assert str(client.key) not in told
    assert str(client.key).partition("_")[2] not in told


async def test_signing_in_leads_nowhere_else(client: Client) -> None:
    for to in ("https://evil.example/", "//evil.example", "/\\evil.example", "/task", "", "/console/a b", "/console\n"):
        entered = await Visitor(client.url, client.session).enter(client.key, to)
        assert (entered.status, entered.headers["Location"]) == (303, "/console"), to


async def test_over_https_the_cookie_is_a_host_cookie(client: Client) -> None:
    """TLS ends at a proxy; the browser says how it came."""
    visitor = Visitor(client.url, client.session)
    entered = await visitor.enter(client.key, Sec_Fetch_Site="same-origin", Origin="https://post.example.com")

    assert entered.headers["Set-Cookie"].startswith("__Host-postroom=")
    assert "; Path=/; Secure; HttpOnly; SameSite=Strict" in entered.headers["Set-Cookie"]
    assert (await visitor.get()).actions == []


async def test_what_is_no_key_opens_nothing(client: Client) -> None:
    """Nor does one whose secret half is another."""
    changed = str(client.key)[:-1] + ("A" if str(client.key)[-1] != "A" else "B")
    for key in (None, "", "x", "pr_aaaaaaaa_" + "a" * 32, "pr_é", changed):
        visitor = Visitor(client.url, client.session)
        entered = await visitor.enter(key)
        assert (entered.status, visitor.cookies) == (401, {}), key
        assert "This is no valid key." in entered.words


async def test_a_revoked_key_ends_its_sessions(clients: Clients, client: Client) -> None:
    """At once on this process; the stream of figures is told that it is over."""
    other = await clients.make(user="bob", role="member")
    visitor = await visit(other)
    assert (await visitor.get()).actions == []
    keys = (await client.get("/key")).json
    [of_bob] = [each for each in keys if other.created and each["user_id"] == other.created["user_id"]]
    headers = {"Cookie": visitor.cookie}
    async with client.session.get(f"{client.url}/console/live", headers=headers) as stream:
        assert (await stream.content.readuntil(b"\n\n")).startswith(b"retry")
        await client.send("DELETE", f"/key/{of_bob['id']}")
        async with asyncio.timeout(30):
            assert b"event: over" in await stream.content.read()

    assert (await visitor.get()).actions == ["/console/login"]


async def test_a_session_in_use_goes_on_and_one_that_is_not_ends(client: Client, settings: Settings) -> None:
    """A page brings a newer cookie once it is five minutes old; what is over leads to where one signs in."""
    key, now = str(client.key), clock.now()

    async def look(began: float, seen: float) -> Seen:
        session = Session(key[3:11], hash_key(key).hex(), "t", Instant(began), Instant(seen), secure=False)
        cookie = set_cookie(settings.secret, session, clock.random_bytes(12)).partition(";")[0]
        return await Visitor(client.url, client.session).get("/console", Cookie=cookie)

    fresh, used = await look(now - 60, now - 60), await look(now - 7_000, now - 600)
    idle, long = await look(now - 7_000, now - 3_700), await look(now - 29_000, now - 60)

    assert [page.actions for page in (fresh, used, idle, long)] == [[], [], ["/console/login"], ["/console/login"]]
    assert [page.headers.getall("Set-Cookie", []) for page in (fresh, idle, long)] == [[], [], []]
    [newer] = used.headers.getall("Set-Cookie")
    renewed = read_session(settings.secret, newer.partition(";")[0], Instant(clock.now()))
    assert renewed is not None
    assert (renewed.began, renewed.token, renewed.seen >= now) == (now - 7_000, "t", True)


async def test_signing_out_takes_the_cookie(client: Client) -> None:
    visitor = await visit(client)
    assert (await visitor.press("/console/logout", token="another")).status == 403
    left = await visitor.press("/console/logout")

    assert (left.status, left.headers["Location"], visitor.cookies) == (303, "/console/login", {})
    assert (await visitor.get()).actions == ["/console/login"]


ELSEWHERE: tuple[dict[str, str], ...] = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Origin": "http://evil.example"},
    {"Origin": "null"},
    {"X-From": "who knows where"},
)


async def test_a_form_from_elsewhere_changes_nothing(client: Client, ready_task: int) -> None:
    """Nor does it sign anybody in; nor is one taken that does not bring the token of the session."""
    visitor, path = await visit(client), f"/console/task/{ready_task}/cancel"
    token = (await visitor.get()).token
    for headers in ELSEWHERE:
        assert (await visitor.send("POST", path, data={"token": token}, **headers)).status == 403, headers
        assert (await Visitor(client.url, client.session).enter(client.key, **headers)).status == 403, headers
    assert (await visitor.press(path, "guessed")).status == 403
    assert (await visitor.send("POST", path, data={}, **OURS)).status == 403
    assert not (await client.get(f"/task/{ready_task}")).json["cancelled"]
    assert (await visitor.press(path, token)).status == 303
    assert (await client.get(f"/task/{ready_task}")).json["cancelled"]


async def test_the_token_of_one_session_is_not_that_of_another(client: Client, ready_task: int) -> None:
    one, other = await visit(client), await visit(client)
    token = (await one.get()).token

    assert (await other.press(f"/console/task/{ready_task}/pause", token)).status == 403
    assert (await one.press(f"/console/task/{ready_task}/pause", token)).status == 303


async def test_every_answer_carries_the_policy_and_is_kept_by_nobody(client: Client, ready_task: int) -> None:
    visitor = await visit(client)
    for path in (*PATHS, "/console/login", "/console/static/console.js", "/console/static/nothing.js"):
        headers = (await visitor.get(path)).headers
        assert headers["Content-Security-Policy"] == POLICY
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cache-Control"] == ("max-age=300" if path.endswith("console.js") else "no-store")
    assert "unsafe" not in POLICY
    assert "http" not in POLICY


async def test_a_link_from_another_site_leads_to_its_page(client: Client, ready_task: int) -> None:
    """The browser keeps a strict cookie to itself then; the page asks for itself once more, from here."""
    visitor, path = await visit(client), f"/console/task/{ready_task}"
    linked = {"Sec_Fetch_Site": "cross-site", "Sec_Fetch_Mode": "navigate"}
    without = await Visitor(client.url, client.session).get(path, **linked)

    assert '<meta http-equiv="refresh" content="0">' in without.html
    assert "News" in (await visitor.get(path)).words
    assert (await Visitor(client.url, client.session).get(path)).actions == ["/console/login"]


FORM = {**OURS, "Content-Type": "application/x-www-form-urlencoded"}
MALFORMED: tuple[tuple[str, str, object, dict[str, str], int], ...] = (
    ("POST", "/console", {"token": "x"}, OURS, 405),
    ("PUT", "/console/task/1", None, OURS, 405),
    ("DELETE", "/console/login", None, OURS, 405),
    ("GET", "/console/logout", None, OURS, 405),
    ("POST", "/console/login", b"\xff\xfe=", FORM, 400),
    ("POST", "/console/login", b"{}", {**OURS, "Content-Type": "application/json"}, 415),
    ("POST", "/console/login", b"a" * 70_000, FORM, 413),
    ("GET", "/console?show=%ff", None, {}, 400),
    ("GET", "/console?" + "&".join(f"a{n}=1" for n in range(30)), None, {}, 400),
    ("GET", "/console?start=broken", None, {}, 400),
    ("GET", "/console?show=%00&start=", None, {}, 200),
    ("GET", "/console/campaigns?start=99999999999999999999999", None, {}, 200),
    ("GET", "/console/jobs?start=%D9%A3", None, {}, 200),
    ("GET", "/console/job/zz", None, {}, 404),
    ("GET", "/console/job/zz/live", None, {}, 404),
    ("GET", "/console/campaign/7?start=%00", None, {}, 404),
    ("GET", "/console/task/9223372036854775807", None, {}, 404),
    ("GET", "/console/task/99999999999999999999", None, {}, 404),
    ("GET", "/console/task/7/live", None, {"Accept": "text/event-stream"}, 404),
    ("GET", "/console/suppressions?address=%00@", None, {}, 400),
    ("GET", "/console/suppressions?list_id=x&reason=y&start=z", None, {}, 400),
    ("GET", "/consolex", None, {"Accept": "x"}, 404),
)
RAW_PATHS = ("/console/../task", "/console/%2e%2e/task", "/console/static/../queries.sql", "/console//", "/console/%00")
COOKIES = ("postroom-console=x", "__Host-postroom=" + "A" * 4000, ";=;", 'a="b', "a" * 8000)


async def test_nothing_that_is_sent_breaks_it(client: Client) -> None:
    """Each has its status, and none is a 5xx."""
    visitor = await visit(client)
    for method, path, data, headers, status in MALFORMED:
        assert (await visitor.send(method, path, data=data, **headers)).status == status, (method, path)
    for path in RAW_PATHS:
        assert (await client.send_raw("GET", path, {"Cookie": visitor.cookie}, None)).status == 404, path


async def test_a_cookie_that_is_none_of_ours_is_no_session(clients: Clients) -> None:
    stranger = Visitor(clients.api.url, clients.session)
    for cookie in COOKIES:
        assert (await stranger.get("/console", Cookie=cookie)).actions == ["/console/login"], cookie


async def test_a_task_of_another_account_is_no_task(clients: Clients, client: Client, ready_task: int) -> None:
    """Not to be seen, counted, watched or changed."""
    elsewhere = await visit(await clients.make(account="others", user="eve"))
    path = f"/console/task/{ready_task}"

    assert "No tasks here." in (await elsewhere.get()).words
    for place in (path, f"{path}/contact", f"{path}/live"):
        assert (await elsewhere.get(place)).status == 404
    for button in ("pause", "resume", "cancel", "in-doubt"):
        assert (await elsewhere.press(f"{path}/{button}", action="hold")).status == 404
    assert not (await client.get(f"/task/{ready_task}")).json["paused"]


async def test_a_member_sees_his_own_tasks(clients: Clients, client: Client, ready: Ready, ready_task: int) -> None:
    """Those of messages he made; another's is none, though it is of his account."""
    member = await clients.make(user="bob", role="member")
    visitor = await visit(member)
    assert (await visitor.get(f"/console/task/{ready_task}")).status == 404
    assert "No tasks here." in (await visitor.get()).words


async def test_a_reader_sees_everything_and_no_buttons(clients: Clients, client: Client, ready_task: int) -> None:
    """And a button pressed all the same is refused by the API's own rule."""
    await client.post("/suppression", {"email": "angry@example.org"})
    visitor = await visit(await clients.make(user="rita", role="reader"))
    page = await visitor.get(f"/console/task/{ready_task}")
    found = await visitor.get("/console/suppressions")
    pressed = await visitor.press(f"/console/task/{ready_task}/pause")

    assert ("News" in page.words, page.actions) == (True, [])
    assert "angry@example.org" in found.words
    assert found.actions == ["/console/suppressions"]
    assert (pressed.status, "a reader may not do this" in pressed.words) == (403, True)
    assert not (await client.get(f"/task/{ready_task}")).json["paused"]
