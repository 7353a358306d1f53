"""The versions of chunks that were read once, by any process of this user.

A table in a file: each version has one place, and the last one noted there is remembered. So it is
never larger, needs no lock, and forgets what was not read again for long; that is read
once more before there is an image.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from io import FileIO
from pathlib import Path

from marketkit.data.lake.tier.image import Version

NAME = "seen"

_PLACES = 1 << 16  # of eight bytes: half a megabyte, and 27 years of 200 markets' months
_SIZE = 8


def again(folder: Path, versions: Iterable[Version]) -> list[bool]:
    """Say which versions were noted before below a folder, and note all. Raises `OSError`."""
    path = folder / NAME
    if not path.exists():  # deleted, as caches may be at any time
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch()
    with path.open("r+b", buffering=0) as file:
        return [_note(file, version) for version in versions]


def _note(file: FileIO, version: Version) -> bool:
    mark = blake2b(repr(tuple(version)).encode(), digest_size=_SIZE).digest()
    place = int.from_bytes(mark, "little") % _PLACES * _SIZE
    file.seek(place)
    if file.read(_SIZE) == mark:
        return True
    file.seek(place)
    file.write(mark)
    return False
