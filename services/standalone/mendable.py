"""Which errors a person can mend, and what to tell him. Everything else is a defect and shows its trace."""

from services.standalone.embedded_postgres import PostgresNotStarted
from services.standalone.new_key import KeyRefused
from services.standalone.postgres_binaries import PostgresMissing
from services.standalone.private_process import FolderBlocked
from services.standalone.up import FolderInUse
from services.tracker.projector.rebuild import RebuildFailed, UnknownRules
from shared.postgres.database import DatabaseError
from shared.postgres.migrate import MigrationChanged
from shared.runtime.settings import BadSettings
from shared.sealing import CannotOpen

_FAILED, _WRONG = 1, 2  # exit codes


def mendable_faults(error: BaseException) -> tuple[int, list[str]]:
    """The exit code and a line for each fault; no lines when nobody but us can mend it."""
    match error:
        case BadSettings(faults=faults):
            return _WRONG, faults
        case FolderBlocked() | FolderInUse() | UnknownRules():
            return _WRONG, [str(error)]
        case CannotOpen():
            return _WRONG, [f"POSTROOM_SECRET is not the one that this database was used with: {error}"]
        case DatabaseError() | MigrationChanged() | RebuildFailed() | KeyRefused():
            return _FAILED, [str(error)]
        case PostgresMissing() | PostgresNotStarted() | OSError():
            return _FAILED, [str(error)]
        case _:
            return _FAILED, []
