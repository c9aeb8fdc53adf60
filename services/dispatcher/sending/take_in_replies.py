"""Brings what a dead process's reply slots say into the journal that it left, before that is replayed."""

import asyncio
import fcntl
import os
from dataclasses import replace
from typing import Final

import structlog

from services.dispatcher.channels.smtp.reply_slots import machine_run, read_left
from services.dispatcher.sending.found_replies import found_replies
from services.dispatcher.sending.journal import Orphan, slots_of
from services.dispatcher.sending.journal_records import find

log = structlog.get_logger(__name__)

LONGEST_WAIT_SECONDS: Final = 5.0  #: for a witness; it waits two for the relay
_LOOK_SECONDS: Final = 0.01


async def take_in_replies(orphan: Orphan) -> Orphan:
    """With what its slots say. Again it changes nothing. Raises OSError."""
    slots = slots_of(orphan.path)
    try:
        file = os.open(slots, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return orphan
    try:
        await _witness_has_ended(file)
        left = list(read_left(slots.read_bytes(), machine_run()))
    finally:
        os.close(file)
    journal = orphan.path.read_bytes()
    found = found_replies(journal, left)
    if found:
        journal = orphan.add(journal, found)
        log.info("replies found", action="replies_found", owner=orphan.owner, replies=len(found))
    return replace(orphan, findings=find(journal))


async def _witness_has_ended(file: int) -> None:
    """Its lock says so. At most so long: then what there is has to do."""
    for _ in range(int(LONGEST_WAIT_SECONDS / _LOOK_SECONDS)):
        if _is_free(file):
            return
        await asyncio.sleep(_LOOK_SECONDS)
    log.warning("a witness does not end", action="witness_stuck")


def _is_free(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
