"""Which markets there were: the market list of every UTC day on which one was seen.

`markets/source=upbit/2026-11-20.parquet` below the lake's root, the first list of that day; while
there is no lake, lists wait for it elsewhere (`format/waiting.py`) and count as if in it. The
exchange forgets a market the moment it is delisted; only who wrote the list down can say later what
there was to trade. A market that is renamed (MATIC became POL) is one that ends and another that
begins: the exchange does not say that they are the same. Where one list lacks the old code and is
the first with a new one of the same name, `chronicle` does.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl

from marketkit.data.lake.chronicle import Chronicle, chronicle_of
from marketkit.data.lake.format import marker, market_list, waiting
from marketkit.data.lake.format.chunk import Stamp
from marketkit.data.lake.format.layout import SUFFIX, markets_folder
from marketkit.data.lake.format.objects import Conflict
from marketkit.data.lake.store.mirror import Mirror, stamp_of
from marketkit.disk import make_folder, write_atomic
from marketkit.errors import LakeError, NotCovered, NotWritable
from marketkit.schema import MARKET, empty

_log = logging.getLogger("marketkit.lake")


class Universe:
    """The kept market lists of one source below a lake's root."""

    def __init__(self, root: Path, source: str) -> None:
        self._root = root
        self._source = source
        self._folder = root / markets_folder(source)
        self._read_so_far = Chronicle()

    def keep(self, markets: pl.DataFrame, made_at: int, *, make: bool) -> None:
        """Write down the list of a day (`made_at` in ms UTC) unless there is one.

        Where there is no lake, `make` has one made; else the list waits for one. A disk that takes
        no list keeps none: that is logged, and no error.
        """
        name = f"{day_of(made_at)}{SUFFIX}"
        if (self._folder / name).exists():
            return
        try:
            try:
                self._put(name, markets, make=make)
            except FileNotFoundError:  # another made the lake meanwhile: no list waits any more
                self._put(name, markets, make=make)
        except (OSError, LakeError, pl.exceptions.PolarsError) as error:
            _log.warning("the market list of today is not kept: %s", error)

    def _put(self, name: str, markets: pl.DataFrame, *, make: bool) -> None:
        path = self._prepared(make=make) / name
        if not path.exists():
            _write(path, market_list.encode(markets.select(list(MARKET)), path))
        if marker.check(self._root):
            waiting.move_in(self._root)  # also what came while another made the lake

    def _prepared(self, *, make: bool) -> Path:
        """Give the folder for a list, in the lake or where lists wait for one."""
        if not (make or marker.check(self._root)):
            return waiting.make(self._root, self._source)
        marker.prepare(self._root)
        return self._folder

    def take(self, other: Universe, *, dry_run: bool = False) -> int:
        """Take in another lake's lists of days without one, and say how many there are.

        Lists that cannot be read are passed over. Raises `NotWritable`.
        """
        new = {day: path for day, path in other._kept().items() if day not in self._paths()}
        lists = {day: found for day, path in new.items() if (found := _read(path)) is not None}
        if dry_run or not lists:
            return len(lists)
        try:
            for day, markets in lists.items():
                self._put(f"{day}{SUFFIX}", markets, make=True)
        except OSError as error:
            raise NotWritable(f"the lake {self._root} cannot be written: {error}") from error
        return len(lists)

    def days(self) -> list[date]:
        """List the days that have a list, ascending."""
        return sorted(self._paths())

    def at(self, day: date) -> tuple[pl.DataFrame, date]:
        """Give the newest readable list up to `day`, and the list's day. Raises `NotCovered`."""
        paths = self._paths()
        for kept in sorted((each for each in paths if each <= day), reverse=True):
            if (markets := _read(paths[kept])) is not None:
                return markets, kept
        if not paths:
            raise NotCovered(f"{self._root} has no market list of any day yet")
        raise NotCovered(f"{self._root} has no market list of {day}; the oldest is of {min(paths)}")

    def newest(self) -> pl.DataFrame | None:
        """Give the newest readable list, or None where there is none."""
        try:
            return self.at(date.max)[0]
        except NotCovered:
            return None

    def history(self) -> pl.DataFrame:
        """Give every market of any list, as seen last, with first and last day.

        Columns are `schema.MARKET`, `listed_from` and `last_seen`.
        """
        lists = [
            markets.with_columns(pl.lit(day).cast(pl.Date).alias("day"))
            for day, path in sorted(self._paths().items())
            if (markets := _read(path)) is not None
        ]
        known = pl.concat([empty({**MARKET, "day": pl.Date()}), *lists])
        return (
            known.group_by("symbol", maintain_order=True)
            .agg(
                pl.exclude("day").last(),
                pl.col("day").first().alias("listed_from"),
                pl.col("day").last().alias("last_seen"),
            )
            .sort("symbol")
        )

    def chronicle(self) -> Chronicle:
        """Give the facts that the lists show in their order; each is read once."""
        paths, known = self._paths(), self._read_so_far
        young = sorted(paths.keys() - set(known.days))
        if young and known.days and young[0] < known.days[-1]:
            known, young = Chronicle(), sorted(paths)  # a list of an older day came later
        found = ((day, _read(paths[day])) for day in young)
        readable = ((day, markets) for day, markets in found if markets is not None)
        self._read_so_far = known = chronicle_of(readable, known)
        return known

    def _kept(self) -> dict[date, Path]:
        return dict(_dated(self._folder))

    def _paths(self) -> dict[date, Path]:
        kept = self._kept()
        with suppress(OSError):  # a home that is none, or that is not ours to read
            kept = dict(_dated(waiting.folder_of(self._root, self._source))) | kept
        return kept


