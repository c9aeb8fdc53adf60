"""Whether messages get through to the next hop, as this process finds it: a metric, and one alarm for each change."""

import re
from collections.abc import Callable
from typing import Final

import structlog

from services.dispatcher.channels.interface import Outcome

log = structlog.get_logger(__name__)

#: For so long batch after batch must come to nothing: a hitch, or one connection too many, blocks nothing.
PATIENCE_SECONDS: Final = 4.0

_ADDRESS: Final = re.compile(r"[^\s<>]*@[^\s<>]*|\+\d(?:[ ()-]?\d){5,}|\d(?:[ ()-]?\d){8,}")  #: of mail, or a number


class NextHop:
    """Blocked once batches have come to nothing for a while and nothing was accepted in between; free with the next
    message that is.
    """

    def __init__(self, name: str, monotonic: Callable[[], float], show: Callable[[str, bool], None]) -> None:
        self._name = name
        self._monotonic = monotonic
        self._show = show
        self._fruitless_since: float | None = None
        self._blocked = False
        show(name, False)

    def accepted(self) -> None:
        """A message was."""
        self._fruitless_since = None
        if self._blocked:
            self._blocked = False
            self._show(self._name, False)
            log.info("messages get through again", action="transport_free", transport=self._name)

    def stopped(self, reason: str) -> bool:
        """A batch came to nothing over it, for that reason. Answers whether it is blocked."""
        now = self._monotonic()
        if self._fruitless_since is None:
            self._fruitless_since = now
        if not self._blocked and now - self._fruitless_since >= PATIENCE_SECONDS:
            self._blocked = True
            self._show(self._name, True)
            log.warning("nothing gets through", action="transport_blocked", transport=self._name, reason=reason)
        return self._blocked


def reason_of(stopped: Outcome) -> str:
    """Why nothing more was sent, for people: where it ended, and what the other side said. Without any address."""
    said = _ADDRESS.sub("address", stopped.text)
    return f"{stopped.stage}: {stopped.code} {said}" if stopped.code else f"{stopped.stage}: {said}"
