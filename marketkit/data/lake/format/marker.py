"""`lake.json`: the mark that makes a folder a lake and names the format."""

from __future__ import annotations

import json
import os
from pathlib import Path

from marketkit.data.lake.format import waiting
from marketkit.data.lake.format.nonsense import NONSENSE
from marketkit.data.lake.format.refusal import unreadable
from marketkit.disk import make_folder, write_atomic
from marketkit.errors import CorruptFile, NewerFormat, NotWritable
from marketkit.net import fork
from marketkit.settings import library_version

FORMAT = 1  # of a lake whose candles all lie in chunks
JOURNALLED = 2  # of one with pages in journals, which earlier releases would not see

FROZEN = "manifest.json"  # what a frozen set has in place of the mark

MIRROR = "mirror.txt"  # of a folder that mirrors a bucket: the URL

NAME = "lake.json"  # of the mark


def check(root: Path) -> bool:
    """Say whether there is a lake at `root`.

    Raises `NewerFormat` if a later marketkit made it, `CorruptFile` if the mark cannot be read, and
    `EngineClosed` in a child made by `fork` where reading would hang.
    """
    fork.check()
    path = root / NAME
    try:
        mark = json.loads(path.read_bytes())
        newer = mark["format"] > JOURNALLED
    except (FileNotFoundError, NotADirectoryError):
        return False
    except PermissionError as error:
        raise unreadable(path, error) from error
    except (OSError, *NONSENSE) as error:
        raise CorruptFile(f"{path} does not say what format the lake has: {error!r}") from error
    if newer:
        raise NewerFormat(
            f"{root} has format {mark['format']}; this marketkit reads up to {JOURNALLED}:"
            " update it"
        )
    return True


def prepare(root: Path) -> None:
    """Make sure that there is a lake at `root` that takes writes.

    A new one takes in the market lists that wait for it. Raises as `check`, and `NotWritable`.
    """
    try:
        if (root / FROZEN).exists():
            raise PermissionError(f"{root} is a frozen set")
        if (root / MIRROR).exists():
            raise NotWritable(candles_alone((root / MIRROR).read_text().strip()))
        if not check(root):
            _make(root)
        if not os.access(root, os.W_OK):
            raise PermissionError(f"{root} may only be read")
    except OSError as error:
        raise NotWritable(f"the lake {root} cannot be written: {error}") from error


def candles_alone(url: str) -> str:
    """Say that a lake in a bucket takes no trades, and where they go."""
    return (
        f"{url} is a bucket, which takes candles alone;\n"
        "keep trades in a lake on a disk, as lake='~/candles'"
    )


def begin_journals(root: Path) -> None:
    """Make a lake one of the format with journals, for older releases to refuse from then on.

    Before the first record is written, and durable when the call returns.
    """
    path = root / NAME
    if json.loads(path.read_bytes())["format"] < JOURNALLED:
        _write(path, JOURNALLED)


def _make(root: Path) -> None:
    make_folder(root)
    _write(root / NAME, FORMAT)
    waiting.move_in(root)


def _write(path: Path, number: int) -> None:
    mark = json.dumps({"format": number, "library": library_version()}) + "\n"
    write_atomic(path, lambda file: file.write(mark.encode()))
