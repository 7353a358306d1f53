"""The files of a recording: parts while an hour lasts, one file afterwards.

A file has its name only when it is whole and down. The file of an hour says in its footer which
parts it was made of: a part that is still there after a kill is known to be in it already.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import IO, BinaryIO

import polars as pl

from marketkit.disk import TEMPORARY, make_folder, write_atomic
from marketkit.errors import CorruptFile
from marketkit.recording import layout
from marketkit.recording.layout import Hour
from marketkit.recording.rows import distinct, stored

_KEY = "marketkit"
_TRIES = 20  # looks at a folder in which files are made one; an hour is made one once


def write_part(root: Path, hour: Hour, number: int, frame: pl.DataFrame) -> None:
    """Add rows to an hour. Raises `OSError` where the disk refuses; then nothing is added.

    The rows are down, and visible to readers, when the call returns.
    """
    folder = root / hour.folder
    make_folder(folder)

    _place(folder / hour.part(number), lambda file: frame.write_parquet(file, compression="zstd"))


def compact(root: Path, hour: Hour) -> None:
    """Make the parts of an hour one file; a trade that came twice is there once.

    Kill it at any moment: readers find every row once, and the next call goes on.
    """
    sweep(root, hour)
    folder = root / hour.folder
    parts = [name for name in _names(root, hour) if layout.is_part(name)]
    if not parts:
        return
    known = [hour.file] if (folder / hour.file).exists() else []
    with ExitStack() as stack:
        files: list[IO[bytes]] = [
            stack.enter_context((folder / name).open("rb")) for name in (*known, *parts)
        ]
        rows = distinct(hour.channel, pl.scan_parquet(files, schema=stored(hour.channel)))
        said = {_KEY: json.dumps({"parts": parts})}
        _place(
            folder / hour.file,
            lambda file: rows.sink_parquet(file, compression="zstd", metadata=said),
        )
    for name in parts:
        (folder / name).unlink()


def sweep(root: Path, hour: Hour) -> None:
    """Remove the rest of a killed recorder: half files, and parts that are in an hour's file."""
    folder = root / hour.folder
    if not folder.is_dir():
        return
    for leftover in folder.glob(f"*{TEMPORARY}"):
        leftover.unlink(missing_ok=True)
    if (folder / hour.file).exists():
        with (folder / hour.file).open("rb") as file:
            merged = _merged(file)
        for name in merged:
            (folder / name).unlink(missing_ok=True)


def channels(root: Path) -> list[str]:
    """List the channels there are."""
    if not root.is_dir():
        return []
    found = (layout.channel_of(each.name) for each in root.iterdir() if each.is_dir())
    return sorted(each for each in found if each is not None)


def hours(root: Path, channel: str) -> list[Hour]:
    """List the hours of a channel, ascending."""
    top = root / layout.channel_folder(channel)
    days = top.iterdir() if top.is_dir() else ()
    found: set[Hour] = set()
    for folder in days:
        day = layout.day_of(folder.name)
        if day is not None:
            names = (each.name for each in folder.iterdir())
            found |= {hour for name in names if (hour := layout.hour_of_file(channel, day, name))}
    return sorted(found)


def scan(root: Path, wanted: Iterable[Hour], stack: ExitStack) -> pl.LazyFrame | None:
    """Scan the rows of hours of one channel, in order; None where there are no files.

    The files are open for as long as `stack` is, so that nothing takes them away meanwhile.
    """
    several = list(wanted)
    files: list[IO[bytes]] = [file for hour in several for file in _open(root, hour, stack)]
    if not files:
        return None
    channel = several[0].channel
    return distinct(channel, pl.scan_parquet(files, schema=stored(channel)))


def last_received(root: Path, hour: Hour) -> int:
    """Give when the last message of an hour came, ms UTC; 0 if there is none."""
    with ExitStack() as stack:
        rows = scan(root, [hour], stack)
        latest = None if rows is None else rows.select(pl.col("received").max()).collect().item()
    return 0 if latest is None else int(latest.timestamp() * 1000)


def _open(root: Path, hour: Hour, stack: ExitStack) -> list[IO[bytes]]:
    """Open the files of an hour so that together the files have each row once."""
    for _ in range(_TRIES):
        with ExitStack() as attempt:
            try:
                found = _open_once(root, hour, attempt)
            except FileNotFoundError:  # parts became one file between the look and the opening
                continue
            stack.enter_context(attempt.pop_all())
            return found
    raise CorruptFile(f"{root / hour.folder} changes faster than it can be read")


def _open_once(root: Path, hour: Hour, stack: ExitStack) -> list[IO[bytes]]:
    names = _names(root, hour)
    files = {
        name: stack.enter_context((root / hour.folder / name).open("rb")) for name in sorted(names)
    }
    merged = _merged(files[hour.file]) if hour.file in files else frozenset()
    # "05.parquet" sorts behind "05.1763….part.parquet", but holds what came first.
    in_order = sorted(files, key=lambda name: (name != hour.file, name))
    return [files[name] for name in in_order if name not in merged]


def _names(root: Path, hour: Hour) -> Sequence[str]:
    folder = root / hour.folder
    if not folder.is_dir():
        return []
    day = layout.day_of(folder.name)
    if day is None:
        return []
    names = (each.name for each in folder.iterdir())
    return sorted(name for name in names if layout.hour_of_file(hour.channel, day, name) == hour)


def _merged(file: IO[bytes]) -> frozenset[str]:
    """Give the parts that a file of an hour was made of."""
    try:
        said = pl.read_parquet_metadata(file)[_KEY]
        parts = frozenset(map(str, json.loads(said)["parts"]))
    except (pl.exceptions.PolarsError, KeyError, TypeError, ValueError) as error:
        raise CorruptFile(f"{file.name} is no file of a recording: {error!r}") from error
    file.seek(0)
    return parts


def _place(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Put a file that `fill` writes at `path`; polars' own errors of a disk are the system's."""
    try:
        write_atomic(path, fill)
    except pl.exceptions.PolarsError as error:
        raise OSError(f"{path} cannot be written: {error}") from error
