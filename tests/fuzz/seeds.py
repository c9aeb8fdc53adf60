"""Where chance begins: right inputs of every kind, and wrong ones that were met before."""

import json
from pathlib import Path
from typing import Final

from shared.domain.tokens import TokenKeys, TokenKind

_UNIT: Final = Path(__file__).parents[1] / "unit"
_KEYS: Final = TokenKeys([b"a secret of at least thirty-two bytes"])
_INJECTIONS: Final = (_UNIT / "shared/composing/injections.txt").read_text(encoding="utf-8").splitlines()

_SEARCH: Final = {
    "source_list": "Everybody",
    "criteria": ["match", "open_time", "valid"],
    "field": ["a"],
    "value": ["b|c", 30],
    "timerange": [None, "since_days"],
}
_PERSON: Final = {"email": "a@b.co", "telephone": "+447700900123", "vars": {"a": [1, None]}, "external_id": "e"}

SEEDS: Final[dict[str, list[bytes]]] = {
    "mail": [path.read_bytes() for path in sorted((_UNIT / "tracker/mail").glob("*.eml"))],
    "import_lines": [
        b"email,name,telephone\r\na@b.co,Ann,+447700900123\r\n",
        b"email;signup_date\na@b.co;2026-01-02\n\n,\n",
        b'\xef\xbb\xbfemail\tnote\ra@b.co\t"two\rlines, ""quoted"""\r',
        b"a@b.co\nB@c.co\nnobody\n\xff\n",
        b'{"email": "a@b.co", "vars": {"a": 1}, "lists": {"VIP": 1}, "optout": "none"}\n{"id": 7}\n',
        b'email,"x\n' + b"y" * 300 + b"\n",
    ],
    "token": [
        *(_KEYS.web(7, 5, kind, 2).encode() for kind in TokenKind),
        _KEYS.verp(7, 5).encode(),
        _KEYS.verp(7, 5).upper().encode(),
        b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        b"postroom=abc; __Host-postroom=def",
    ],
    "query_filter": [
        b"channel=email&sort=-endtime&count=20&name=a%20b&completed=true",
        b"start=WyJuYW1lIiwiXHUwMDAwIiwxXQ&sort=name",
        json.dumps(_SEARCH).encode(),
        b"criteria[]=match&field[]=a&value[0]=b%7Cc",
        b"gmail.com,googlemail.com connections=10 rate=20; example.org rate=0.5",
        b'{"criteria": [], "source_list": null}',
    ],
    "body": [
        json.dumps([_PERSON, {"email": "c@d.co"}]).encode(),
        json.dumps(_PERSON).encode() + b"\n" + b'{"email": 1}',
        b"email,telephone\r\na@b.co,\r\n",
        b"email=a%40b.co&vars[a]=1&vars[b][]=2",
        b'api_key=k&sig=s&format=json&json={"job":"import","emails":"a@b.co"}',
        b'--b\r\nContent-Disposition: form-data; name="List-Unsubscribe"\r\n\r\nOne-Click\r\n--b--\r\n',
        b'{"id": "1", "from": "+447700900123", "to": "60777", "text": "STOP", "status": "delivered"}',
        b"[" * 2000,
        b'{"a":' * 500,
        b'{"email": "\\ud800", "vars": {"x": 1e999}}',
    ],
    "address": [
        *(b"a@b.co", b'"quoted local"@b.co', "ü@müller.example".encode(), b"a@[127.0.0.1]", b"a@b.co\r\nBcc: x@y.z"),
        *(b"+447700900123", b"0044 7700 900123", b"+1 (555) 010-0000", b"xn--mller-kva.example", b"a..b.co"),
    ],
    "url": [
        *(b"https://ada:p%40ss@hooks.example:8443/a/../b;c?d=e&&f#", b"http://[::ffff:127.0.0.1]/", b"http://127.1/"),
        *(b"http://0x7f.0.0.1/", b"http://a@b@c/", b"http://127.0.0.1:80\\@example.com/", b"HTTP://EXAMPLE.com.:080"),
    ],
    "peer": [
        b"250-relay.example\r\n250-PIPELINING\r\n250 SIZE 10\r\n",
        b"550 5.1.1 <a@b.co> unknown\r\n354 go\n",
        b'{"topic":"batches_ready","key":7,"extra":[12]}',
        b"\x00\x00\x00\x10\x00\x00\x00\x15\x00\x00\x00\x00\x00\x00\x00\x01",
        b"\x00\x00\x00\x30\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01\x01447700900123\x00\x01\x0160777\x00",
    ],
    "message": [
        json.dumps(
            ["Hello {{ vars.name }}", "<p>{{ vars.name }}</p>", "Hi {{ vars.name }}", "Ada", "The shop"]
        ).encode(),
        json.dumps(
            ["a", "", "{% if email %}{{ vars.name | trim }}{% endif %}", "\r\nBcc: x@y.z", 'A "B" <c@d>']
        ).encode(),
        *(json.dumps([each, f"<p>{each}</p>", each, each, each]).encode() for each in _INJECTIONS),
    ],
}
