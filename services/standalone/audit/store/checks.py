"""What must be so of the store as a whole: the database adds it up, in one statement each. Pure."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from services.standalone.audit.counted_outside import Deliveries
from services.standalone.audit.findings import Check, Wrong

Breach = tuple[str, int]  #: subject and count


@dataclass(frozen=True, slots=True)
class StoreFacts:
    """``breaches``: what each of the statements has answered, by its name."""

    breaches: Mapping[str, Sequence[Breach]] = field(default_factory=dict)


def told_by(statement: str, said: str) -> Callable[[StoreFacts], Iterator[Wrong]]:
    def judge(facts: StoreFacts) -> Iterator[Wrong]:
        for subject, count in facts.breaches.get(statement, ()):
            yield Wrong(subject, count, said)

    return judge


#: The name of its statement, then name, invariant, sentence, and what is said of a breach.
_TOLD: Final = (
    ("stream_gaps", "gapless streams", "I3", "the versions of a stream have no gap", "versions are missing"),
    (
        "ended_twice",
        "ended once",
        "I17",
        "campaigns, jobs and split tests begin and end once",
        "begun or ended so often",
    ),
    (
        "rows_beside_streams",
        "rows and streams",
        "I1",
        "a row and a stream go together",
        "its row and its stream disagree",
    ),
    ("lost_answers", "kept promises", "I2", "what a POST has made is there", "answered, and not there"),
    ("answers_of_two_keys", "one key each", "I4", "one thing is made under one key", "things made under two keys"),
    (
        "readers_ahead",
        "no reader ahead",
        "I16",
        "no checkpoint is ahead of the log",
        "checkpoints are ahead of the log",
    ),
    (
        "shards_not_counted",
        "every shard read",
        "I16",
        "each shard is counted and cut into callbacks",
        "nobody reads it",
    ),
    ("rows_of_no_task", "rows of tasks", "I3", "whatever is of a task has one", "there are rows of it, and no task"),
    (
        "balances",
        "true balances",
        "I6",
        "an account is charged what was charged for its tasks",
        "units too many or too few",
    ),
    ("jobs_half_ended", "whole ends of jobs", "I25", "a job ends as a whole, and is told after that", "ended by half"),
    ("half_files", "whole files", "I25", "a completed export has one whole file", "files, and not one of them whole"),
    (
        "ended_before_its_tasks",
        "campaigns and tasks",
        "I17",
        "a campaign is done after its tasks",
        "tasks are not done",
    ),
    ("missing_tasks", "all tasks of campaigns", "I4", "a campaign has the tasks that it names", "tasks are missing"),
    ("in_two_tasks", "disjoint split tests", "I5", "nobody is in two tasks of a split test", "are in two of its tasks"),
    ("of_two_accounts", "one account each", "I30", "nothing mixes two accounts", "things of another account"),
    ("addresses_in_events", "events without addresses", "I29", "no event about people holds an address", "hold one"),
)

STORE_CHECKS: Final = tuple(
    Check(name, invariant, sentence, told_by(statement, said)) for statement, name, invariant, sentence, said in _TOLD
)
STATEMENTS_ASKED: Final = tuple(statement for statement, *_ in _TOLD)


@dataclass(frozen=True, slots=True)
class NoticeFacts:
    """``states``: of each single message, by its number."""

    states: Mapping[int, str]
    deliveries: Deliveries


def sent_once(facts: NoticeFacts) -> Iterator[Wrong]:
    """A notice in doubt is not sent again: two copies are never right."""
    for number in facts.states:
        if facts.deliveries.twice[-number]:
            yield Wrong(f"notice {number}", 1, "was taken twice")


def told_as_it_was(facts: NoticeFacts) -> Iterator[Wrong]:
    for number, state in facts.states.items():
        taken = bool(facts.deliveries.once[-number])
        if taken and state == "failed":
            yield Wrong(f"notice {number}", 1, "was taken and is told to have failed")


def nothing_strange(facts: NoticeFacts) -> Iterator[Wrong]:
    """Some notices hold no token of ours, as they answer to nobody."""
    if (strange := facts.deliveries.strange - len(facts.states)) > 0:
        yield Wrong("relays", strange, "messages were taken that nobody asked for")


NOTICE_CHECKS: Final = (
    Check("notices once", "I5", "no single message is sent twice", sent_once),
    Check("notices as told", "I5", "a single message that was taken is not told to have failed", told_as_it_was),
    Check("messages of ours", "I27", "a relay takes only what somebody asked for", nothing_strange),
)
