"""Whether messages get through to the next hop, as this process finds it: a metric, and one alarm for each change."""

import re
from collections.abc import Callable
from typing import Final

import structlog

from services.dispatcher.channels.interface import Outcome

log = structlog.get_logger(__name__)

#: A hitch of one connection blocks nothing while others go on.
QUIET_SECONDS: Final = 5.0

_ADDRESS: Final = re.compile(r"[^\s<>]*@[^\s<>]*")


class NextHop:
    """Blocked once a batch came to nothing and no message was accepted lately; free again with the next one that is."""

    def __init__(self, name: str, monotonic: Callable[[], float], show: Callable[[str, bool], None]) -> None:
        self._name = name
        self._monotonic = monotonic
        self._show = show
        self._accepted_at = float("-inf")
        self._blocked = False
        show(name, False)

    def accepted(self) -> None:
        """A message was."""
        self._accepted_at = self._monotonic()
        if self._blocked:
            self._blocked = False
            self._show(self._name, False)
            log.info("messages get through again", action="transport_free", transport=self._name)

    def stopped(self, reason: str) -> bool:
        """A batch came to nothing over it, for that reason. Answers whether it is blocked."""
        if not self._blocked and self._monotonic() - self._accepted_at >= QUIET_SECONDS:
            self._blocked = True
            self._show(self._name, True)
            log.warning("nothing gets through", action="transport_blocked", transport=self._name, reason=reason)
        return self._blocked


def reason_of(stopped: Outcome) -> str:
    """Why nothing more was sent, for people: where it ended, and what the other side said. Without any address."""
    said = _ADDRESS.sub("address", stopped.text)
    return f"{stopped.stage}: {stopped.code} {said}" if stopped.code else f"{stopped.stage}: {said}"
