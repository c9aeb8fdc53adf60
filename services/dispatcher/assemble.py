"""The parts of one dispatcher, each made of what the process has."""

import asyncio
import os
from collections.abc import Callable, Collection, Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any, Final

from pyroaring import BitMap

from services.dispatcher.channels.smpp.receiver import SmppReceiver
from services.dispatcher.decisions.name_domain import count_by_domain, named_domains
from services.dispatcher.jobs.postbacks import Postbacks, PostbackTools
from services.dispatcher.jobs.registry import WORK
from services.dispatcher.jobs.work import JobTools
from services.dispatcher.jobs.worker import Jobs
from services.dispatcher.limits.admission import Domains
from services.dispatcher.limits.shares import Shares
from services.dispatcher.notices.couriers import Couriers
from services.dispatcher.notices.hand_over import HandOver
from services.dispatcher.notices.held_notice import NoticeLeases
from services.dispatcher.notices.recover import replay_notices
from services.dispatcher.notices.send_notice import NoticeTools
from services.dispatcher.planner.plan import Planner
from services.dispatcher.planner.splittests.advance import SplitTests
from services.dispatcher.probes import Figures
from services.dispatcher.receipts.record import ReceiptRecorder
from services.dispatcher.sending.journal import Journal
from services.dispatcher.sending.load_keys import SigningKeys
from services.dispatcher.sending.load_task import Origin, PreparedTasks
from services.dispatcher.sending.next_hop import NextHop
from services.dispatcher.sending.on_trial import Trials
from services.dispatcher.sending.send_batch import SendingTools
from services.dispatcher.sending.sender import Sender
from services.dispatcher.transports import Transport, accepted_kinds, open_on, relays_of
from shared.bus.hinter import Hinter
from shared.bus.interface import Hint
from shared.delivery_log.append import DeliveryLog
from shared.domain.egress import EgressRules
from shared.domain.email_address import to_envelope
from shared.domain.identifiers import Channel, shard_of
from shared.domain.retry_schedule import RetrySchedule
from shared.domain.tokens import TokenKeys
from shared.egress.client import EgressClient
from shared.event_store.handle_command import Handler
from shared.object_store.opening import open_objects
from shared.postgres.database import Database, Row, Unavailable
from shared.postgres.ids import Ids
from shared.runtime import clock
from shared.runtime.lifecycle import Wakeup, run_loop
from shared.runtime.settings import BadSettings, Settings
from shared.suppression.address_hash import AddressHashes

FORGET_SECONDS: Final = 60.0  #: between two looks for references that are too old

