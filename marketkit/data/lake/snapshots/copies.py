"""Copies of chunks with their content in their names, made by the store: nobody replaces them.

A copy of `candles/source=upbit/timeframe=1min/series=KRW-BTC/2024-01.parquet` lies below `tables/`,
in folders of the same names, as `2024-01.0a1b2c3d4e5f.parquet`: the hash of the bytes begins so.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Container
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from marketkit.data.lake.format.chunk import Entry, Stamp, footer_of
from marketkit.data.lake.format.layout import SUFFIX, Series
from marketkit.data.lake.format.objects import Conflict, Objects, Version
from marketkit.data.lake.format.verify import verify
from marketkit.data.lake.snapshots.manifest import FrozenFile
from marketkit.errors import CorruptFile, LakeError

TABLES = "tables"  # the folder of what frozen sets in a bucket consist of
_HASH = 12  # letters of a hash in a name: two versions of one chunk never share them
_LOOKS = 20  # at a chunk that others replace while it is copied


class Chunk(NamedTuple):
    """A chunk of the lake as it is found: the entry, and the version of the object."""

    series: Series
    entry: Entry
    version: Version

    @property
    def path(self) -> str:
        """Where the chunk lies, below the lake."""
        return self.series.path(self.entry.chunk)


def object_of(kept: FrozenFile, era: int = 0) -> str:
    """Name the copy of a file; copies of a later era than the first say which."""
    mark = f"{kept.entry.sha256}"[:_HASH] + (f"-{era}" if era else "")
    return f"{TABLES}/{kept.path.removesuffix(SUFFIX)}.{mark}{SUFFIX}"


def hashed(objects: Objects, chunk: Chunk) -> Chunk | LakeError | None:
    """Learn the hash of a chunk, perhaps of a newer version; None for one that is gone.

    Bytes whose hash nobody knows are read, and compared with their proof.
    """
    if chunk.entry.sha256 is not None:
        return chunk
    try:
        return _newest(objects, chunk)
    except FileNotFoundError:
        return None
    except LakeError as error:
        return error


def copy(
    objects: Objects, chunk: Chunk, name: Callable[[FrozenFile], str], there: Container[str]
) -> FrozenFile | None:
    """Copy a chunk, or a newer version of one that was replaced meanwhile, and give what was kept.

    None for one that is gone. A copy has the `name` of its content, and is not made where that is
    `there`. Raises `CorruptFile`.
    """
    for _ in range(_LOOKS):
        kept = FrozenFile(chunk.series, chunk.entry)
        target = name(kept)
        try:
            if target not in there:
                objects.copy(chunk.path, chunk.version, target)
        except Conflict:
            try:
                chunk = _newest(objects, chunk)
            except FileNotFoundError:
                return None
        except FileNotFoundError:
            return None
        else:
            return kept
    raise LakeError(f"{chunk.path} changes faster than it can be copied")


def _newest(objects: Objects, chunk: Chunk) -> Chunk:
    """Read a chunk as it is now."""
    content, version = objects.read(chunk.path)
    try:
        verify(content)
        footer = footer_of(BytesIO(content), Path(chunk.path), chunk.series)
    except (ValueError, CorruptFile) as error:
        raise CorruptFile(f"{chunk.path} cannot be kept: {error}") from error
    digest = hashlib.sha256(content).hexdigest()
    stamp = Stamp(version.size, 0, 0) if version != chunk.version else chunk.entry.stamp
    entry = replace(chunk.entry, stamp=stamp, footer=footer, sha256=digest)
    return chunk._replace(entry=entry, version=version)
