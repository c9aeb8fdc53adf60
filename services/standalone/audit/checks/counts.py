"""What readers are told is what the log says, to the last recipient. Pure."""

from collections.abc import Iterator, Mapping
from typing import Final

from pyroaring import BitMap

from services.standalone.audit.findings import SHOWN, Check, Wrong
from services.standalone.audit.task_facts import TaskFacts
from shared.delivery_log.chunks import FINAL_SET
from shared.domain.delivery import Derived, Kind


def nobody_is_uncounted(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.log.drift:
        yield from _sets(facts, facts.log.drift.missing, "are in the log and not counted as {name}")


def nobody_is_invented(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.log.drift:
        yield from _sets(facts, facts.log.drift.invented, "are counted as {name} and not in the log")


def cardinalities_are_true(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.log.drift and facts.log.drift.miscounted:
        said = "chunks of sets say another number of members than they have"
        yield Wrong(f"task {facts.row.id}", facts.log.drift.miscounted, said)


def minutes_are_true(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.log.drift and (minutes := facts.log.drift.minutes):
        off = sum(abs(logged - told) for logged, told in minutes.values())
        kinds = ", ".join(sorted({_name(kind) for kind, _, _ in minutes}))
        yield Wrong(f"task {facts.row.id}", off, f"hits more or fewer in the minutes of {kinds} than in the log")


def segments_are_in_their_shard(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.log.misplaced:
        said = "segments are in the shard of another task, where nobody looks for them"
        yield Wrong(f"task {facts.row.id}", facts.log.misplaced, said)


def no_address_in_notes(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.log.addressed_notes:
        yield Wrong(f"task {facts.row.id}", facts.log.addressed_notes, "reasons in the log hold an address")


def nobody_erased_is_named(facts: TaskFacts) -> Iterator[Wrong]:
    if facts.audience.named_erased:
        said = "contact records of erased subscribers still hold an address"
        yield Wrong(f"task {facts.row.id}", facts.audience.named_erased, said)


def _sets(facts: TaskFacts, sets: Mapping[tuple[int, int], BitMap], said: str) -> Iterator[Wrong]:
    for (kind, link), members in sorted(sets.items()):
        name = f"{_name(kind)}, link or visit {link}" if link else _name(kind)
        subject = f"task {facts.row.id}"
        yield Wrong(subject, len(members), said.format(name=name), tuple(members[:SHOWN]))


def _name(kind: int) -> str:
    if kind == FINAL_SET:
        return "final"
    known: Mapping[int, str] = {**{each: each.name for each in Kind}, **{each: each.name for each in Derived}}
    return known.get(kind, str(kind)).lower().replace("_", " ")


COUNT_CHECKS: Final = (
    Check("everybody counted", "I16", "whoever is in the log up to its checkpoint is counted", nobody_is_uncounted),
    Check("nobody invented", "I13", "whoever is counted is in the log", nobody_is_invented),
    Check("true cardinalities", "I13", "a set has as many members as it says", cardinalities_are_true),
    Check("true minutes", "I14", "hits by minute are those of the log", minutes_are_true),
    Check("right shards", "I16", "segments are in the shard of their task", segments_are_in_their_shard),
    Check("reasons without addresses", "I29", "no reason in the log holds an address", no_address_in_notes),
    Check("erased are blank", "I29", "no contact record names whoever is erased", nobody_erased_is_named),
)
