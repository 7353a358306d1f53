"""Days of trades as one frame that no writer can pull the ground from."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import polars as pl

from marketkit.coverage import Span
from marketkit.data.lake.format.nonsense import UNREADABLE
from marketkit.data.lake.store.scan import allow_open, broken_of, open_file
from marketkit.data.lake.store.verified import verify_files
from marketkit.data.lake.trades.day import ON_DISK, STORED
from marketkit.errors import CorruptFile
from marketkit.schema import SIDE, TIME, empty


def scan_days(paths: Sequence[Path], window: Span) -> pl.LazyFrame:
    """Scan files of days as of now: `day.STORED`, in the order of the files.

    Raises `CorruptFile` for a file whose bytes are not those that were written.
    """
    if not paths:
        return empty(STORED).lazy()
    allow_open(2 * len(paths))
    with ExitStack() as stack:  # polars duplicates the descriptors; ours are closed here
        found = [(path, stack.enter_context(open_file(path))) for path in paths]
        verify_files(found, {})
        opened: list[IO[bytes]] = [file for _, file in found]
        frame = pl.scan_parquet(
            opened, glob=False, hive_partitioning=False, cache=False, schema=pl.Schema(ON_DISK)
        )
    start, end = (pl.lit(edge).cast(TIME) for edge in window)
    inside = frame.filter(pl.col("time").is_between(start, end, closed="left"))
    return inside.with_columns(pl.col("side").cast(SIDE))


def read_days(paths: Sequence[Path], window: Span) -> pl.DataFrame:
    """Read files of days. Raises `CorruptFile` naming the one that cannot be read."""
    try:
        return scan_days(paths, window).collect()
    except UNREADABLE as error:
        raise CorruptFile(f"{broken_of(list(paths))} cannot be read: {error}") from error
