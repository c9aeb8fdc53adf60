"""Reads what an HTTP/1.1 server answers (RFC 9112), as far as a gateway's word needs it. Pure.

Once the status is known nothing that follows can take it back: a body that is too long, cut short or framed in a way
that is not understood only means that the connection is not used again.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

MOST_HEAD: Final = 16_384  #: octets of status line and headers
MOST_BODY: Final = 65_536

_STATUS_LINE: Final = re.compile(rb"HTTP/1\.([01]) ([1-9][0-9]{2})(?: ([^\r\n]*))?")
_END_OF_HEAD: Final = re.compile(rb"\r?\n\r?\n")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LENGTH: Final = re.compile(r"[0-9]{1,15}").fullmatch
_WITHOUT_BODY: Final = frozenset({204, 205, 304})


class NotHttp(Exception):
    """What came is no answer."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    reason: str
    headers: Mapping[str, str]  #: by name in lower case; of a repeated one all values, comma-separated
    body: bytes = b""
    reusable: bool = False  #: the connection may carry another request


class AnswerReader:
    """One answer at a time; ``feed`` it what comes in until it gives the answer."""

    def __init__(self) -> None:
        self._data = b""
        self._head: Answer | None = None
        self._keeps_alive = False
        self._chunks = b""

    @property
    def is_at_rest(self) -> bool:
        """Nothing came that belongs to no answer."""
        return not self._data and self._head is None

    def feed(self, data: bytes) -> Answer | None:
        """The answer once it is whole. Raises NotHttp where there will be none."""
        self._data += data
        while self._head is None:
            if not self._read_head():
                return None
        return self._read_body(self._head)

    def end(self) -> Answer | None:
        """The peer has closed: what is known by then."""
        return None if self._head is None else self._whole(self._head, self._chunks + self._data, reusable=False)

    def _read_head(self) -> bool:
        """False: not all of it is there. Interim answers (1xx) are passed over."""
        end = _END_OF_HEAD.search(self._data)
        if end is None:
            if len(self._data) > MOST_HEAD:
                raise NotHttp("the head of the answer does not end")
            return False
        status_line, *lines = self._data[: end.start()].split(b"\n")
        match = _STATUS_LINE.fullmatch(status_line.rstrip(b"\r"))
        if match is None:
            raise NotHttp("what was answered is no HTTP/1.1")
        self._data = self._data[end.end() :]
        status = int(match[2])
        if status == 101:
            raise NotHttp("the gateway changed the protocol")
        if status >= 200:
            headers = _headers(lines)
            words = {word.strip().lower() for word in headers.get("connection", "").split(",")}
            self._keeps_alive = "close" not in words and (match[1] == b"1" or "keep-alive" in words)
            self._head = Answer(status, (match[3] or b"").decode("utf-8", "replace"), headers)
        return True

    def _read_body(self, head: Answer) -> Answer | None:
        coding, length = head.headers.get("transfer-encoding", "").lower(), head.headers.get("content-length", "")
        if head.status in _WITHOUT_BODY:
            return self._whole(head, b"", reusable=not self._data)
        if coding == "chunked" and not length:
            return self._read_chunks(head)
        if not coding and not length:
            # It ends with the connection.
            return self._whole(head, self._data, reusable=False) if len(self._data) > MOST_BODY else None
        if coding or not _LENGTH(length) or int(length) > MOST_BODY:
            return self._whole(head, b"" if coding else self._data, reusable=False)
        if len(self._data) < int(length):
            return None
        return self._whole(head, self._data[: int(length)], reusable=len(self._data) == int(length))

    def _read_chunks(self, head: Answer) -> Answer | None:
        while (chunk := _CHUNK.match(self._data)) is not None:
            size = int(chunk[1], 16)
            if size == 0:
                return self._read_trailer(head, chunk.end())
            if len(self._chunks) + size > MOST_BODY:
                return self._whole(head, self._chunks, reusable=False)
            end = re.compile(rb"\r?\n").match(self._data, chunk.end() + size)
            if end is None:
                complete = len(self._data) >= chunk.end() + size + 2
                return self._whole(head, self._chunks, reusable=False) if complete else None
            self._chunks += self._data[chunk.end() : chunk.end() + size]
            self._data = self._data[end.end() :]
        return self._whole(head, self._chunks, reusable=False) if len(self._data) > MOST_HEAD else None

    def _read_trailer(self, head: Answer, start: int) -> Answer | None:
        trailer = re.compile(rb"(?:[^\r\n]+\r?\n)*\r?\n").match(self._data, start)
        if trailer is not None:
            return self._whole(head, self._chunks, reusable=trailer.end() == len(self._data))
        return self._whole(head, self._chunks, reusable=False) if len(self._data) - start > MOST_HEAD else None

    def _whole(self, head: Answer, body: bytes, *, reusable: bool) -> Answer:
        answer = Answer(head.status, head.reason, head.headers, body[:MOST_BODY], reusable and self._keeps_alive)
        self._data, self._head, self._chunks = b"", None, b""
        return answer


def _headers(lines: list[bytes]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.decode("latin-1").partition(":")
        if colon and name:
            known = headers.get(name.lower())
            headers[name.lower()] = value.strip() if known is None else f"{known}, {value.strip()}"
    return headers