class SharedUniverse(Universe):
    """The kept market lists of a lake in a bucket, where one machine's lists are everybody's."""

    def __init__(self, mirror: Mirror, source: str) -> None:
        super().__init__(mirror.root, source)
        self._mirror = mirror
        self._above = f"{markets_folder(source)}/"

    def _prepared(self, *, make: bool) -> Path:
        if not (make or self._mirror.check()):
            return waiting.make(self._root, self._source)
        self._mirror.prepare()
        return self._folder

    def _put(self, name: str, markets: pl.DataFrame, *, make: bool) -> None:
        super()._put(name, markets, make=make)
        if self._mirror.check():
            there = {key for key, _ in self._mirror.objects.list(self._above)}
            for path in self._folder.glob(f"*{SUFFIX}"):
                key = f"{self._above}{path.name}"
                if key not in there:
                    with suppress(Conflict):  # the first list of a day counts
                        self._mirror.put(key, path.read_bytes(), None)

    def _kept(self) -> dict[date, Path]:
        """Fetch the lists that this machine has not, or has otherwise than the bucket."""
        there = [(key, stamp_of(at)) for key, at in self._mirror.objects.list(self._above)]
        self._mirror.bring([each for each in there if not self._is_here(*each)])
        return super()._kept()

    def _is_here(self, key: str, stamp: Stamp) -> bool:
        try:
            return Stamp.of((self._root / key).stat())[:2] == stamp[:2]
        except OSError:
            return False


def universe_of(root: Path, source: str, mirror: Mirror | None) -> Universe:
    """Give the market lists of a lake, on a disk or in a bucket."""
    return Universe(root, source) if mirror is None else SharedUniverse(mirror, source)


def _dated(folder: Path) -> Iterator[tuple[date, Path]]:
    for path in folder.glob(f"*{SUFFIX}"):
        with suppress(ValueError):  # some other file
            yield date.fromisoformat(path.name.removesuffix(SUFFIX)), path


def day_of(moment: int) -> date:
    """Give the UTC day of a moment in ms UTC."""
    return datetime.fromtimestamp(moment / 1000, UTC).date()


def _write(path: Path, content: bytes) -> None:
    """Put the list in place as one step; of two writers either list is the day's."""
    make_folder(path.parent)
    write_atomic(path, lambda file: file.write(content))


def _read(path: Path) -> pl.DataFrame | None:
    """Read one list; None, and a word in the log, for a file that is none."""
    try:
        return market_list.read(path)
    except (OSError, ValueError) as error:
        _log.warning("%s is no market list: %s", path, error)
        return None