#: Runs until the event is set.
Loop = Callable[[asyncio.Event], Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Process:
    """What all parts of one dispatcher share. ``stopping``: nothing new is begun."""

    settings: Settings
    database: Database
    delivery_log: DeliveryLog
    handler: Handler
    journal: Journal
    owner: int
    figures: Figures
    shares: Shares
    domains: Domains
    stopping: asyncio.Event

    def is_ready(self) -> bool:
        return not self.stopping.is_set()


def make_tools(process: Process) -> dict[Channel, SendingTools]:
    """What the senders share, journal and all, and what each counts for its channel."""
    settings, database, figures = process.settings, process.database, process.figures
    origin, accepted = Origin(settings.public_tracker_url, settings.bounce_domain), accepted_kinds(settings)
    email = SendingTools(
        database=database,
        delivery_log=process.delivery_log,
        tasks=PreparedTasks(database, origin, TokenKeys(settings.secret), SigningKeys(database, settings.secret)),
        journal=process.journal,
        schedule=RetrySchedule(settings.retry_seconds),
        channel="email",
        accepted_kinds=accepted["email"],
        owner=process.owner,
        now=clock.now,
        monotonic=clock.monotonic,
        jitter=clock.jitter,
        count=figures.counter("email"),
        transport=NextHop("smtp", clock.monotonic, figures.show_blocked),
        trials=Trials(process.handler, clock.monotonic, figures.count_paused),
        give_up=process.stopping,
        domains=process.domains,
        signing=ThreadPoolExecutor(os.cpu_count() or 1, "signing"),
        count_domains=_domain_counter(process),
    )
    sms = replace(
        email,
        channel="sms",
        accepted_kinds=accepted["sms"],
        count=figures.counter("sms"),
        count_domains=lambda *_: None,
        transport=NextHop("sms", clock.monotonic, figures.show_blocked),
    )
    return {"email": email, "sms": sms}


def _domain_counter(process: Process) -> Callable[[Sequence[Row], BitMap, BitMap], None]:
    """Counts a batch at a time."""
    named, figures = named_domains(process.domains.gates), process.figures

    def count(rows: Sequence[Row], taken: BitMap, heard: BitMap) -> None:
        refused = heard - taken
        for ordinals, was_taken in ((taken, True), (refused, False)):
            addresses = (row["address"] for row in rows if row["ordinal"] in ordinals)
            figures.count_domains(count_by_domain(addresses, named), taken=was_taken)

    return count


def make_senders(
    process: Process,
    transports: Mapping[Channel, Transport],
    tools: Mapping[Channel, SendingTools],
    hinter: Hinter,
) -> dict[Channel, Sender]:
    """One for each channel that there is a way to send on."""

    def on_batch_done(task_id: int) -> None:
        hinter.send("tracker", Hint("segments_appended", shard_of(task_id)))

    senders = {
        channel: Sender(
            tools[channel],
            open_on(transport, process.journal.replies),
            transport.connections,
            process.settings.sweep_seconds,
            on_batch_done,
            process.shares.gates.get(channel),
        )
        for channel, transport in transports.items()
    }
    process.figures.relays.update(relays_of(process.settings))
    uses = {channel: sender.use for channel, sender in senders.items()}
    process.figures.watch(lambda: process.database.use, lambda: process.journal.size, uses)
    return senders


def make_planner(process: Process, channels: Collection[Channel], on_batches: Callable[[], None]) -> Planner:
    return Planner(
        process.database,
        process.handler,
        process.owner,
        channels,
        process.settings.sweep_seconds,
        on_batches,
        split_tests=SplitTests(process.database, process.handler, process.owner, clock.random_id),
        dns_check=process.settings.dns_check,
    )


async def make_couriers(process: Process, transports: Mapping[Channel, Transport], tools: SendingTools) -> Couriers:
    """With a journal of their own: what a notice did is none of a task's batches."""
    settings, folder = process.settings, process.settings.journal_dir / "notices"
    journal = Journal(folder, process.owner)
    await replay_notices(process.database, folder, process.owner, tools.schedule)
    notice_tools = NoticeTools(
        database=process.database,
        hand_over=HandOver(
            database=process.database,
            hashes=AddressHashes(settings.secret),
            keys=SigningKeys(process.database, settings.secret),
            signing=tools.signing,
            dns_check=settings.dns_check,
        ),
        leases=NoticeLeases(process.database, process.owner, clock.monotonic),
        journal=journal,
        tokens=TokenKeys(settings.secret),
        schedule=tools.schedule,
        owner=process.owner,
        now=clock.now,
        monotonic=clock.monotonic,
        jitter=clock.jitter,
        count=process.figures.count_notice,
        stopping=process.stopping,
    )
    channels = {name: transport.open_channel for name, transport in transports.items()}
    return Couriers(notice_tools, channels, settings.sweep_seconds)


def make_jobs(process: Process, hinter: Hinter) -> Jobs:
    """Raises BadSettings."""
    settings, objects = process.settings, open_objects(process.settings)
    tools = JobTools(
        database=process.database,
        handler=process.handler,
        ids=Ids(process.database),
        hashes=AddressHashes(settings.secret),
        egress=EgressClient(EgressRules(settings.egress_allow, settings.egress_ports)),
        secret=settings.secret,
        owner=process.owner,
        now=clock.now,
        monotonic=clock.monotonic,
        random_bytes=clock.random_bytes,
        hint=lambda topic: hinter.send("dispatcher", Hint(topic)),
        objects=objects,
        api_url=(settings.api_url or f"http://{settings.host}:{settings.api_port}").rstrip("/"),
        export_seconds=settings.export_seconds,
        report_from=_report_from(settings),
        dns_check=settings.dns_check,
    )
    postbacks = PostbackTools(
        database=tools.database,
        egress=tools.egress,
        secret=tools.secret,
        schedule=RetrySchedule(settings.callback_retry_seconds),
        owner=tools.owner,
        jitter=clock.jitter,
    )
    return Jobs(tools, WORK, Postbacks(postbacks, settings.sweep_seconds), settings.sweep_seconds)


def _report_from(settings: Settings) -> str:
    """Raises BadSettings for what is no address."""
    address = settings.report_from or f"postroom@{settings.bounce_domain}"
    if to_envelope(address) is None or not address.isascii():
        raise BadSettings([f"POSTROOM_REPORT_FROM: {address!r} is no address"])
    return address


def receiving_loops(process: Process, transports: Mapping[Channel, Transport]) -> list[Loop]:
    """For a gateway whose receipts come over a connection of ours: hearing them, and forgetting their names in time."""
    sms = transports.get("sms")
    if sms is None or sms.smsc is None:
        return []
    # Below the batch that all unsubscribes share.
    recorder = ReceiptRecorder(process.database, process.delivery_log, -2 - clock.random_id(), clock.now)

    async def forget(stop: asyncio.Event) -> None:
        await run_loop("references", recorder.forget, Wakeup(), stop, FORGET_SECONDS, (Unavailable,))

    return [SmppReceiver(sms.smsc, recorder.record).run, forget]
