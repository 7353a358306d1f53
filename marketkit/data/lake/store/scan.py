"""Many chunks as one frame that no writer can pull the ground from."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from io import FileIO
from pathlib import Path
from typing import IO, NamedTuple

import polars as pl

from marketkit.coverage import Span
from marketkit.data.lake.format.chunk import (
    Entry,
    Footer,
    Stamp,
    Version,
    describe,
    read_chunk,
)
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.format.nonsense import UNREADABLE
from marketkit.data.lake.format.refusal import unreadable
from marketkit.data.lake.store.away import bring, held_of, let_go
from marketkit.data.lake.store.mirror import Held
from marketkit.data.lake.store.pending import Patched
from marketkit.data.lake.store.verified import known_of, verify_files
from marketkit.data.lake.tier import tier
from marketkit.data.lake.tier.image import Image
from marketkit.disk import system
from marketkit.errors import CorruptFile, LakeError
from marketkit.schema import ROW, TIME, empty

_SCHEMA = pl.Schema(ROW)
_NOT_SYMBOL = [name for name in ROW if name != "symbol"]
_SPARE = 256  # descriptors left to the rest of the process
_AT_ONCE = 64  # series whose ends are read together
_FEW = 4  # files that are cut by counting rows, at two thirds of the price of comparing times


class Cut(NamedTuple):
    """The rows of a version of a file that are wanted: the first, and how many."""

    stamp: Stamp
    first: int
    rows: int


@dataclass(frozen=True, slots=True)
class Files:
    """Files to read in this order; `window` is the range to keep, None for whole files.

    `symbol` is the one of all rows, None where there may be several. `known` are the hashes that
    somebody has of files; of others the file itself must know. `patched` are chunks for which pages
    wait. `cuts` are, for few files with a row in each slot, where the rows of the window lie.
    `held` are copies of files in buckets, which stay here until they are opened.
    """

    paths: list[Path]
    window: Span | None
    symbol: str | None = None
    known: Mapping[Path, Version] = field(default_factory=dict)
    patched: Mapping[Path, Patched] = field(default_factory=dict)
    cuts: Mapping[Path, Cut] = field(default_factory=dict)
    held: Mapping[Path, Held] = field(default_factory=dict)

    @property
    def newest_first(self) -> list[Path]:
        """The files by the times of their candles, the newest of all series first."""
        return sorted(self.paths, key=lambda path: path.stem, reverse=True)


def files_of(
    root: Path,
    chunks: Sequence[tuple[Series, Entry]],
    window: Span | None = None,
    symbol: str | None = None,
) -> Files:
    """Give the files of chunks below a root, with the hashes that the entries have.

    Those of a bucket are fetched.
    """
    chunks = bring(chunks)
    found = [(root / series.path(entry.chunk), entry) for series, entry in chunks]
    patched = {path: entry for path, entry in found if isinstance(entry, Patched)}
    cuts = {} if window is None or len(found) > _FEW else _cuts(root, chunks, window)
    known, held = known_of(found), held_of(found)
    return Files([path for path, _ in found], window, symbol, known, patched, cuts, held)


def _cuts(root: Path, chunks: Sequence[tuple[Series, Entry]], window: Span) -> dict[Path, Cut]:
    """Say where the rows of a range lie in chunks with a row in each slot."""
    cuts = {}
    for series, entry in chunks:
        footer, width = entry.footer, series.timeframe.width
        first, last, rows = footer.first, footer.last, footer.rows
        if first is None or last is None or series.timeframe.is_calendar:
            continue
        if rows == (last - first) // width + 1 and not isinstance(entry, Patched):
            low, high = (min(rows, max(0, -(-(edge - first) // width))) for edge in window)
            cuts[root / series.path(entry.chunk)] = Cut(entry.stamp, low, max(0, high - low))
    return cuts


def scan(files: Files) -> pl.LazyFrame:
    """Scan files as of now, no matter which writers replace any later.

    Where all have images these are scanned, and no file is opened. Raises `CorruptFile` for a file
    whose bytes are not those that were written.
    """
    return _scan_as(files, tier.frame_of)


def _scan_as(
    files: Files,
    mapped: Callable[[Iterable[Image], Span | None], pl.DataFrame],
    *,
    noted: bool = True,
) -> pl.LazyFrame:
    """Scan images, where all files have one, as `mapped` gives the rows; or the files.

    With `noted` it is a read, of which the second has images made.
    """
    if files.patched:
        return _scan(files)
    found = tier.find(files.paths)
    if found.whole:
        return mapped(found.present, files.window).lazy()
    if noted:
        tier.note(found, files.known)
    return _scan(files)


def _scan(files: Files) -> pl.LazyFrame:
    """Scan the files themselves.

    Raises `CorruptFile` for a file whose bytes are not those that were written: no reader may see
    them, for some end the process.
    A reader that is given paths opens them more than once and fails when a file is replaced in
    between. polars duplicates the descriptors of open files and closes the copies when the lazy
    frame goes; ours are closed here.
    """
    if not files.paths:
        return empty(ROW).lazy()
    allow_open(2 * len(files.paths))
    with ExitStack() as stack:
        found = [(path, stack.enter_context(_open(files, path))) for path in files.paths]
        verify_files(found, files.known)
        if files.held:
            let_go(files.held[path] for path in files.paths if path in files.held)
        if files.patched:
            return _scan_patched(files, found)
        if files.cuts and all(_is_cut(files, path, file) for path, file in found):
            parts = [_plan([file]).slice(*files.cuts[path][1:]) for path, file in found]
            return parts[0] if len(parts) == 1 else pl.concat(parts)
        return _within([file for _, file in found], files.window)


def _open(files: Files, path: Path) -> FileIO:
    held = files.held.get(path)
    return open_file(path) if held is None else held.read(lambda: open_file(path))


def _within(opened: Sequence[IO[bytes]], window: Span | None) -> pl.LazyFrame:
    # Of many files polars need not look at the first before the others; of one it costs more.
    frame = _plan(opened, _SCHEMA if len(opened) > 1 else None)
    if window is None:
        return frame
    start, end = (pl.lit(edge).cast(TIME) for edge in window)
    return frame.filter(pl.col("time").is_between(start, end, closed="left"))


def _scan_patched(files: Files, found: Sequence[tuple[Path, FileIO]]) -> pl.LazyFrame:
    """Scan files, some with waiting pages: such are read at once, and put together.

    A file that was replaced since the look has taken the pages in.
    """
    versions = {path: Stamp.of(os.fstat(file.fileno())) for path, file in found}
    patched = {
        path: each for path, each in files.patched.items() if versions.get(path) == each.stamp
    }
    chunks = [_within([file], files.window) for path, file in found if path in patched]
    try:
        rows = dict(zip((p for p, _ in found if p in patched), pl.collect_all(chunks), strict=True))
    except UNREADABLE as error:
        raise CorruptFile(f"{broken_of(list(patched))} cannot be read: {error}") from error
    parts = list[pl.LazyFrame]()
    for is_patched, run in itertools.groupby(found, key=lambda each: each[0] in patched):
        if is_patched:
            parts += [patched[path].over(rows[path], files.window).lazy() for path, _ in run]
        else:
            parts.append(_within([file for _, file in run], files.window))
    return pl.concat(parts)


def _is_cut(files: Files, path: Path, file: FileIO) -> bool:
    """Say whether somebody knows where the rows of the very version that is open lie."""
    cut = files.cuts.get(path)
    return cut is not None and cut.stamp == Stamp.of(os.fstat(file.fileno()))


def _plan(opened: Sequence[IO[bytes]], schema: pl.Schema | None = None) -> pl.LazyFrame:
    return pl.scan_parquet(
        list(opened), glob=False, hive_partitioning=False, cache=False, schema=schema
    )


def read(files: Files) -> pl.DataFrame:
    """Read files, or the images of them. Raises `CorruptFile` naming a broken one."""
    if files.patched:
        return _read_patched(files)
    found = tier.find(files.paths)
    if found.whole:
        return tier.frame_of(found.present, files.window)
    rows = _read_both(files, found) if found.present else _read(files)
    tier.note(found, files.known)  # last: images are made while nobody waits
    return rows


def _read_patched(files: Files) -> pl.DataFrame:
    parts = list[pl.DataFrame]()
    for is_patched, run in itertools.groupby(files.paths, key=files.patched.__contains__):
        some = replace(files, paths=list(run))
        parts.append(_read_with_pages(some) if is_patched else read(replace(some, patched={})))
    return pl.concat(parts, rechunk=False)


def _read_with_pages(files: Files) -> pl.DataFrame:
    """Read chunks for which pages wait: the images where each has one, or the files."""
    found, chunks = tier.find(files.paths), [files.patched[path] for path in files.paths]
    # A file that was replaced since the look has taken the pages in.
    images = [
        image
        for image, chunk in zip(found.images, chunks, strict=True)
        if image is not None and image.source.version.stamp == chunk.stamp
    ]
    if len(images) == len(chunks):
        stored = (tier.frame_of([image], files.window) for image in images)
        parts = [chunk.over(rows, files.window) for chunk, rows in zip(chunks, stored, strict=True)]
        return pl.concat(parts, rechunk=False)
    rows = _read(files)
    tier.note(found, files.known)
    return rows


def _read_both(files: Files, found: tier.Found) -> pl.DataFrame:
    """Read images, and files that have none, in the order of the files."""
    allow_open(2 * len(found.missing))
    runs = [
        (is_file, list(run))
        for is_file, run in itertools.groupby(
            zip(files.paths, found.images, strict=True), lambda each: each[1] is None
        )
    ]
    wanted = [replace(files, paths=[path for path, _ in run]) for is_file, run in runs if is_file]
    try:
        read = iter(pl.collect_all([_scan(each).select(*ROW) for each in wanted]))
    except UNREADABLE as error:
        broken = broken_of([path for each in wanted for path in each.paths])
        raise CorruptFile(f"{broken} cannot be read: {error}") from error
    mapped = ([image for _, image in run if image is not None] for _, run in runs)
    parts = [
        next(read) if is_file else tier.frame_of(some, files.window)
        for (is_file, _), some in zip(runs, mapped, strict=True)
    ]
    return pl.concat(parts, rechunk=False)


def _read(files: Files) -> pl.DataFrame:
    frame = _scan(files)
    if files.symbol is not None and files.window is None:
        # Decoding the same word a million times is a fortieth of the read; beside a filter, which
        # short reads have, the extra step costs more than it saves.
        frame = frame.select(pl.lit(files.symbol, pl.String).alias("symbol"), *_NOT_SYMBOL)
    return _collect(files, frame)


def read_patched(path: Path, series: Series, entry: Patched) -> tuple[pl.DataFrame, Footer]:
    """Read rows and footer of a chunk with the waiting pages.

    Raises as `read_chunk`.
    """
    known = None if entry.sha256 is None else Version(entry.stamp, entry.sha256)
    before = None
    while before is None or before != Stamp.of(path.stat()):  # else it was replaced meanwhile
        before = Stamp.of(path.stat())
        rows, footer = read_chunk(path, series, known)
    if before != entry.stamp:
        return rows, footer
    rows, said = entry.over(rows), entry.footer
    now = describe(rows, said.covered, said.nothing_before, said.rests_on)
    return rows, replace(now, archive=footer.archive)


def read_ends(series: Sequence[Files], count: int) -> list[pl.DataFrame]:
    """Read the last `count` rows of each series' files, many series at once."""
    frames: list[pl.DataFrame] = []
    for at in range(0, len(series), _AT_ONCE):
        some = series[at : at + _AT_ONCE]
        try:
            frames += pl.collect_all([_scan(files).tail(count) for files in some])
        except UNREADABLE as error:
            broken = broken_of([path for files in some for path in files.paths])
            raise CorruptFile(f"{broken} cannot be read: {error}") from error
    return frames


