"""The judgement of one recorded file: fit to be read, or not and why.

A version of a file is looked at once in a process; nothing is changed.
"""

from __future__ import annotations

import errno
import json
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkit.data.lake.format.chunk import Stamp
from marketkit.recording import seal
from marketkit.recording.layout import is_part
from marketkit.recording.rows import stored

UNSEALED = "has no seal that says what its bytes were"


class Looked(NamedTuple):
    """The fault of a file, empty for none; the parts inside; and whether the file is sealed."""

    fault: str
    parts: frozenset[str] = frozenset()
    sealed: bool = True


def look(path: Path, channel: str) -> Looked:
    """Judge a file of a channel.

    Raises `OSError` where that cannot be done now; a bad spot of the disk is a fault.
    """
    try:
        return _look(path, channel, Stamp.of(path.stat()))
    except OSError as error:
        if error.errno not in {errno.EIO, None}:
            raise
        return Looked(f"cannot be read: {error}")


@lru_cache(maxsize=65_536)  # versions of files: a year of hours of seven channels
def _look(path: Path, channel: str, _version: Stamp) -> Looked:
    whole = seal.check(path)
    if whole is False:
        return Looked("has other bytes than were written")
    try:
        if whole is None:
            _decode(path)
        return _understood(path, channel, sealed=whole is not None)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        return Looked(f"is no file of a recording: {' '.join(str(error).split())}")


def _understood(path: Path, channel: str, *, sealed: bool) -> Looked:
    with path.open("rb") as file:
        if pl.read_parquet_schema(file) != pl.Schema(stored(channel)):
            return Looked(f"is no file of a recording of {channel}: it has other columns")
        file.seek(0)
        said = pl.read_parquet_metadata(file).get(seal.KEY)
    if said is None and is_part(path.name):  # of a release before
        return Looked("", sealed=False)
    return Looked("", _parts(said), sealed)


def _parts(said: str | None) -> frozenset[str]:
    """Read the parts that a file was made of. Raises `ValueError`."""
    try:
        return frozenset(map(str, json.loads(said or "")["parts"]))
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"its footer does not say of what it was made ({error!r})") from error


def _decode(path: Path) -> None:
    """Decode every value of a file by the library that survives bad ones."""
    import pyarrow.parquet as pq  # noqa: PLC0415 - slow, and only for files without a seal

    with pq.ParquetFile(path) as file:
        for _ in file.iter_batches():
            pass
