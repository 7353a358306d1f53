"""Files of candles as people have them, written by tests."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from marketkit.timeframe import MINUTE, iso, parse_time

HEADER = "time,open,high,low,close,volume,value"
YEARS_LATER = parse_time("2026-01-01")  # when a file was written whose times are long over


def minutes(start: str, count: int, width: int = MINUTE) -> list[int]:
    """Give slots from a time on, in ms."""
    return [parse_time(start) + each * width for each in range(count)]


def row(time: int, close: float = 100.0, volume: float = 1.5, value: float | None = 7.25) -> str:
    """Write a candle that stands still."""
    return f"{iso(time)},{close},{close},{close},{close},{volume},{'' if value is None else value}"


def write(
    path: Path, lines: Iterable[str], *, header: str = HEADER, written: int = YEARS_LATER
) -> Path:
    """Write lines as a CSV, last written at a moment in ms."""
    path.write_text("\n".join([header, *lines]) + "\n")
    os.utime(path, (written / 1000, written / 1000))
    return path


def candles(path: Path, prices: Mapping[int, float], **options: int) -> Path:
    """Write candles with these closes by time."""
    return write(path, [row(time, close) for time, close in prices.items()], **options)
