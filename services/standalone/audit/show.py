"""What the auditor says: a table on a terminal, lines of JSON elsewhere."""

import sys
from collections.abc import Iterator
from typing import Any

import orjson
from rich.console import Console
from rich.table import Table

from services.standalone.audit.run import CHECKS, Audited

MOST_SHOWN = 50  #: breaches; the table counts them all


def print_table(audited: Audited, console: Console) -> None:
    """The checks, then each breach: of what, for how many, and some of the recipients by ordinal."""
    table = Table("check", "promise", "holds")
    table.add_column("looked at", justify="right")
    table.add_column("broken", justify="right")
    for line in lines_of(audited):
        broken = line["broken"]
        told = "-" if line["looked_at"] == 0 else "[red]no[/]" if broken else "yes"
        table.add_row(
            line["check"], f"{line['invariant']} {line['sentence']}", told, f"{line['looked_at']:,}", f"{broken:,}"
        )
    console.print(table)
    for finding in audited.findings[:MOST_SHOWN]:
        console.print(f"[red]✗[/] {finding}", soft_wrap=True)
    if len(audited.findings) > MOST_SHOWN:
        console.print(f"and {len(audited.findings) - MOST_SHOWN:,} more: --json tells them all")
    verdict = f"[red]{len(audited.findings):,} breaches[/]" if audited.findings else "[green]nothing found[/]"
    console.print(f"{audited.recipients:,} recipients: {verdict}")


def print_json(audited: Audited) -> None:
    """One document."""
    told = {
        "recipients": audited.recipients,
        "checks": list(lines_of(audited)),
        "findings": [
            {
                "check": each.check,
                "invariant": each.invariant,
                "subject": each.subject,
                "count": each.count,
                "said": each.said,
                "ordinals": each.ordinals,
            }
            for each in audited.findings
        ],
    }
    sys.stdout.write(orjson.dumps(told).decode() + "\n")


def lines_of(audited: Audited) -> Iterator[dict[str, Any]]:
    """A line for each check. ``looked_at``: tasks, or 1 for the store as a whole; 0 where nobody counted outside."""
    for check in CHECKS:
        yield {
            "check": check.name,
            "invariant": check.invariant,
            "sentence": check.sentence,
            "looked_at": audited.looked_at[check.name],
            "broken": sum(finding.check == check.name for finding in audited.findings),
        }
