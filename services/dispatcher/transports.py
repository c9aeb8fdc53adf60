"""The ways to send that this installation has: one for each channel that the settings name a url for."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from services.dispatcher.channels.interface import Channel
from services.dispatcher.channels.sms_http.gateway_address import parse_gateway_url
from services.dispatcher.channels.sms_http.session import SmsHttpSession
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
    given: dict[ChannelName, Transport | list[str]] = {}
    if settings.smtp_url:
        given["email"] = _to_relay(settings)
    if settings.sms_url:
        given["sms"] = _to_gateway(settings)
    faults = [fault for found in given.values() if isinstance(found, list) for fault in found]
    if to_envelope(f"b@{settings.bounce_domain}") is None:
        faults.append(f"POSTROOM_BOUNCE_DOMAIN: {settings.bounce_domain!r} is no domain")
    if faults:
        raise BadSettings(faults)
    return {channel: found for channel, found in given.items() if isinstance(found, Transport)}


def public_tracker_url(settings: Settings) -> str:
    """Base of what readers and gateways are told to fetch, without a slash at its end."""
    return settings.tracker_url.rstrip("/") or f"http://{settings.host}:{settings.tracker_port}"


def _to_relay(settings: Settings) -> Transport | list[str]:
    relay = parse_relay_url(settings.smtp_url)
    if isinstance(relay, list):
        return [f"POSTROOM_SMTP_URL: {fault}" for fault in relay]
    return Transport(lambda: SmtpSession(relay), settings.smtp_connections)


def _to_gateway(settings: Settings) -> Transport | list[str]:
    gateway = parse_gateway_url(settings.sms_url)
    if isinstance(gateway, list):
        return [f"POSTROOM_SMS_URL: {fault}" for fault in gateway]
    receipts, tls = f"{public_tracker_url(settings)}/r", ssl.create_default_context() if gateway.tls else None
    return Transport(lambda: SmsHttpSession(gateway, receipts, tls=tls), settings.sms_connections)


def accepted_kinds(settings: Settings) -> Accepted:
    """Also of a channel without a transport: a process that had one may have left a journal. That an SMS was delivered
    only its receipt can say.
    """
    mail = (Kind.SUBMITTED, Kind.DELIVERED) if settings.email_delivered == "accepted" else (Kind.SUBMITTED,)
    return {"email": mail, "sms": (Kind.SUBMITTED,)}
