"""Malformed requests to an operation: most are right but for one place, so that they get far."""

import json
import random
import re
from typing import Any
from urllib.parse import quote

from services.api.body import FORM, JSON
from services.api.idempotency import HEADER
from services.api.keys import CreatedKey
from services.api.lines import CSV, NDJSON
from services.api.operation import Operation
from tests.integration.api import campaigning
from tests.integration.api.conftest import EMAIL_MESSAGE, Ready
from tests.integration.api.signupto import rightful
from tests.integration.jobs import rightful as job_calls

SCALARS: list[Any] = [
    *(None, True, False, 0, 1, -1, 2**31, 2**63 - 1, 2**63, -(2**63) - 1, 2**64, 10**30, 0.5, 1e308, -0.0, 1e15),
    *(
        "",
        " ",
        "0",
        "1",
        "null",
        "true",
        "x",
        "x" * 300,
        "x" * 5000,
        "\x00",
        "a\x00b",
        "\n",
        "\u2028",
        "\ud800",
        "🎉" * 90,
    ),
    *(
        "a@b.co",
        "A@B.CO",
        "a@b",
        "@",
        "+447700900123",
        "+",
        "{{",
        "}}",
        "{{ x }}",
        '{{ vars.a | default("}}',
        "' OR 1=1 --",
    ),
    *("%s", "$1", "{message}", "{", "email", "sms", "resend", "hold", "marketing", "-id", "1700000000", "NaN", "١"),
]
KEYS = ["", "x", "\x00", "\ud800", "vars", "__class__", "id", "class", "channel", "a.b", "[]", "$where", "x" * 300]
CURSORS = ["", "e30", "WzFd", "W251bGxd", "WyJpZCIsMSwxXQ", "WzkyMjMzNzIwMzY4NTQ3NzU4MDdd", "WzFlNTAwXQ", "A" * 1025]
QUERIES = [
    *(
        "",
        "%",
        "%zz",
        "%00",
        "%ff",
        "=",
        "&&&",
        "[",
        "[]=1",
        "a[",
        "a[b]=1",
        "count[]=1",
        "count=1&count=2",
        "+",
        ";",
        "#",
        "?",
    ),
    *("start=WyJuYW1lIiwiXHUwMDAwIiwxXQ&sort=name", "start=WyJlbmR0aW1lIiwxZTMwOCwxXQ&sort=endtime"),
    *(f"start={cursor}" for cursor in CURSORS),
]
CONTENT_TYPES = ["text/csv", f"{JSON}; charset=klingon", f"{JSON}; charset", ";", "multipart/form-data", "a/b/c", "é"]
HEADERS: list[dict[str, str]] = [
    *([{}] * 40),
    *({HEADER: value} for value in ("k", "\x7f", "é")),
    *({"Accept": value} for value in ("text/csv;q=é", "," * 500, "*/*;q=2")),
    *({"Content-Encoding": "br"}, {"Expect": "the worst"}, {"Range": "bytes=0-"}, {"Cookie": "a=b; " * 100}),
    *({"Authorization": "Basic é"}, {"Transfer-Encoding": "identity"}, {"X-Request-Id": "é"}),
]


class Chaos:
    """Malformed requests to one operation, the same ones each time; most are wrong in one place, to get far."""

    def __init__(self, operation: Operation[Any, Any], ready: Ready, created: CreatedKey) -> None:
        self.operation = operation
        self.draw = random.Random(operation.method + operation.path)
        self.valid = _valid(operation, ready, created)

    def often(self, share: float) -> bool:
        return self.draw.random() < share

    def value(self, depth: int = 0) -> Any:
        if depth < 3 and self.often(0.1):
            return [self.value(depth + 1) for _ in range(self.draw.randrange(4))]
        if depth < 3 and self.often(0.1):
            return {self.draw.choice(KEYS): self.value(depth + 1) for _ in range(self.draw.randrange(4))}
        return self.draw.choice(SCALARS)

    def object(self) -> Any:
        """Something right with something wrong in it, or nothing right at all."""
        if self.often(0.05):
            return self.value()
        given = dict(self.draw.choice(self.valid))
        for _ in range(self.draw.randrange(1, 3)):
            field = self.draw.choice(KEYS) if self.often(0.1) or not given else self.draw.choice([*given])
            if self.often(0.15):
                given.pop(field, None)
            else:
                given[field] = self.value()
        return given

    def body(self) -> tuple[str, bytes]:
        """The content type and the bytes."""
        kind = self.draw.choice(
            ["object"] * 10 + ["lines", "array", "csv", "form", "form", "bytes", "depth", "cut", "type"]
        )
        one = self.json(self.object())
        match kind:
            case "lines" | "array" | "csv":
                lines = [self.json(self.object()) for _ in range(self.draw.randrange(4))]
                if kind == "csv":
                    return CSV, b"\r\n".join([",".join(self.draw.choice(self.valid)).encode(), *lines])
                return (NDJSON, b"\n".join(lines)) if kind == "lines" else (JSON, b"[" + b",".join(lines) + b"]")
            case "form":
                return FORM, self.form()
            case "bytes":
                return self.draw.choice([JSON, FORM, NDJSON]), self.draw.randbytes(self.draw.randrange(40))
            case "depth":
                return JSON, self.draw.choice([b"[", b'{"a":', b'{"vars":{"a":']) * self.draw.randrange(3000)
            case "cut":
                return JSON, one[: self.draw.randrange(len(one))]
            case "type":
                return self.draw.choice(CONTENT_TYPES), one
            case _:
                return JSON, one

    def json(self, value: Any) -> bytes:
        text = json.dumps(value, ensure_ascii=self.often(0.5))
        return text.encode("utf-8", "surrogatepass")

    def form(self) -> bytes:
        given = dict(self.draw.choice(self.valid))
        pairs = [(name, str(value)) for name, value in given.items() if not isinstance(value, dict)]
        pairs += [(self.name(given), str(self.value())) for _ in range(self.draw.randrange(3))]
        return "&".join(f"{name}={quote(value, errors='replace')}" for name, value in pairs).encode("utf-8", "replace")

    def name(self, given: dict[str, Any]) -> str:
        field = self.draw.choice([*given, *KEYS])
        return quote(field, errors="replace") + self.draw.choice(["", "", "[]", "[a]", "[0]", "[", "]", "[a][b][]"])

    def path(self) -> str:
        # Of keys not the first: with that one the requests are sent. Of what can be removed many: each goes once.
        first, many = "2" if "{key_id}" in self.operation.path else "1", self.operation.method == "DELETE"
        right = [str(number) for number in range(1, 25)] if many and first == "1" else [first] * 24
        ids = [
            *(rightful.rightful_ids(self.operation) or right),
            "2",
            "99",
            "0",
            "-1",
            "x",
            "%00",
            "9223372036854775807",
            "9223372036854775808",
            "1%2F2",
            "١",
            "",
        ]
        ids = campaigning.alike(self.operation, ids, self.draw)
        path = re.sub(r"\{\w+\}", lambda _: quote(self.draw.choice(ids), safe="%"), self.operation.path)
        query = self.query() if self.operation.body is None or self.often(0.05) else ""
        if needed := rightful.rightful_query(self.operation, self.draw):
            query = needed if self.often(0.5) else f"{needed}&{query}"
        return path + (f"?{query}" if query else "")

    def query(self) -> str:
        if self.often(0.3):
            return self.draw.choice(QUERIES)
        fields = [*self.operation.query.model_fields] or ["x"]
        values = [*SCALARS, *(f"{sign}{sort}" for sign in ("", "-") for sort in ("id", "name", "endtime", "cdate"))]
        pairs = {self.draw.choice(fields): str(self.draw.choice(values)) for _ in range(self.draw.randrange(3))}
        return "&".join(f"{name}={quote(value, errors='replace')}" for name, value in pairs.items())


