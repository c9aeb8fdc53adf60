"""The ways to send that this installation has: one for each channel that the settings name a url for."""

from collections.abc import Callable
from dataclasses import dataclass

from services.dispatcher.channels.interface import Channel
from services.dispatcher.channels.smtp.relay_address import parse_relay_url
from services.dispatcher.channels.smtp.session import SmtpSession
from services.dispatcher.sending.recover import Accepted
from shared.domain.delivery import Kind
from shared.domain.email_address import to_envelope
from shared.domain.identifiers import Channel as ChannelName
from shared.runtime.settings import BadSettings, Settings


@dataclass(frozen=True, slots=True)
class Transport:
    open_channel: Callable[[], Channel]
    connections: int


def read_transports(settings: Settings) -> dict[ChannelName, Transport]:
    """Raises BadSettings naming every fault."""
    faults: list[str] = []
    transports: dict[ChannelName, Transport] = {}
    if settings.smtp_url:
        relay = parse_relay_url(settings.smtp_url)
        if isinstance(relay, list):
            faults += [f"POSTROOM_SMTP_URL: {fault}" for fault in relay]
        else:
            transports["email"] = Transport(lambda: SmtpSession(relay), settings.smtp_connections)
    if to_envelope(f"b@{settings.bounce_domain}") is None:
        faults.append(f"POSTROOM_BOUNCE_DOMAIN: {settings.bounce_domain!r} is no domain")
    if faults:
        raise BadSettings(faults)
    return transports


def accepted_kinds(settings: Settings) -> Accepted:
    """Also of a channel without a transport: a process that had one may have left a journal. That an SMS was delivered
    only its receipt can say.
    """
    mail = (Kind.SUBMITTED, Kind.DELIVERED) if settings.email_delivered == "accepted" else (Kind.SUBMITTED,)
    return {"email": mail, "sms": (Kind.SUBMITTED,)}
