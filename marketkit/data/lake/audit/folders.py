"""The folders of a lake under the magnifying glass: refusals of the system, and strange names.

Names that other programs leave (`.DS_Store`, `2024-01 (conflicted copy).parquet`) and texts that
stand for files are listed and left: no reader takes them for candles, and nobody loses by them.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path

from filelock import FileLock, Timeout

from marketkit.data.lake.audit.findings import Finding
from marketkit.data.lake.format.layout import SUFFIX, Series
from marketkit.data.lake.format.refusal import not_allowed
from marketkit.data.lake.format.strangers import is_copy, is_half, is_pointer, is_stranger, told
from marketkit.data.lake.store.left_out import brief
from marketkit.data.lake.trades.layout import TradeSeries
from marketkit.errors import LakeError

_REMEDY = "its owner mends that (chmod -R a+rX)"


def children(root: Path, below: str, found: list[Finding]) -> list[Path]:
    """List a folder, which is none where nothing lies; one that may not be read is found."""
    try:
        return sorted((root / below).iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        found.append(unreadable(root, below, error))
        return []


def is_folder(path: Path) -> bool:
    """Say whether a folder lies at a path. Raises `PermissionError` where nobody may look."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except PermissionError:
        raise
    except OSError:
        return False


def unreadable(
    root: Path, below: str, error: OSError, series: Series | TradeSeries | None = None
) -> Finding:
    """Make the finding for a file or folder of refused bytes."""
    said = f"cannot be read: {error.strerror or error}"
    if isinstance(error, PermissionError):
        said = f"{not_allowed(root / below)}; {_REMEDY}"
    return Finding(below or ".", "unreadable", said, "left", series)


def guarded(root: Path, below: str, findings: Iterable[Finding]) -> Iterator[Finding]:
    """Give findings; where the system ends that, a last one says why."""
    try:
        yield from findings
    except OSError as error:
        yield unreadable(root, below, error)
    except LakeError as error:
        yield Finding(below, "unreadable", brief(error)[0], "left")


def stand_in(path: Path) -> str | None:
    """Tell a stand-in with the name of a chunk from a chunk; None for the latter."""
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        return "a link that leads nowhere" if path.is_symlink() else None
    except OSError:
        return None
    if kind not in (stat.S_IFREG, stat.S_IFDIR):
        return "no file"
    if kind == stat.S_IFREG and is_pointer(path):
        return "stands for a file that git keeps elsewhere: `git lfs pull` brings that"
    return None


def strangers(root: Path) -> Iterator[Finding]:
    """Find copies of the lake's own files, odd market lists, and odd names in frozen sets."""
    found: list[Finding] = []
    copies = [path.name for path in children(root, "", found) if is_copy(path.name)]
    found += map(_stray, copies)
    for folder in children(root, "markets", found):
        for path in children(root, f"markets/{folder.name}", found):
            below = path.relative_to(root).as_posix()
            if not (_is_list(path.name) or is_half(path.name)):
                found.append(_stray(below))
            elif (what := stand_in(path)) is not None:
                found.append(Finding(below, "stray", what, "left"))
            elif not os.access(path, os.R_OK) and path.exists():
                found.append(unreadable(root, below, PermissionError()))
    yield from found
    for at, _, names in os.walk(root / "snapshots"):
        below = Path(at).relative_to(root).as_posix()
        if "/_delta_log" not in below and "/." not in below:
            yield from (_stray(f"{below}/{name}") for name in sorted(names) if is_stranger(name))


def _stray(below: str) -> Finding:
    return Finding(below, "stray", told(below.rpartition("/")[2]), "left")


def _is_list(name: str) -> bool:
    with suppress(ValueError):
        return name.endswith(SUFFIX) and bool(date.fromisoformat(name.removesuffix(SUFFIX)))
    return False


def held(path: Path) -> bool:
    """Say whether somebody holds the lock of a file now."""
    try:
        if not path.exists():
            return False
        with FileLock(path, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # the lake may only be read: by this process, perhaps not by others
        return True
