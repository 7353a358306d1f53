"""Images made of chunks: each of bytes that were compared with their proof, in one lazy thread."""

from __future__ import annotations

import atexit
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkit.data.lake.format import seal
from marketkit.data.lake.format.chunk import Stamp
from marketkit.data.lake.format.chunk import Version as Proof
from marketkit.data.lake.format.footer import read_end
from marketkit.data.lake.format.layout import symbol_of_folder
from marketkit.data.lake.format.nonsense import UNREADABLE
from marketkit.data.lake.format.verify import verify
from marketkit.data.lake.tier.folder import shrink, thin
from marketkit.data.lake.tier.image import Broken, Source, Version, open_image, write
from marketkit.disk import file_time, system, write_atomic
from marketkit.errors import InputError
from marketkit.settings import largest_tier

_log = logging.getLogger("marketkit.lake")

_YOUNG = 2_500_000_000  # ns; the coarsest clock of a file system (FAT) ticks every two seconds
_QUEUED = 4096  # chunks that wait; others come when they are read again
_NOT_AS_WRITTEN = (FileNotFoundError, PermissionError, ValueError)
_EXIT = 0.5  # seconds that the exit waits at most: a chunk takes a tenth of that


class Wanted(NamedTuple):
    """A version of a chunk to be made an image of, the hash if anybody has one, and the folder."""

    path: Path
    version: Version
    proof: Proof | None
    folder: Path


def build(wanted: Wanted) -> bool:
    """Make an image of a chunk, and say whether that could be done.

    Not of a chunk that was replaced meanwhile, nor of bytes that are not the written ones: who
    reads the file is told so. Raises `OSError` for a folder that takes no more.
    """
    target = wanted.folder / wanted.version.name
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        rows, source = _rows_of(wanted, file_time(target.parent))
    except (*_NOT_AS_WRITTEN, *UNREADABLE) as error:
        _log.debug("no image of %s: %s", wanted.path, error)
        return False
    try:
        write_atomic(target, lambda file: write(rows, source, file))
    except Broken as error:
        _log.debug("no image of %s: %s", wanted.path, error)
        return False
    thin(target)
    return True


def _rows_of(wanted: Wanted, now: int) -> tuple[pl.DataFrame, Source]:
    """Read a chunk after the bytes were compared with the proof.

    Raises `_NOT_AS_WRITTEN` and `UNREADABLE` for a chunk that can have none.
    """
    with wanted.path.open("rb", buffering=0) as file:
        stat = os.fstat(file.fileno())
        content = file.readall()
    source = _source(wanted, stat, content, now)
    rows = pl.read_parquet(BytesIO(content), hive_partitioning=False)
    if rows.is_empty() or not rows["time"].is_sorted():
        raise ValueError("its rows are not in the order of time")
    if not (rows["symbol"] == source.symbol).all():
        raise ValueError(f"it has rows that are not of {source.symbol}")
    return rows, source


def is_there(folder: Path, version: Version) -> bool:
    """Say whether there is a sound image of a version; of a young file nobody can be sure."""
    try:
        source = open_image(folder / version.name).source
    except (OSError, ValueError):
        return False
    return source.version == version and not source.young


def seal_of(path: Path) -> str | None:
    """Give the hash of the rows that the footer of a chunk claims, None where there is none."""
    try:
        with path.open("rb", buffering=0) as file:
            return seal.check_footer(read_end(file) or b"")
    except (OSError, ValueError):
        return None


def proved_seal(path: Path, version: Version) -> str | None:
    """Give the same after all bytes of a version were compared, None for any that differ."""
    try:
        with path.open("rb", buffering=0) as file:
            if Version.of(path, os.fstat(file.fileno())) != version:
                return None
            content = file.readall()
        return _pages_of(content) if seal.check(content) else None
    except (OSError, ValueError):
        return None


