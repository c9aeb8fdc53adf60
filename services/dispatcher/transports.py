"""The ways to send that this installation has, one for each channel with a url in the settings, and their limits."""

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from urllib.parse import urlsplit

from services.dispatcher.channels.crash_channel import with_crash_points
from services.dispatcher.channels.interface import Channel
from services.dispatcher.channels.smpp.smpp_address import SmppAddress, parse_smpp_url
from services.dispatcher.channels.smpp.transmitter import SmppTransmitter
from services.dispatcher.channels.sms_http.gateway_address import parse_gateway_url
from services.dispatcher.channels.sms_http.session import SmsHttpSession
from services.dispatcher.channels.smtp.relay_address import parse_relay_url
from services.dispatcher.channels.smtp.reply_slots import ReplySlots
from services.dispatcher.channels.smtp.session import SessionSettings, SmtpSession
from services.dispatcher.decisions.read_limits import Limit, read_domain_limits, read_transport_limit
from services.dispatcher.sending.recover import Accepted
from shared.domain.delivery import Kind
from shared.domain.email_address import to_envelope
from shared.domain.identifiers import Channel as ChannelName
from shared.runtime.settings import BadSettings, Settings


@dataclass(frozen=True, slots=True)
class Transport:
    open_channel: Callable[[], Channel]
    connections: int
    open_witnessed: Callable[[ReplySlots], Channel] | None = None  #: its replies outlive the process
    smsc: SmppAddress | None = None  #: where receipts are heard, if they come over a connection of ours


@dataclass(frozen=True, slots=True)
class Limits:
    """``by_name``: what all dispatchers keep together. ``domains``: domain -> the name of its limit."""

    by_name: Mapping[str, Limit]
    domains: Mapping[str, str]
    messages_per_connection: int | None  #: to the relay; None: as many as a session usually takes


NO_LIMITS = Limits({}, {}, None)  #: of whoever sends nothing, and so has no share of them


def read_limits(settings: Settings) -> Limits:
    """Raises BadSettings naming every fault."""
    smtp, sms = read_transport_limit(settings.smtp_limits), read_transport_limit(settings.sms_limits)
    domains = read_domain_limits(settings.domain_limits)
    if isinstance(smtp, list) or isinstance(sms, list) or isinstance(domains, list):
        read = {"SMTP_LIMITS": smtp, "SMS_LIMITS": sms, "DOMAIN_LIMITS": domains}
        raise BadSettings(
            [
                f"POSTROOM_{name}: {fault}"
                for name, faults in read.items()
                if isinstance(faults, list)
                for fault in faults
            ]
        )
    named = {
        "email": smtp.limit,
        "sms": sms.limit,
        **{f"domain:{name}": limit for name, limit in domains.limits.items()},
    }
    return Limits(
        by_name={name: limit for name, limit in named.items() if limit != Limit()},
        domains={domain: f"domain:{group}" for domain, group in domains.group_of.items()},
        messages_per_connection=smtp.messages_per_connection,
    )


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


def relays_of(settings: Settings) -> dict[ChannelName, str]:
    """Where each channel leads, as host and port alone. To be asked once the transports are read."""
    urls: dict[ChannelName, str] = {"email": settings.smtp_url, "sms": settings.sms_url}
    # What a URL holds of names and passwords stands before an @.
    return {channel: urlsplit(url).netloc.rpartition("@")[2] for channel, url in urls.items() if url}


def _to_relay(settings: Settings) -> Transport | list[str]:
    relay = parse_relay_url(settings.smtp_url)
    if isinstance(relay, list):
        return [f"POSTROOM_SMTP_URL: {fault}" for fault in relay]
    session = _session_settings(settings)

    def open_session(slots: ReplySlots | None = None) -> Channel:
        return with_crash_points(lambda: SmtpSession(relay, session, slots=slots))()

    return Transport(open_session, settings.smtp_connections, open_session)


def open_on(transport: Transport, slots: ReplySlots | None) -> Callable[[], Channel]:
    """Received in the slots, if it has replies that can be."""
    witnessed = transport.open_witnessed
    return transport.open_channel if slots is None or witnessed is None else partial(witnessed, slots)


def _to_gateway(settings: Settings) -> Transport | list[str]:
    if urlsplit(settings.sms_url).scheme in ("smpp", "smpps"):
        return _to_smsc(settings)
    gateway = parse_gateway_url(settings.sms_url)
    if isinstance(gateway, list):
        return [f"POSTROOM_SMS_URL: {fault}" for fault in gateway]
    receipts, tls = f"{settings.public_tracker_url}/r", ssl.create_default_context() if gateway.tls else None
    return Transport(with_crash_points(lambda: SmsHttpSession(gateway, receipts, tls=tls)), settings.sms_connections)


def _to_smsc(settings: Settings) -> Transport | list[str]:
    smsc = parse_smpp_url(settings.sms_url)
    if isinstance(smsc, list):
        return [f"POSTROOM_SMS_URL: {fault}" for fault in smsc]
    return Transport(lambda: SmppTransmitter(smsc), settings.sms_connections, smsc=smsc)


def _session_settings(settings: Settings) -> SessionSettings:
    session = SessionSettings(success_reports=settings.email_delivered == "dsn")
    most = read_limits(settings).messages_per_connection
    return session if most is None else replace(session, messages_per_connection=most)


def accepted_kinds(settings: Settings) -> Accepted:
    """Also of a channel without a transport: a process that had one may have left a journal. That an SMS was delivered
    only its receipt can say.
    """
    mail = (Kind.SUBMITTED, Kind.DELIVERED) if settings.email_delivered == "accepted" else (Kind.SUBMITTED,)
    return {"email": mail, "sms": (Kind.SUBMITTED,)}
