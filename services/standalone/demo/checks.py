"""What the demo played against what Postroom reports. Pure."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.standalone.demo.readers import LINKS, Expected, Reader
from services.standalone.demo.texts import Texted


@dataclass(frozen=True, slots=True)
class Check:
    what: str
    played: object
    reported: object

    @property
    def holds(self) -> bool:
        return self.played == self.reported


def check_mail(readers: Sequence[Reader], messages: Sequence[Any]) -> list[Check]:
    """Everybody has one mail, and it speaks to nobody else."""
    counted = Counter(address for message in messages for address in message["envelope"]["to"])
    by_email = {reader.email: reader for reader in readers}
    personal = sum(
        all(f"Hello {by_email[address].name}," in (message["text"] or "") for address in message["envelope"]["to"])
        for message in messages
    )
    return [
        Check("mails in the inbox", len(readers), len(messages)),
        Check("readers with exactly one mail", len(readers), sum(count == 1 for count in counted.values())),
        Check("mails that greet their reader", len(readers), personal),
    ]


def check_report(expected: Expected, size: int, report: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[Check]:
    """``report`` and ``task`` as the API gives them."""
    yield Check("audience", size, report["audience"])
    yield Check("sum over the states", size, sum(report["states"].values()))
    yield Check("state accepted", size, report["states"].get("accepted"))
    for event, count in expected.unique.items():
        yield Check(f"{event}, unique", count, report["unique"].get(event))
    for event, count in expected.total.items():
        yield Check(f"{event}, total", count, report["total"].get(event))
    links = {link["url"]: (link["unique"], link["total"]) for link in report["links"]}
    for place, url in enumerate(LINKS, start=1):
        yield Check(f"link {place}, unique and total", expected.links[url], links.get(url))
    yield Check("minutes of the series add up", _in_series(report), expected.total["opened"])
    yield Check("opens at the task itself", expected.unique["opened"], task["emailuniqueopens"])
    yield Check("the task is completed", True, task["completed"])


def check_texts(people: Sequence[Texted], messages: Sequence[Any]) -> list[Check]:
    """Every telephone has one SMS, with its own text."""
    counted = Counter((message["envelope"]["to"][0], message["text"]) for message in messages)
    return [
        Check("texts in the inbox", len(people), len(messages)),
        Check(
            "telephones with exactly their text", len(people), sum(counted[p.telephone, p.text] == 1 for p in people)
        ),
    ]


def check_text_report(unique: Mapping[str, int], report: Mapping[str, Any], task: Mapping[str, Any]) -> Iterator[Check]:
    """``unique``: what must have been counted; ``report`` and ``task`` as the API gives them."""
    size, bounced = unique["submitted"], unique["bounced"]
    yield Check("SMS: audience", size, report["audience"])
    yield Check("SMS: state accepted", size - bounced, report["states"].get("accepted"))
    yield Check("SMS: state bounced", bounced, report["states"].get("bounced"))
    for event, count in unique.items():
        yield Check(f"SMS: {event}, unique", count, report["unique"].get(event))
    yield Check("SMS: bounces at the task itself", bounced, task["smsuniquebounces"])
    yield Check("SMS: no figures of mail", None, task["emailuniqueopens"])
    yield Check("SMS: the task is completed", True, task["completed"])


def check_survival(
    emails: Sequence[str], killed_at: int, copies: Sequence[str], doubtful: Sequence[str], report: Mapping[str, Any]
) -> list[Check]:
    """Of a send that was killed with ``killed_at`` mails delivered. ``copies``: whom each mail in the inbox is for;
    ``doubtful``: whom the contact records list as sent to again.
    """
    counted = Counter(copies)
    doubled = {email for email, count in counted.items() if count > 1}
    return [
        Check("killed: in the middle of the send", True, 0 < killed_at < len(emails)),
        Check("killed: readers with a mail", len(emails), len(counted.keys() & set(emails))),
        Check("killed: nobody has more than two copies", True, max(counted.values(), default=0) <= 2),
        Check("killed: doubled and not listed in doubt", 0, len(doubled - set(doubtful))),
        Check("killed: in doubt, by the report and by name", report["in_doubt"]["resent"], len(doubtful)),
        Check("killed: sum over the states", len(emails), sum(report["states"].values())),
        Check("killed: state accepted", len(emails), report["states"].get("accepted")),
    ]


def is_counted(unique: Mapping[str, int], total: Mapping[str, int], report: Mapping[str, Any]) -> bool:
    """Whether everything that was played has reached the report, so that waiting longer changes nothing."""
    return all(report["unique"].get(event, 0) >= count for event, count in unique.items()) and all(
        report["total"].get(event, 0) >= count for event, count in total.items()
    )


def _in_series(report: Mapping[str, Any]) -> int:
    return sum(entry.get("opened", 0) for entry in report["series"])
