"""Images that this process has mapped, and columns of one symbol, kept for the next reader."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import polars as pl

from marketkit.data.lake.tier.image import Image, Version

_MAPS = 4096  # images; Linux gives a process 65,530 maps
_MAPPED = 2 << 30  # bytes: a removed file takes room for as long as somebody has it mapped
_VIEW = 16  # bytes of a text in a column
_SYMBOLS = 64 << 20  # bytes of columns of symbols: of ninety markets with a month of minutes each
_USUAL = 31 * 1440  # rows of a month of minutes, the longest of the chunks that most have
_FEW = 4096  # rows up to which a new column takes microseconds and 64 kB, and none is kept


class Maps:
    """The images in use; the longest unused are let go, and all but the newest of each file."""

    def __init__(self) -> None:
        self._images: OrderedDict[Version, Image] = OrderedDict()
        self._newest: dict[Path, Version] = {}
        self._paths: dict[Version, Path] = {}
        self._size = 0
        self._lock = threading.Lock()

    def get(self, version: Version) -> Image | None:
        """Give the image of a version, if one is mapped."""
        found = self._images.get(version)
        if found is not None:
            with self._lock:
                if version in self._images:
                    self._images.move_to_end(version)
        return found

    def put(self, path: Path, version: Version, image: Image) -> None:
        """Keep an image of a file in place of an older one.

        Frames made of one that is let go keep the memory themselves.
        """
        with self._lock:
            for old in {version, self._newest.get(path, version)}:
                self._drop(old)
            self._images[version] = image
            self._newest[path], self._paths[version] = version, path
            self._size += image.size
            while len(self._images) > _MAPS or (self._size > _MAPPED and len(self._images) > 1):
                self._drop(next(iter(self._images)))

    def _drop(self, version: Version) -> None:
        image = self._images.pop(version, None)
        if image is not None:
            self._size -= image.size
            self._newest.pop(self._paths.pop(version), None)

    def clear(self) -> None:
        """Let all images go."""
        with self._lock:
            for each in (self._images, self._newest, self._paths):
                each.clear()
            self._size = 0

    def forget_lock(self) -> None:
        """Begin with a new lock, as in a child made by `fork`: the old one may be held for ever."""
        self._lock = threading.Lock()


class SymbolColumns:
    """Columns of one symbol from which others are cut: a copy would be a quarter of the rows."""

    def __init__(self) -> None:
        self._columns: OrderedDict[str, pl.Series] = OrderedDict()
        self._lock = threading.Lock()

    def cut(self, symbol: str, rows: int) -> pl.Series:
        """Give a column of so many rows."""
        with self._lock:
            kept = self._columns.get(symbol)
            if kept is None or kept.len() < rows:
                one = pl.Series("symbol", [symbol], pl.String)
                if rows <= _FEW:
                    return one.new_from_index(0, rows)
                kept = one.new_from_index(0, max(rows, _USUAL))
            self._columns[symbol] = kept
            self._columns.move_to_end(symbol)
            self._shrink()
        return kept.slice(0, rows)

    def _shrink(self) -> None:
        while len(self._columns) > 1 and _VIEW * self._rows() > _SYMBOLS:
            self._columns.popitem(last=False)

    def _rows(self) -> int:
        return sum(map(len, self._columns.values()))

    def forget_lock(self) -> None:
        """Begin with a new lock, as `Maps.forget_lock`."""
        self._lock = threading.Lock()
