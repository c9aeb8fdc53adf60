"""The URL of a campaign's callbacks: checked and sealed on its way in; what was answered may be sent back as it is."""

from services.api.operation import Api
from shared.domain.campaign import Campaign
from shared.runtime import clock
from shared.sealed_urls import is_masked, masked, open_credentials, seal_credentials
from shared.sealing import NONCE_SIZE, CannotOpen


async def callback_fault(api: Api, url: str | None) -> str:
    """Why nothing may be sent there; empty: it may."""
    if url is None:
        return ""
    if is_masked(url):
        return "*** stands for the user and password of the URL it was answered for; write them"
    return await api.egress.refusal(url) or ""


def seal_callback(api: Api, account_id: int, url: str | None) -> str | None:
    return None if url is None else seal_credentials(api.secret, account_id, url, clock.random_bytes(NONCE_SIZE))


def keeps_callback(api: Api, campaign: Campaign, url: str | None) -> bool:
    """Whether that is the one it has: as it was given, or as it is answered."""
    current = campaign.event_callback
    if current is None or url is None:
        return current == url
    if url == masked(current):
        return True
    try:
        return url == open_credentials(api.secret, campaign.account_id, current)
    except CannotOpen:
        return False
