"""The judgement of one recorded file: fit to be read, or not and why.

A version of a file is looked at once in a process; nothing is changed.
"""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, NamedTuple

import polars as pl

from marketkit.data.lake.format.chunk import Stamp
from marketkit.recording import seal
from marketkit.recording.layout import Hour, is_part
from marketkit.recording.rows import stored

UNSEALED = "has no seal that says what its bytes were, or is made of files without"

_MOST = 65_536  # files remembered, a year of hours of seven channels: some 30 MB
_RECEIVED = "received"
_PIECE = 50_000  # rows: some ten megabytes


class Looked(NamedTuple):
    """The fault of a file, empty for none, and whether the file is sealed."""

    fault: str
    sealed: bool = True


_known: dict[str, tuple[Stamp, Looked]] = {}  # by path


def look(path: Path, hour: Hour) -> Looked:
    """Judge a file of an hour.

    Raises `OSError` where that cannot be done now; a bad spot of the disk is a fault.
    """
    try:
        version, known = Stamp.of(path.stat()), _known.get(os.fspath(path))
        if known is None or known[0] != version:
            if len(_known) >= _MOST:
                _known.clear()
            known = _known[os.fspath(path)] = version, _look(path, hour)
        return known[1]
    except OSError as error:
        if error.errno not in {errno.EIO, None}:
            raise
        return Looked(f"cannot be read: {error}")


def forget(path: Path) -> None:
    """Forget a file that is no more: of parts an hour of one channel has seven hundred."""
    _known.pop(os.fspath(path), None)


def parts(file: IO[bytes]) -> frozenset[str]:
    """Read the names of the parts inside a sound file of an hour."""
    found, _ = _told(pl.read_parquet_metadata(file).get(seal.KEY))
    file.seek(0)
    return found


def _look(path: Path, hour: Hour) -> Looked:
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
    _, proven = _told(said)
    return Looked("", sealed and proven)


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
