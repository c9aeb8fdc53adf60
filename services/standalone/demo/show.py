"""The demo's report as tables in the terminal."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.standalone.demo.checks import Check


def show_progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:>17}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def show_report(console: Console, channel: str, report: Mapping[str, Any], seconds: float) -> None:
    sent = report["unique"]["submitted"]
    console.print(_states(channel, report), _events(channel, report), sep="\n")
    if report["links"]:
        console.print(_links(report))
    console.print(
        f"{channel}: {sent:,} in {seconds:.2f} s: [bold]{sent / seconds:,.0f} msgs/s[/], from the task to the inbox.\n",
    )


def show_survival(
    console: Console, report: Mapping[str, Any], killed_at: int, away: float, doubtful: Sequence[str]
) -> None:
    """``doubtful``: the addresses that were sent to again, as the contact records name them."""
    console.print(_states("Killed", report))
    console.print(
        f"Killed with {killed_at:,} of {report['audience']:,} mails delivered, back after {away:.1f} s.\n"
        f"{_in_doubt(doubtful)}\n"
    )


def _in_doubt(doubtful: Sequence[str]) -> str:
    if not doubtful:
        return "Nobody was in doubt this time: every reply had been noted when it died."
    names = ", ".join(doubtful[:3]) + (" …" if len(doubtful) > 3 else "")
    return f"In doubt (handed over, and no reply noted) and sent to once more: {len(doubtful)}, {names}"


def show_checks(console: Console, checks: Sequence[Check]) -> None:
    """Only what does not hold is shown in full."""
    wrong = [check for check in checks if not check.holds]
    for check in wrong:
        console.print(f"[red]✗[/] {check.what}: played {check.played}, reported {check.reported}")
    if not wrong:
        console.print(
            f"[green]✓[/] All {len(checks)} checks hold: what was reported is what was played, to the last reader."
        )


def _states(channel: str, report: Mapping[str, Any]) -> Table:
    table = Table(title=f"{channel}: states", title_justify="left")
    table.add_column("state")
    table.add_column("recipients", justify="right")
    for state, count in report["states"].items():
        table.add_row(state, f"{count:,}", style="" if count else "dim")
    table.add_section()
    table.add_row("audience", f"{report['audience']:,}", style="bold")
    return table


def _events(channel: str, report: Mapping[str, Any]) -> Table:
    table = Table(title=f"{channel}: events", title_justify="left")
    table.add_column("event")
    table.add_column("unique", justify="right")
    table.add_column("total", justify="right")
    for event, unique in report["unique"].items():
        total = report["total"].get(event, 0)
        table.add_row(event, f"{unique:,}", f"{total:,}", style="" if unique else "dim")
    return table


def _links(report: Mapping[str, Any]) -> Table:
    table = Table(title="Links", title_justify="left")
    table.add_column("url", overflow="fold")
    table.add_column("unique", justify="right")
    table.add_column("total", justify="right")
    for link in report["links"]:
        table.add_row(link["url"], f"{link['unique']:,}", f"{link['total']:,}")
    return table
