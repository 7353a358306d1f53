"""Candles and trades leave the lake as one file for others, complete or not there at all."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import polars as pl

from marketkit.disk import write_atomic
from marketkit.errors import InputError, NotWritable, nearest


def check_target(path: Path, *, overwrite: bool) -> Path:
    """Give the path back if rows can be written there. Raises `InputError`."""
    if path.suffix.lower() not in _WRITERS:
        raise InputError(
            f"{path}: not a kind of file that can be written{nearest(path.suffix, _WRITERS)}"
            f" (one of {' '.join(_WRITERS)})"
        )
    if path.exists() and not overwrite:
        raise InputError(f"{path} is there already: say overwrite=True, or another name")
    return path


def write_rows(path: Path, rows: pl.DataFrame) -> int:
    """Write rows to a file in one step and say how many. Raises `NotWritable`."""
    writer = _WRITERS[path.suffix.lower()]
    try:
        write_atomic(path, lambda file: writer(rows, file))
    except OSError as error:
        raise NotWritable(f"{path} cannot be written: {error}") from error
    return rows.height


def _csv(rows: pl.DataFrame, file: BinaryIO) -> None:
    # Slots start on whole seconds, trades do not.
    fraction = "%.3f" if "side" in rows.columns else ""
    rows.write_csv(file, datetime_format=f"%Y-%m-%dT%H:%M:%S{fraction}Z")


def _parquet(rows: pl.DataFrame, file: BinaryIO) -> None:
    rows.write_parquet(file)


def _arrow(rows: pl.DataFrame, file: BinaryIO) -> None:
    # Strings as every reader knows them, not as views.
    rows.write_ipc(file, compat_level=pl.CompatLevel.oldest())


_WRITERS = {".csv": _csv, ".parquet": _parquet, ".arrow": _arrow, ".feather": _arrow}