OF_ACCOUNTS: dict[str, list[dict[str, Any]]] = {
    "PUT /account": [{"credit": 5, "quota": None, "overage": 1}],
    "PUT /account/{account_id}": [{"credit": 5, "quota": None, "overage": 1}],
    "POST /account": [{"name": f"N{number}", "user": "u", "credit": 5} for number in range(100)],
    "POST /user": [{"name": "Bob", "role": "member"}, {"name": "Rita", "role": "reader"}],
    "POST /key": [{"user_id": 1, "name": "Laptop"}],
}
TERMS: dict[str, Any] = {
    "expires": 4_000_000_100.5,
    "send_window": {"from": "22:00", "to": "06:30", "timezone": "Europe/London", "days": ["mon", "sun"]},
}


def _valid(operation: Operation[Any, Any], ready: Ready, created: CreatedKey) -> list[dict[str, Any]]:
    """What the operation would take as it is."""
    text = {"channel": "sms", "name": "T", "sender": "Acme", "body": "Hi"}
    consent = {"at": 1, "text": "yes", "ip": "192.0.2.1"}
    person = {"email": "a@b.co", "telephone": "+447700900123", "external_id": "e", "vars": {"a": 1}, "consent": consent}
    change = {"id": 1, "cancelled": False, "scheduledtime": 4_000_000_001, "name": "n", "list_id": ready.list_id}
    query = {"source_list": "Everybody", "criteria": ["match", "open_time"], "field": ["a"], "value": ["b|c", 30]}
    search = {"name": "n", "list_id": ready.list_id, "query": {**query, "timerange": [None, "since_days"]}}
    bodies: dict[str, list[dict[str, Any]]] = {
        "POST /task": [ready.task(), ready.task(rate=5, in_doubt="hold", search_id=None, **TERMS)],
        "POST /task/{task_id}/in-doubt": [{"action": "resend"}, {"action": "hold"}],
        "PUT /task": [change, {"id": 1, "name": "m"}],
        "PUT /task/{task_id}": [change, {"name": "m"}],
        "POST /list": [{"name": "Others"}],
        "POST /list/{list_id}/subscriber": [person, {"email": "a@b.co"}],
        "POST /message": [dict(EMAIL_MESSAGE), text],
        "PUT /message/{message_id}": [
            {"name": "m", "subject": "s"},
            {"html": "x", "track_clicks": True, "reply_to": None},
        ],
        "POST /message/{message_id}/test": [
            {"to": ["a@b.co"], "vars": {"a": 1}},
            {"to": ["a@b.co", "c@d.co"], "subscriber_id": 1},
        ],
        "POST /search": [search, {"name": "n", "query": {"criteria": ["valid"]}}],
        "PUT /search/{search_id}": [search, {"query": {}}],
        **OF_ACCOUNTS,
        "POST /domain": [
            {"name": f"n{number}.example.com", "bouncing": True, "dkim_algorithm": "ed25519-sha256"}
            for number in range(100)
        ],
        "PUT /domain/{domain_id}": [{"bouncing": True}, {"dkim_algorithm": "ed25519-sha256", "bouncing": False}],
        "POST /suppression": [
            {"email": "s@b.co", "reason": "unsubscribed", "list_id": ready.list_id, "source": "s", "detail": "d"},
            {"telephone": "+447700900123"},
        ],
    }
    bodies |= campaigning.BODIES | job_calls.BODIES | rightful.rightful_bodies(bodies, ready, created)
    return bodies.get(f"{operation.method} {operation.path}", [{"name": "x"}])
