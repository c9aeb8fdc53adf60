"""The way out: resolves a name once, checks every address, and opens no socket to one that the rules refuse.

The library dials addresses that stand in a URL without asking any resolver; what makes the socket sees them all.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.domain.egress import EgressRules, is_localhost

THREADS: Final = 64  #: questions to DNS at once: servers that answer late hold up no others

#: The addresses of a name, as text. Raises OSError.
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class Forbidden(OSError):
    """The rules refuse the address; ``str`` says why and names nothing."""


class SystemResolver:
    """Asks as every program of this machine does, in threads of its own."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="egress-dns")

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _ask, host, port)
        return list(dict.fromkeys(str(at[0]) for *_, at in found))

    def close(self) -> None:
        """Does not wait: a thread ends with its question."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _ask(host: str, port: int) -> list[Any]:
    return socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)


class CheckedResolver(AbstractResolver):
    def __init__(self, rules: EgressRules, resolve: Resolve) -> None:
        self._rules = rules
        self._resolve = resolve

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """Raises Forbidden if any of the answers is refused, OSError if there is none."""
        if is_localhost(host.rstrip(".")):
            return [_result(host, address, port) for address in self._rules.loopback(port)]
        addresses = await self._resolve(host, port)
        if refusal := self._rules.refusal_of_all(addresses, port):
            raise Forbidden(refusal)
        return [_result(host, address, port) for address in addresses]

    async def close(self) -> None:
        pass


def checked_connector(rules: EgressRules, resolve: Resolve) -> aiohttp.TCPConnector:
    """Each of its connections goes to an address that was checked at the moment it was dialled."""

    def make_socket(info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, (address, port, *_rest) = info
        if refusal := rules.refusal_of_address(str(address), port):
            raise Forbidden(refusal)
        made = socket.socket(family, kind, protocol)
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    return aiohttp.TCPConnector(
        resolver=CheckedResolver(rules, resolve),
        socket_factory=make_socket,
        use_dns_cache=False,  # a connection is kept, an answer of DNS is not
        limit=0,  # whoever calls knows how much goes at once
        keepalive_timeout=4,  # less than any usual server's: else it hangs up just as the next call goes out
    )


def _result(host: str, address: str, port: int) -> ResolveResult:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=family,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
