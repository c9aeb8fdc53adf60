"""What can be seen of who asks, as evidence: classes, and neither his address nor what his program says of itself."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network

from aiohttp import web

from services.tracker.decisions.classify_agent import classify_agent, says_prefetch
from services.tracker.decisions.find_origin import find_origin
from services.tracker.decisions.known_networks import classify_network
from services.tracker.intake.recent_clicks import RecentClicks
from shared.domain.evidence import Evidence
from shared.domain.tokens import Token


class Observer:
    def __init__(self, trusted_proxies: Sequence[IPv4Network | IPv6Network]) -> None:
        self._trusted_proxies = trusted_proxies
        self._recent = RecentClicks()

    def see(self, request: web.BaseRequest, token: Token, links: int, time_ms: int) -> int:
        """Packed evidence. ``links``: how many the clicked message has; 0: nothing was clicked.

        To be called once for each hit, as clicks are remembered.
        """
        headers = request.headers
        forwarded = headers.getall("X-Forwarded-For", ()) if self._trusted_proxies else ()
        origin = find_origin(request.remote or "", forwarded, self._trusted_proxies)
        company = self._recent.note(token.task, token.ordinal, token.link, time_ms) if links else 0
        return Evidence(
            agent=classify_agent(headers.get("User-Agent", "")),
            network=classify_network(origin),
            prefetch=says_prefetch(headers),
            company=company,
            every=company + 1 == links,
        ).pack()
