"""The files of a recording: parts while an hour lasts, one file afterwards.

A file has its name only when it is whole and down. The file of an hour says in its footer which
parts it was made of: a part that is still there after a kill is known to be in it already. No name
in a footer is ever one to remove unless it is that of a part of this hour, and nothing is written
or removed where a link leads out of the recording.

A damaged file stops itself only: readers pass it over and name it, who writes sets it aside.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any, BinaryIO, NamedTuple

import polars as pl

from marketkit.coverage import Span
from marketkit.disk import make_folder, sync_folder, write_atomic
from marketkit.disk.system import remove, rename
from marketkit.errors import CorruptFile, warn
from marketkit.recording import damage, layout, seal
from marketkit.recording.damage import Looked
from marketkit.recording.layout import Hour
from marketkit.recording.rows import distinct, stored

CORRUPT = "corrupt"  # the folder of files set aside, below the root
_FULL = (errno.EMFILE, errno.ENFILE)  # nothing is wrong with a file that has no descriptor now
# Each thread of polars keeps for good what it needed to pack the largest page so far: 1.3 MB of
# pages of a megabyte, 0.3 of these. All of that makes files of books 1.6 % larger.
_PACKED: dict[str, Any] = {
    "compression": "zstd",
    "compression_level": 1,
    "data_page_size": 64 << 10,
}
_TRIES = 20  # looks at a folder in which files are made one; an hour is made one once


class Damaged(NamedTuple):
    """A file that cannot be read: hour, name, reason, and the times that may lack messages."""

    hour: Hour
    name: str
    fault: str
    span: Span

    @property
    def path(self) -> str:
        """The path below the root."""
        return f"{self.hour.folder}/{self.name}"


def write_part(root: Path, hour: Hour, number: int, frame: pl.DataFrame) -> None:
    """Add rows to an hour. Raises `OSError` where the disk refuses; then nothing is added.

    The rows are down, and visible to readers, when the call returns.
    """
    folder = root / hour.folder
    _refuse_outside(root, folder)
    make_folder(folder)
    said = seal.blank()
    _place(
        folder / hour.part(number),
        lambda file: frame.write_parquet(file, **_PACKED, metadata=said),
    )


def compact(root: Path, hour: Hour) -> list[Damaged]:
    """Make the parts of an hour one file; a trade that came twice is there once.

    Damaged files are set aside before, and given. Kill it at any moment: readers find every row
    once, and the next call goes on.
    """
    broken = damaged(root, hour)
    for each in broken:
        set_aside(root, each)
    sweep(root, hour)
    folder = root / hour.folder
    parts = [name for name in names(root, hour) if layout.is_part(name)]
    if not parts:
        return broken
    known = [hour.file] if (folder / hour.file).exists() else []
    proven = all(_look(root, hour, name).sealed for name in (*known, *parts))
    with ExitStack() as stack:
        files: list[IO[bytes]] = [
            stack.enter_context((folder / name).open("rb")) for name in (*known, *parts)
        ]
        rows = distinct(hour.channel, pl.scan_parquet(files, schema=stored(hour.channel)))
        said = seal.blank(parts, proven=proven)
        _place(
            folder / hour.file,
            lambda file: rows.sink_parquet(file, **_PACKED, metadata=said),
        )
    for name in parts:
        _remove(folder / name)
    return broken


def sweep(root: Path, hour: Hour) -> None:
    """Remove the rest of a killed recorder: half files, and parts that are in an hour's file."""
    folder = root / hour.folder
    if not folder.is_dir():
        return
    _refuse_outside(root, folder)
    for leftover in halves(root, hour):
        remove(folder / leftover)
    whole = folder / hour.file
    if whole.is_file() and not damage.look(whole, hour).fault:
        with whole.open("rb") as file:
            merged = _merged(hour, file)
        for name in merged:
            _remove(folder / name)


def damaged(root: Path, hour: Hour) -> list[Damaged]:
    """List the damaged files of an hour, judged by the bytes. Raises `OSError`."""
    looked = {name: _look(root, hour, name) for name in names(root, hour)}
    whole = [name for name, each in looked.items() if not each.fault]
    return [
        Damaged(hour, name, each.fault, _span(root, hour, name, whole))
        for name, each in looked.items()
        if each.fault
    ]


def _span(root: Path, hour: Hour, name: str, whole: Iterable[str]) -> Span:
    """Give the times between the whole files before and after a damaged one."""
    start, end = hour.span
    for each in whole:
        with (root / hour.folder / each).open("rb") as file:
            times = pl.read_parquet(file, columns=["received"]).select(
                first=pl.col("received").min().dt.epoch("ms"),
                last=pl.col("received").max().dt.epoch("ms"),
            )
        if not times["last"].null_count():
            first, last = times.row(0)
            # The file of the hour holds what came before all parts.
            if (each != hour.file, each) < (name != hour.file, name):
                start = max(start, last)
            else:
                end = min(end, first)
    return Span(start, max(start, end))


