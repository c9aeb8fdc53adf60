"""The command `postroom`. What a command needs is imported when it runs, so that asking for help costs nothing.

Exit codes: 0 done, 1 failed, 2 wrong arguments or settings.
"""

import sys
from collections.abc import Coroutine
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter

from services.standalone import client_commands
from services.standalone.say import CannotSay, leave_unwritten, open_what_was_closed, say

app = App(
    name="postroom",
    help="Sends a message to every recipient of a list at the time provided, and knows what became of each.",
    version=lambda: version("postroom"),
    version_flags=["--version"],
)
key = App(name="key", help="Keys to the API.")
app.command(key)
client_commands.add_to(app)

Port = Annotated[int, Parameter(validator=lambda _, port: _check_port(port))]


def main() -> None:
    """The entry point."""
    open_what_was_closed()
    code: object = 0
    try:
        code = app()
        sys.stdout.flush()
    except (CannotSay, OSError) as error:
        lost = CannotSay(error) if isinstance(error, OSError) else error
        if lost.fault:
            sys.stderr.write(f"postroom: {lost.fault}\n")
        leave_unwritten()
        code = lost.code or code  # what was found out stays so, whoever read it
    sys.exit(code if isinstance(code, int) else 0)


@app.command
def up(
    *,
    data_dir: Path | None = None,
    api_port: Port = 8080,
    tracker_port: Port = 8081,
    smtp_port: Port = 2525,
    bounce_port: Port = 8025,
    inbox_port: Port = 8082,
    smtp_url: str | None = None,
    sms_url: str | None = None,
    egress_allow: str | None = None,
) -> int:
    """Run all of Postroom in one process on a Postgres of its own, until a signal.
    When ready it prints one line of JSON: urls, keys, secrets. Logs go to stderr. Port 0 takes any free one.

    Parameters
    ----------
    data_dir
        Where data and keys stay; without it they are gone at the end.
    api_port
        The HTTP API.
    tracker_port
        Pixel, links and unsubscribe.
    smtp_port
        The inbox's SMTP, which takes mail for anybody.
    bounce_port
        Takes bounces and complaints, by SMTP and by LMTP.
    inbox_port
        The page to look at mail and SMS, and its JSON at /messages.
    smtp_url
        A relay to send to instead of the inbox: smtp://user:password@host:port
    sms_url
        An SMS gateway to send to instead of the inbox: http://user:password@host:port/path
    egress_allow
        Networks that callbacks may lead to beside public addresses, instead of this machine: 10.0.0.0/8,192.168.0.0/16
    """
    from services.standalone.up import Options, run_up

    ports = {"api": api_port, "tracker": tracker_port, "smtp": smtp_port, "bounce": bounce_port, "inbox": inbox_port}
    return _run(run_up(Options(data_dir, ports, smtp_url, sms_url, egress_allow)))


@app.command
def demo(*, stay: bool = False) -> int:
    """Send a letter to 1,000 readers and a text to 200 telephones on this machine, and check the reports.

    Parameters
    ----------
    stay
        Leave it running until Ctrl-C, to look around.
    """
    from rich.console import Console

    from services.standalone.demo.run import run_demo

    return _run(run_demo(Console(highlight=False), stay))


@app.command
def api() -> int:
    """Run the API service: HTTP commands and reads, and the relay."""
    from services.standalone.run_service import run_api

    return _run(run_api())


@app.command
def dispatcher() -> int:
    """Run the dispatcher service: plans what is due and sends it."""
    from services.standalone.run_service import run_dispatcher

    return _run(run_dispatcher(), sends=True)


@app.command
def tracker() -> int:
    """Run the tracker service: pixel, links, unsubscribe, bounces, and the counting."""
    from services.standalone.run_service import run_tracker

    return _run(run_tracker())


@app.command
def migrate() -> int:
    """Bring the database to the newest schema. Harmless to repeat."""
    from services.standalone.run_service import migrate_database

    return _run(migrate_database())


@app.command
def confirm_restore() -> int:
    """Let a database that was restored send again: look first at what it has lost. 1: it was not held."""
    from services.standalone import run_service

    return _run(run_service.confirm_restore())


@app.command
def rebuild(*, rules: int | None = None) -> int:
    """Count everything anew from the delivery log, beside the live counts, then swap.

    Parameters
    ----------
    rules
        Number of the rule set that tells machines from people; without it the newest.
    """
    from services.standalone.run_service import rebuild_counts

    return _run(rebuild_counts(rules))


@app.command
def audit(*, json: bool = False) -> int:
    """Hold all that is stored against what is promised: who is missing, doubled, miscounted or not told. Only reads.
    The exit code is 1 where something is not as promised.

    Parameters
    ----------
    json
        As JSON.
    """
    from services.standalone.run_service import audit_database

    return _run(audit_database(as_json=json))


@key.command
def create(*, account: str, user: str, role: Literal["operator", "admin", "member", "reader"]) -> int:
    """Make a key, and the account and user it belongs to where they are missing; prints one line of JSON.

    Parameters
    ----------
    account
        Name of the account.
    user
        Name of the user in it.
    role
        What the user may do.
    """
    from services.standalone.run_service import print_new_key

    return _run(print_new_key(account, user, role))


@app.command
def completion(shell: Literal["bash", "zsh", "fish"], /) -> None:
    """Print what makes a shell complete this command: source <(postroom completion bash)

    Parameters
    ----------
    shell
        Which shell.
    """
    say(app.generate_completion(shell=shell))


@app.command
def settings(*, json: bool = False) -> None:
    """List every setting: name, default, meaning.

    Parameters
    ----------
    json
        As JSON.
    """
    from services.standalone.list_settings import as_json, as_text

    say(as_json() if json else as_text())


def _check_port(port: int) -> None:
    if not 0 <= port <= 65535:
        raise ValueError("a port is 0 to 65535")


def _run(work: Coroutine[None, None, int | None], *, sends: bool = False) -> int:
    """Errors that a person can mend are a line on stderr each, not a trace. ``sends``: on the loop made for that."""
    from services.standalone.mendable import mendable_faults
    from shared.runtime.event_loop import run_to_end

    try:
        return run_to_end(work, sends=sends) or 0
    except KeyboardInterrupt:
        return 130
    except CannotSay:
        raise
    except Exception as error:
        code, faults = mendable_faults(error)
        if not faults:
            raise
        sys.stderr.writelines(f"postroom: {fault}\n" for fault in faults)
        return code
