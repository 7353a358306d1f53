"""The cost of closing gaps with the archive's help, beside that of REST alone. Pure."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from marketkit.coverage import Spans
from marketkit.data.fetch.archive.crosscheck import months_of
from marketkit.data.fetch.archive.lookup import Looked
from marketkit.net.archive.lanes import USUAL
from marketkit.schema import Schema
from marketkit.timeframe import Timeframe

WAYS: Schema = {
    "files": pl.Int64(),
    "zip_mb": pl.Float64(),
    "left_slots": pl.Int64(),
    "left_requests": pl.Int64(),
    "rest_mb": pl.Float64(),
    "archive_seconds": pl.Float64(),
}
CONFIRMING = 3  # requests of a walk that finds nothing: two answers, and a page of months
PAGE_BYTES = 11_000  # of a packed answer of 200 minutes: 9,200 to 11,700 were measured
_ROUND_TRIP = 0.17  # seconds of a request, measured from the west of the USA; 0.015 within Korea
_SPEED = 5e6  # bytes a second, 40 Mbit/s: a usual line at home; an ingest reads five times as fast


@dataclass(frozen=True, slots=True)
class ArchiveCost:
    """The gaps of one symbol closed by `files` of `size` bytes, and by REST where there are none.

    `left_slots` are for REST, in `left_requests`; `pages` more are asked for to compare.
    """

    files: int
    size: int
    left_slots: int
    left_requests: int
    pages: int

    def seconds(self, pace: float) -> float:
        """Give the time needed at so many requests of REST a second."""
        files = self.files * 2 * _ROUND_TRIP / USUAL + self.size / _SPEED
        return files + (self.left_requests + self.pages) / pace

    def row(self, requests: int, pace: float) -> tuple[object, ...]:
        """Give the columns `WAYS`, beside REST alone with so many requests."""
        left = (self.files, round(self.size / 1e6, 3), self.left_slots, self.left_requests)
        return (*left, round(requests * PAGE_BYTES / 1e6, 3), round(self.seconds(pace), 1))


NO_FILES = ArchiveCost(0, 0, 0, 0, 0)


def pages_of(timeframe: Timeframe, looked: Looked) -> int:
    """Count the pages of REST that are compared with the files: one of each month."""
    spans = Spans(each.file.span for each in looked.files)
    return sum(1 for _ in months_of(timeframe, spans))
