"""The judgement of one recorded file: fit to be read, or not and why.

A version of a file is looked at once in a process; nothing is changed.
"""

from __future__ import annotations

import errno
import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from marketkit.data.lake.format.chunk import Stamp
from marketkit.recording import seal
from marketkit.recording.layout import Hour, is_part
from marketkit.recording.rows import stored

UNSEALED = "has no seal that says what its bytes were, or is made of files without"

_RECEIVED = "received"
_PIECE = 50_000  # rows: some ten megabytes


class Looked(NamedTuple):
    """The fault of a file, empty for none; the parts inside; and whether the file is sealed."""

    fault: str
    parts: frozenset[str] = frozenset()
    sealed: bool = True


def look(path: Path, hour: Hour) -> Looked:
    """Judge a file of an hour.

    Raises `OSError` where that cannot be done now; a bad spot of the disk is a fault.
    """
    try:
        return _look(path, hour, Stamp.of(path.stat()))
    except OSError as error:
        if error.errno not in {errno.EIO, None}:
            raise
        return Looked(f"cannot be read: {error}")


@lru_cache(maxsize=65_536)  # versions of files: a year of hours of seven channels
def _look(path: Path, hour: Hour, _version: Stamp) -> Looked:
    whole = seal.check(path)
    if whole is False:
        return Looked("has other bytes than were written")
    try:
        if whole is None:
            _decode(path, hour)
            _decode_as_readers(path)
        return _understood(path, hour.channel, sealed=whole is not None)
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
    parts, proven = _told(said)
    return Looked("", parts, sealed and proven)


def _told(said: str | None) -> tuple[frozenset[str], bool]:
    """Read the parts that a file was made of, and whether each had a seal. Raises `ValueError`."""
    try:
        told = json.loads(said or "")
        return frozenset(map(str, told["parts"])), told.get(seal.PROVEN, True) is True
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"its footer does not say of what it was made ({error!r})") from error


def _decode(path: Path, hour: Hour) -> None:
    """Decode every value of a file without a seal, first by the library that survives bad ones.

    Raises `ValueError` for one that cannot be decoded, or that has messages of another hour.
    """
    import pyarrow as pa  # noqa: PLC0415 - slow, and only for files without a seal
    import pyarrow.compute as pc  # noqa: PLC0415 - as above
    import pyarrow.parquet as pq  # noqa: PLC0415 - as above

    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches():
                batch.validate(full=True)
                if _RECEIVED in batch.schema.names:
                    _refuse_other(hour, pc.min_max(batch.column(_RECEIVED).cast(pa.int64())))
    except (pa.ArrowException, MemoryError) as error:
        raise ValueError(str(error)) from error


def _decode_as_readers(path: Path) -> None:
    """Decode a file by the library that reads and compacts, which refuses more. Raises its errors.

    A piece at a time, as an hour of books can be large.
    """
    with path.open("rb") as file:
        for _ in pl.scan_parquet(file).collect_batches(chunk_size=_PIECE):
            pass


def _refuse_other(hour: Hour, times: Mapping[str, Any]) -> None:
    """Raise `ValueError` unless the first and the last time lie in an hour."""
    first, last = (times[name].as_py() for name in ("min", "max"))
    if first is not None and not hour.span.start <= first <= last < hour.span.end:
        raise ValueError("it has messages of another hour")
