"""Files of other programs beside candles: known by name or by their first bytes, never candles.

Desktops, editors and programs that sync folders leave such files anywhere. What has no chunk's name
is no chunk, whatever it holds; the words here only tell people what it is.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from marketkit.disk import TEMPORARY

ICLOUD = ".icloud"
_CONFLICT = re.compile(r"conflicted copy|sync-conflict|case conflict", re.IGNORECASE)
# What `disk.write_atomic` calls a file until it is whole.
_HALF = re.compile(rf".+\.\d+\.[0-9a-f]+{re.escape(TEMPORARY)}", re.DOTALL)
# How git-LFS and git-annex begin the text that they leave in the place of a file.
_POINTERS = (
    b"version https://git-lfs.github.com/spec/",
    b"version https://hawser.github.com/spec/",
)
_ANNEX = b"/annex/objects/"
_SHORT = 1024  # bytes; the LFS specification wants pointers shorter


def is_half(name: str) -> bool:
    """Say whether a name is that of a file which a writer of ours has not finished."""
    return _HALF.fullmatch(name) is not None


def sweep(folder: Path) -> None:
    """Remove the temporary files of writers that died. Only the holder of the series' lock may."""
    for leftover in folder.glob(f"*{TEMPORARY}"):
        if is_half(leftover.name):  # others are of other programs, perhaps at work
            with suppress(OSError):  # nothing is in the way of what stays
                leftover.unlink(missing_ok=True)


def is_stranger(name: str) -> bool:
    """Say whether a name is one of litter: of desktops, editors and syncing programs.

    >>> is_stranger("._2024-01.parquet"), is_stranger("2024-01 (conflicted copy).parquet")
    (True, True)
    >>> is_stranger("2024-01.parquet")
    False
    """
    return name.startswith((".", "_")) or is_copy(name) or name.endswith(TEMPORARY)


def is_copy(name: str) -> bool:
    """Say whether a name is that of a copy, or of a stand-in, of the file beside."""
    ends = name.endswith(("~", ICLOUD)) or Path(name).stem.endswith("~")
    return ends or _CONFLICT.search(name) is not None


def told(name: str) -> str:
    """Explain a strange name in a few words."""
    if name.endswith(ICLOUD):
        file = name.removeprefix(".").removesuffix(ICLOUD)
        return f"stands for {file}, which lies in iCloud: have it downloaded"
    if _CONFLICT.search(name):
        return "a copy that a syncing program made of a file that two machines wrote"
    if is_copy(name):
        return "an editor's copy"
    if name.endswith(TEMPORARY):
        return "another program's unfinished file"
    return "not a file of candles"


def is_pointer(path: Path) -> bool:
    """Say whether the text at a path only says where git-LFS or git-annex keeps the file."""
    try:
        with path.open("rb") as file:
            said = file.read(_SHORT) if os.fstat(file.fileno()).st_size < _SHORT else b""
    except OSError:
        return False
    return said.startswith(_POINTERS) or said.lstrip(b".").startswith(_ANNEX)
