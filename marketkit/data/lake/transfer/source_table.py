"""The candles of one file as read: handed from the readers of files to the judges of claims."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from marketkit.coverage import Span
from marketkit.errors import InputError


@dataclass(frozen=True, slots=True)
class SourceTable:
    """The candles of one file, read and not judged.

    `rows` has the columns `symbol` (String, null where the file names none), `time` (Datetime ms
    UTC), `open high low close volume value` (Float64, null where not said) and `state` (String:
    traded, empty, forming, unknown; null where the file says none), in the order of the file.
    `written` is when the file was last written (ms UTC, the machine's file time). `period` is the
    day or month that the file's name says, `market` the one in its name.
    """

    path: Path
    rows: pl.DataFrame
    written: int
    period: Span | None = None
    market: str | None = None

    def wrong(self, what: str) -> InputError:
        """Make the error that names a fault of the file."""
        return InputError(f"{self.path}: {what}")