def read_times(files: Files) -> pl.Series:
    """Read the times only."""
    return _collect(files, _scan_as(files, tier.numbers_of).select("time"))["time"]


def count(files: Files) -> int:
    """Count the candles of files, as each job does in the end; no image is worth that."""
    rows = _scan_as(files, tier.numbers_of, noted=False)
    return int(_collect(files, rows.select(pl.len())).item())


def open_file(path: Path) -> FileIO:
    """Open a file as of now. Raises `CorruptFile`."""
    try:
        return path.open("rb", buffering=0)
    except OSError as error:
        raise unreadable(path, error) from error


def _collect(files: Files, frame: pl.LazyFrame) -> pl.DataFrame:
    try:
        return frame.collect()
    except UNREADABLE as error:
        raise CorruptFile(f"{broken_of(files.paths)} cannot be read: {error}") from error


def broken_of(paths: list[Path]) -> str:
    """Name the first file that cannot be read alone."""
    for path in paths:
        try:
            pl.read_parquet(path.read_bytes())
        except (*UNREADABLE, OSError):
            return str(path)
    return f"one of {len(paths)} files"


def allow_open(count: int) -> None:
    """Raise this process's limit of open files, where needed and allowed."""
    hard = system.allow_open(wanted := count + _SPARE)
    if hard is not None:
        raise LakeError(
            f"reading {count // 2} files at once takes {wanted} descriptors, the system allows"
            f" {hard}: ask for fewer symbols or less time"
        )
