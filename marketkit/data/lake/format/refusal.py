"""Messages about files and folders of a lake with refused bytes."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from marketkit.errors import CorruptFile

REPAIR = "`marketkit lake repair` sets such bytes aside, and a backfill asks for their slots again"
RIGHTS = "`marketkit lake repair` helps: it names all of them and whose they are"

GONE = "`marketkit lake audit` lists all that is wrong, `marketkit lake repair` mends it"


def unreadable(path: Path | str, error: OSError) -> CorruptFile:
    """Give the error for an unreadable path, with the owner where rights are the reason."""
    if isinstance(error, PermissionError):
        return CorruptFile(f"{not_allowed(Path(path))};\n{RIGHTS}")
    hint = GONE if isinstance(error, FileNotFoundError) else REPAIR
    return CorruptFile(f"{path} cannot be read: {error.strerror or error};\n{hint}")


def not_allowed(path: Path) -> str:
    """Name the closed file or folder on the way to a path, with owner and mode."""
    at = blocked(path)
    owner = ""
    with suppress(OSError):
        status = at.stat()
        mode = f"mode {status.st_mode & 0o777:03o}"
        owner = f": it belongs to user {_name(at, status.st_uid)}, {mode}"
    return f"{at} may not be read by this user{owner}"


def blocked(path: Path) -> Path:
    """Give the first folder on the way to a path that this user may not look into, or the path."""
    for each in reversed(path.parents):
        try:
            if stat.S_ISDIR(each.stat().st_mode) and not os.access(each, os.X_OK):
                return each
        except OSError:
            return path
    return path


def _name(path: Path, number: int) -> str:
    try:
        return path.owner()
    except (KeyError, OSError, NotImplementedError):  # nobody is called so here
        return str(number)