def _source(wanted: Wanted, stat: os.stat_result, content: bytes, now: int) -> Source:
    """Compare the bytes of a chunk with the proof. Raises `ValueError`."""
    version, symbol = wanted.version, symbol_of_folder(wanted.path.parent.name)
    if symbol is None or Version.of(wanted.path, stat) != version:
        raise ValueError("it is another file by now")
    told = wanted.proof
    verify(content, told.sha256 if told is not None and told.stamp == Stamp.of(stat) else None)
    pages = _pages_of(content)
    young = now - version.ctime_ns < _YOUNG
    if young and pages is None:
        raise ValueError("it is too young to be told from another of the same moment")
    return Source(version, symbol, pages, young)


def _pages_of(content: bytes) -> str | None:
    return seal.check_footer(content[seal.footer_start(content) :])


class Builder:
    """The thread that makes images, begun when there is work and ended when all is done."""

    def __init__(self) -> None:
        self._reset()
        self._hooked = False

    def _reset(self) -> None:
        """Begin with nothing to do, as in a child made by `fork`, which has no such thread."""
        self._changed = threading.Condition()
        self._queue: OrderedDict[Version, Wanted] = OrderedDict()
        self._hopeless: dict[Path, Version] = {}  # tried once, and not with every read
        self._thread: threading.Thread | None = None
        self._ends = False

    def add(self, wanted: Iterable[Wanted]) -> None:
        """Have images made, some time."""
        with self._changed:
            for each in wanted:
                if len(self._queue) < _QUEUED and each.version != self._hopeless.get(each.path):
                    self._queue[each.version] = each
            if self._queue and self._thread is None and not self._ends:
                self._begin()

    def _begin(self) -> None:
        """Start the thread; where the system gives none, there are no new images."""
        self._hook()
        self._thread = threading.Thread(target=self._work, name="marketkit-images", daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:  # no room for a stack, or the process ends
            _log.debug("no images are made: %s", error)
            self._thread = None
            self._queue.clear()

    def wait(self, seconds: float) -> bool:
        """Wait until nothing is to be made, and say whether that came."""
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, seconds)

    def close(self) -> None:
        """Have the thread end after the chunk at hand: the others are made another time."""
        with self._changed:
            self._ends = True
            self._queue.clear()
            thread = self._thread
        if thread is not None:
            thread.join(_EXIT)

    def _hook(self) -> None:
        """Have the thread ended at exit and forgotten after a fork, once."""
        if self._hooked:
            return
        self._hooked = True
        # The private hook runs while threads can still be scheduled; atexit comes after that.
        register = getattr(threading, "_register_atexit", atexit.register)
        with suppress(RuntimeError):  # the exit has begun
            register(self.close)
        system.at_fork(after_in_child=self._reset)

    def _work(self) -> None:
        system.be_lazy()
        while not self._is_done():
            folders = set[Path]()
            while (wanted := self._next()) is not None:
                folders.add(wanted.folder)
                if not _build_quietly(wanted):
                    self._give_up(wanted)
            with suppress(OSError, InputError):
                for folder in folders if not self._ends else ():
                    shrink(folder, largest_tier())

    def _give_up(self, wanted: Wanted) -> None:
        with self._changed:
            if len(self._hopeless) >= _QUEUED:
                self._hopeless.clear()
            self._hopeless[wanted.path] = wanted.version  # in place of one that is gone

    def _next(self) -> Wanted | None:
        with self._changed:
            return self._queue.popitem(last=False)[1] if self._queue else None

    def _is_done(self) -> bool:
        """Say whether there is nothing to do, and if so take leave in the same step."""
        with self._changed:
            if self._queue:
                return False
            self._thread = None
            self._changed.notify_all()
            return True


def _build_quietly(wanted: Wanted) -> bool:
    """Make an image, and say whether that could be done; readers do without otherwise."""
    try:
        return is_there(wanted.folder, wanted.version) or build(wanted)
    except BaseException as error:  # noqa: BLE001 - nobody would see it, and nothing depends on it
        _log.debug("no image of %s: %s", wanted.path, error)
        return False
