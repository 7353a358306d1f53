"""The seal of a recorded file, in the footer: the SHA-256 of the place and all other bytes.

A file is hashed with zeros where the seal stands, then the seal is put there. It is compared before
any Parquet library sees the bytes, for such a library may end the process over bad ones. The place,
`channel=trade/date=2026-11-20/05.parquet`, is hashed first: a file in the place of another is none.
Files of releases before have no seal.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

KEY = "marketkit"  # of the footer
PROVEN = "proven"  # false where a part had no seal: whether that was whole nobody knows any more

_BLANK = "0" * 64
_MARK = b'"sha256": "'
_MAGIC = b"PAR1"
_BLOCK = 1 << 20  # bytes hashed at a time


def blank(parts: Sequence[str] = (), *, proven: bool = True) -> dict[str, str]:
    """Give the footer's words, with the parts that a file is made of, and room for the seal."""
    doubt = {} if proven else {PROVEN: False}
    return {KEY: json.dumps({"parts": list(parts), **doubt, "sha256": _BLANK})}


def put(path: str | Path, place: Path) -> None:
    """Seal a file that was written with `blank` and is to lie at `place`."""
    with open(path, "r+b") as file:  # noqa: PTH123 (a name that comes once, as in `disk`)
        at = _find(file)
        if at is None:
            raise OSError(f"{path} has no room for its seal")
        digest = _hash(file, at, place)
        file.seek(at)
        file.write(digest.encode("ascii"))


def check(path: Path) -> bool | None:
    """Compare a file with the seal inside; None for a file without. Raises `OSError`."""
    with path.open("rb") as file:
        at = _find(file)
        if at is None:
            return None
        file.seek(at)
        return file.read(len(_BLANK)) == _hash(file, at, path).encode("ascii")


def _find(file: BinaryIO) -> int | None:
    """Find the first byte of the seal, from the end of the footer."""
    size = file.seek(0, 2)
    file.seek(max(0, size - 8))
    end = file.read()
    start = size - 8 - int.from_bytes(end[:4], "little")
    if end[4:] != _MAGIC or start < 0:
        return None
    file.seek(start)
    footer = file.read()
    at = footer.rfind(_MARK)
    return None if at < 0 else start + at + len(_MARK)


def _hash(file: BinaryIO, at: int, place: Path) -> str:
    """Hash the place and all bytes, with zeros where the seal stands."""
    digest, left = hashlib.sha256("/".join(place.parts[-3:]).encode()), at
    file.seek(0)
    while left and (block := file.read(min(left, _BLOCK))):
        digest.update(block)
        left -= len(block)
    digest.update(_BLANK.encode("ascii"))
    file.seek(at + len(_BLANK))
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.hexdigest()
