"""Two accounts whose ids and words can be told apart, and requests at random by which one asks for what is the other's.

Made from the description of the API, so that a new operation is tried as well.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from shared.postgres.database import Database
from tests.integration.api.conftest import EMAIL_MESSAGE, LATER, Client

Json = dict[str, Any]

TELEPHONES = {"markalpha": "+447700900801", "markbravo": "+447700900802"}

AMOUNTS = ("count", "rate", "segmentvalue", "impressions_per_day", "when")  #: numbers that name nothing
WORD = re.compile(r"[\w.@-]*mark(?:alpha|bravo|ann|mia)[\w.@-]*")
NUMBER = re.compile(r"(?<![\w.])[78]\d{6}(?![\w.])")


async def restart_ids(owner: Database, first: int) -> None:
    """Each kind of id goes on at a number of its own, of seven digits."""
    names = await owner.fetch("SELECT sequencename FROM pg_sequences WHERE sequencename LIKE '%\\_id' ORDER BY 1")
    for place, row in enumerate(names):
        await owner.execute(f"ALTER SEQUENCE {row['sequencename']} RESTART WITH {first + 1_000 * place}")


@dataclass
class Population:
    """What one user has made: the ids by the name they have in paths, and words that others may know."""

    ids: dict[str, list[int]] = field(default_factory=dict)
    words: list[str] = field(default_factory=list)

    def add(self, kind: str, made: Json) -> int:
        self.ids.setdefault(kind, []).append(made["id"])
        return int(made["id"])


async def populate(client: Client, mark: str) -> Population:
    """Two of each, with ``mark`` in every word. Of the words only names and addresses are ever asked for."""
    made = Population(
        words=[f"list-{mark}-0", f"p0@{mark}.example", f"n0.{mark}.example", TELEPHONES.get(mark, "+447700900803")]
    )
    for number in range(2):
        list_id = made.add("list_id", await _post(client, "/list", {"name": f"list-{mark}-{number}"}))
        people = [
            {
                "email": f"p{each}@{mark}.example",
                "telephone": f"+44770090000{each}",
                "external_id": f"e-{mark}-{each}",
                "vars": {"a": f"var-{mark}"},
            }
            for each in range(4)
        ]
        answer = await _post(client, f"/list/{list_id}/subscriber", people)
        made.ids["subscriber_id"] = made.ids["sid"] = answer["ids"]
        search = {
            "name": f"search-{mark}-{number}",
            "query": {"criteria": ["match"], "field": ["a"], "value": [f"v-{mark}"]},
        }
        made.add("search_id", await _post(client, "/search", search))
        made.add("domain_id", await _post(client, "/domain", {"name": f"n{number}.{mark}.example"}))
        gone = {"email": f"gone{number}@{mark}.example", "source": f"source-{mark}"}
        made.add("suppression_id", await _post(client, "/suppression", gone))
        await post_message_and_task(client, mark, list_id, made)
        await post_campaign_and_job(client, mark, list_id, made)
    user = made.add("user_id", await _post(client, "/user", {"name": f"user-{mark}", "role": "member"}))
    key = await _post(client, "/key", {"user_id": user, "name": f"key-{mark}"})
    made.add("key_id", key)
    made.ids["account_id"] = [client.created["account_id"]] if client.created else []
    return made


async def post_message_and_task(client: Client, mark: str, list_id: int, made: Population) -> None:
    email = {**EMAIL_MESSAGE, "name": f"message-{mark}", "subject": f"subject-{mark}", "text": f"text-{mark}"}
    text = {"channel": "sms", "name": f"sms-{mark}", "sender": "Acme", "body": f"body-{mark}"}
    message = made.add("message_id", await _post(client, "/message", email))
    made.add("message_id", await _post(client, "/message", text))
    task = {
        "channel": "email",
        "list_id": list_id,
        "message_id": message,
        "name": f"task-{mark}",
        "scheduledtime": LATER,
    }
    made.add("task_id", await _post(client, "/task", task))
    proof = await _post(client, f"/message/{message}/test", {"to": [f"proof@{mark}.example"]})
    made.ids.setdefault("notice_id", []).extend(proof["ids"])


async def post_campaign_and_job(client: Client, mark: str, list_id: int, made: Population) -> None:
    """And a split test of two messages, a place in the plan of ads."""
    wish = {"name": f"campaign-{mark}", "list": list_id, "when": LATER, "event_callback": f"https://9.9.9.9/{mark}"}
    campaign = made.add("campaign_id", await _post(client, "/campaign", wish))
    mails = made.ids["message_id"][::2]
    made.add(
        "payload_id", await _post(client, f"/campaign/{campaign}/payload", {"channel": "email", "message_id": mails[0]})
    )
    other = await _post(client, "/message", {**EMAIL_MESSAGE, "name": f"other-{mark}"})
    test = {
        "message_ids": [mails[0], other["id"]],
        "list_id": list_id,
        "criterion": "open",
        "delay": 0.5,
        "segmenttype": "number",
        "segmentvalue": 5,
        "scheduledtime": LATER,
        "name": f"test-{mark}",
    }
    made.add("splittest_id", await _post(client, "/splittest", test))
    job = {"job": "import", "list": f"list-{mark}-0", "emails": f"new@{mark}.example"}
    made.words.append((await _post(client, "/job", job))["job_id"])
    booking = {"name": f"ad-{mark}", "start_date": 20301101, "end_date": 20301130, "impressions_per_day": 5}
    made.add("booking_id", await _post(client, "/adplan", booking))


async def _post(client: Client, path: str, body: Any) -> Any:
    reply = await client.post(path, body)
    assert reply.status in (200, 201, 202), (path, body, reply.data)
    return reply.json


@dataclass(frozen=True)
class Request:
    method: str
    path: str
    body: bytes | None
    operation: str

    @property
    def said(self) -> set[str]:
        return tokens(f"{self.path} {(self.body or b'').decode()}")


def tokens(text: str) -> set[str]:
    """All that may give somebody away: marked words and ids."""
    return {*WORD.findall(text), *NUMBER.findall(text)}


class Stranger:
    """Draws requests of somebody who owns ``own`` and wants what is ``other``'s."""

    def __init__(self, description: Json, own: Population, other: Population, seed: int) -> None:
        self.draw = random.Random(seed)
        self.schemas: Json = description["components"]["schemas"]
        self.own, self.other = own, other
        self.operations = [
            (method, path, spec)
            for path, methods in description["paths"].items()
            for method, spec in methods.items()
            if path != "/v1/token"
        ]

    def requests(self, count: int) -> Iterator[Request]:
        for number in range(count):
            yield self._request(*self.operations[number % len(self.operations)])

    def pair_of(self, method: str, path: str, spec: Json) -> tuple[Request, Request]:
        """The same request about what is the other's, and about what nobody ever had."""
        names = re.findall(r"\{(\w+)\}", path)
        ids = {name: self._id(name, self.other) for name in names}
        body = spec.get("requestBody", {}).get("content", {}).get("application/json")
        data = orjson.dumps(self._value(body["schema"], "")) if body and method != "get" else None
        theirs, nobodys = (path.format(**each) for each in (ids, dict.fromkeys(names, 8_999_999)))
        label = f"{method} {path}"
        return Request(method.upper(), theirs, data, label), Request(method.upper(), nobodys, data, label)

    def _request(self, method: str, path: str, spec: Json) -> Request:
        here = self.other if method == "delete" or self.draw.random() < 0.7 else self.own
        address = re.sub(r"\{(\w+)\}", lambda found: str(self._id(found[1], here)), path)
        pairs = [
            (given["name"], self._argument(given))
            for given in spec.get("parameters", [])
            if given["in"] == "query" and self.draw.random() < 0.25
        ]
        query = "?" + urlencode(pairs, quote_via=quote) if pairs else ""
        body = spec.get("requestBody", {}).get("content", {}).get("application/json")
        data = orjson.dumps(self._value(body["schema"], "")) if body and method != "get" else None
        return Request(method.upper(), address + query, data, f"{method} {path}")

    def _id(self, name: str, source: Population) -> int:
        return self.draw.choice(source.ids.get(name) or self.draw.choice([*source.ids.values()]))

    def _argument(self, given: Json) -> str:
        value = self._value(given["schema"], given["name"])
        return str(value).lower() if isinstance(value, bool) else str(value if value is not None else "")

    def _value(self, schema: Json, name: str, depth: int = 0) -> Any:
        if "$ref" in schema:
            return self._value(self.schemas[schema["$ref"].rpartition("/")[2]], name, depth + 1)
        for union in ("anyOf", "oneOf"):
            if union in schema:
                return self._value(self.draw.choice(schema[union]), name, depth + 1)
        if "enum" in schema:
            return self.draw.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        return self._plain(schema, name, depth)

    def _plain(self, schema: Json, name: str, depth: int) -> Any:
        match schema.get("type"):
            case "object":
                required, fields = schema.get("required", []), schema.get("properties", {})
                chosen = [each for each in fields if each in required or self.draw.random() < 0.3]
                return {each: self._value(fields[each], each, depth + 1) for each in chosen}
            case "array":
                items = schema.get("items", {}) if depth < 6 else {}
                return [self._value(items, name, depth + 1) for _ in range(self.draw.randrange(1, 3))]
            case "integer":
                return self.draw.randrange(1, 50) if name in AMOUNTS else self._wanted_id(name)
            case "number":
                return LATER
            case "boolean":
                return self.draw.random() < 0.5
            case "null":
                return None
            case _:
                return self._text(schema, name)

    def _wanted_id(self, name: str) -> int:
        return self._id(name, self.other if self.draw.random() < 0.6 else self.own)

    def _text(self, schema: Json, name: str) -> str:
        source = self.other if self.draw.random() < 0.6 else self.own
        addressed = schema.get("format") == "email" or "email" in name or name == "to"
        return next((word for word in source.words if "@" in word), "") if addressed else self.draw.choice(source.words)
