"""The reply slots of this process, beside its journal."""

import structlog

from services.dispatcher.channels.smtp.reply_slots import ReplySlots
from services.dispatcher.channels.smtp.witness_process import WitnessProcess
from services.dispatcher.sending.journal import slots_of
from shared.runtime import clock
from shared.runtime.settings import Settings

log = structlog.get_logger(__name__)


def open_slots(settings: Settings, owner: int) -> ReplySlots | None:
    """One for each connection to the relay. None without a relay, and where the disk gives no room: then a kill leaves
    more in doubt, and nothing else is different.
    """
    if not settings.smtp_url:
        return None
    path = slots_of(settings.journal_dir / f"{owner}.journal")
    try:
        return ReplySlots(path, settings.smtp_connections, lambda file: WitnessProcess(file, clock.monotonic))
    except OSError as error:
        log.warning("replies are not kept", action="reply_slots_failed", reason=error.strerror)
        return None