def set_aside(root: Path, broken: Damaged) -> Path:
    """Move a damaged file to a folder of its own below `corrupt/`; no byte is lost."""
    path, number = root / broken.path, 0
    _refuse_outside(root, path.parent)
    while (target := root / CORRUPT / str(number) / broken.path).exists():
        number += 1
    _refuse_outside(root, target.parent)
    make_folder(target.parent)
    rename(path, target)
    sync_folder(target.parent)
    sync_folder(path.parent)
    return target


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
        if day is not None and folder.is_dir():
            listed = (each.name for each in folder.iterdir())
            found |= {hour for name in listed if (hour := layout.hour_of_file(channel, day, name))}
    return sorted(found)


def names(root: Path, hour: Hour) -> list[str]:
    """List the regular files of an hour."""
    folder = root / hour.folder
    day = layout.day_of(folder.name)
    if day is None or not folder.is_dir():
        return []
    names = (each.name for each in folder.iterdir() if each.is_file())
    return sorted(name for name in names if layout.hour_of_file(hour.channel, day, name) == hour)


def halves(root: Path, hour: Hour) -> list[str]:
    """List the half files of an hour left by a killed writer."""
    folder = root / hour.folder
    if not folder.is_dir():
        return []
    found = (each.name for each in folder.iterdir() if layout.is_half(each.name))
    return sorted(name for name in found if name.startswith(hour.file[:3]))


def scan(
    root: Path, wanted: Iterable[Hour], stack: ExitStack, *, whole: bool = False
) -> pl.LazyFrame | None:
    """Scan the rows of hours of one channel, in order; None where there are no files.

    The files are open for as long as `stack` is, so that nothing takes them away meanwhile. A
    damaged one is passed over, and a warning names it; `whole` has it raise `CorruptFile`.
    """
    several, broken = list(wanted), list[Damaged]()
    files: list[IO[bytes]] = [file for hour in several for file in _open(root, hour, stack, broken)]
    mend = f"`marketkit lake repair {root}` sets it aside and notes what may be missing"
    for each in broken:
        if whole:
            raise CorruptFile(f"{root / each.path} {each.fault};\n{mend}")
        warn(f"{root / each.path} is left out, it {each.fault};\n{mend}")
    if not files:
        return None
    channel = several[0].channel
    return distinct(channel, pl.scan_parquet(files, schema=stored(channel)))


def looked(root: Path, hour: Hour, name: str) -> Looked | Damaged:
    """Look at a file for a reader: one that cannot be opened is named like one that is damaged.

    Raises `FileNotFoundError`.
    """
    try:
        seen = _look(root, hour, name)
    except FileNotFoundError:
        raise
    except OSError as error:
        if error.errno in _FULL:
            raise
        return Damaged(hour, name, f"cannot be read: {error}", hour.span)
    return Damaged(hour, name, seen.fault, hour.span) if seen.fault else seen


def _open(root: Path, hour: Hour, stack: ExitStack, broken: list[Damaged]) -> list[IO[bytes]]:
    """Open the files of an hour so that together the files have each row once."""
    for _ in range(_TRIES):
        with ExitStack() as attempt:
            met: list[Damaged] = []
            try:
                found = _open_once(root, hour, attempt, met)
            except FileNotFoundError:  # parts became one file between the look and the opening
                continue
            stack.enter_context(attempt.pop_all())
            broken += met
            return found
    raise CorruptFile(f"{root / hour.folder} changes faster than it can be read")


def _open_once(root: Path, hour: Hour, stack: ExitStack, broken: list[Damaged]) -> list[IO[bytes]]:
    found = {name: looked(root, hour, name) for name in names(root, hour)}
    broken += [each for each in found.values() if isinstance(each, Damaged)]
    whole = {name: each for name, each in found.items() if isinstance(each, Looked)}
    folder, opened, merged = root / hour.folder, list[IO[bytes]](), frozenset[str]()
    if hour.file in whole:  # it holds what came before all parts
        opened.append(stack.enter_context((folder / hour.file).open("rb")))
        if len(whole) > 1:
            merged = _merged(hour, opened[0])
    rest = sorted(whole.keys() - merged - {hour.file})
    return opened + [stack.enter_context((folder / name).open("rb")) for name in rest]


def _look(root: Path, hour: Hour, name: str) -> Looked:
    return damage.look(root / hour.folder / name, hour)


def _merged(hour: Hour, file: IO[bytes]) -> frozenset[str]:
    """Give the parts that a file of an hour was made of: no other name is worth anything."""
    return frozenset(name for name in damage.parts(file) if layout.is_part_of(hour, name))


def _remove(part: Path) -> None:
    remove(part)
    damage.forget(part)


def _refuse_outside(root: Path, folder: Path) -> None:
    """Raise `CorruptFile` where a link leads out of the recording."""
    if not os.path.realpath(folder).startswith(f"{os.path.realpath(root)}{os.sep}"):
        raise CorruptFile(f"{folder} leads out of the recording {root}: nothing is changed there")


def _place(path: Path, fill: Callable[[BinaryIO], object]) -> None:
    """Put a file that `fill` writes at `path`; polars' own errors of a disk are the system's."""

    def fill_and_seal(file: BinaryIO) -> None:
        fill(file)
        file.flush()
        seal.put(file.name, path)

    try:
        write_atomic(path, fill_and_seal)
    except pl.exceptions.PolarsError as error:
        raise OSError(f"{path} cannot be written: {error}") from error
