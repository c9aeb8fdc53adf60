"""Whether a server on a port of 127.0.0.1 takes clients yet, asked in its own protocol and without a driver."""

import socket
import struct

_SECONDS = 2.0
_POSTGRES_3_0 = 196_608


def amqp_answers(port: int) -> bool:
    """AMQP 0-9-1: the protocol header is answered by a method frame (type 1)."""
    return _first_byte(port, b"AMQP\x00\x00\x09\x01") == b"\x01"


def postgres_answers(port: int, user: str) -> bool:
    """Protocol 3.0: a startup message is answered by ``R`` (authenticate), or by ``E`` while it still starts."""
    body = struct.pack("!i", _POSTGRES_3_0) + b"user\x00" + user.encode() + b"\x00\x00"
    return _first_byte(port, struct.pack("!i", len(body) + 4) + body) == b"R"


def smtp_answers(port: int) -> bool:
    """A server that is ready greets with 220."""
    return _first_byte(port, b"") == b"2"


def _first_byte(port: int, greeting: bytes) -> bytes:
    try:
        with socket.create_connection(("127.0.0.1", port), _SECONDS) as connection:
            connection.sendall(greeting)
            return connection.recv(1)
    except OSError:
        return b""
