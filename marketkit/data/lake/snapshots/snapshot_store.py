"""The store whose moments can be kept under names: freezing, looking back, citing, publishing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Self, TypeAlias, TypeVar

import polars as pl

from marketkit.data.lake.format import marker
from marketkit.data.lake.snapshots import away, snapshot
from marketkit.data.lake.snapshots.delta import Table
from marketkit.data.lake.snapshots.diff import LIMIT, By, differences
from marketkit.data.lake.snapshots.manifest import Frozen, cite, read_manifest
from marketkit.data.lake.snapshots.table import FrozenTable, publish, table_of
from marketkit.data.lake.store.store import Store
from marketkit.errors import InputError, nearest
from marketkit.notebook.arguments import explained
from marketkit.settings import given_path, given_place
from marketkit.timeframe import Timeframe

Side: TypeAlias = str | Path | Store | None  # of a comparison


@explained
class SnapshotStore(Store):
    """A store with frozen sets: all candles of a moment, under a name, changed by nothing."""

    def freeze(self, name: str) -> Frozen:
        """Keep all candles of this moment under a name; no later write changes the copy.

        Takes no room until the lake changes (hard links; where the system has none, copies). In a
        bucket the store itself makes copies, of chunks that no earlier set has as they are. Each
        series is kept as some moment of the call left it; one that cannot be read, or whose bytes
        are damaged, is left out, and a warning names it. Raises `InputError` for a name that is
        taken or is none, or if there are no candles, `CorruptFile` where none can be read, and
        `NotWritable`; then nothing was kept.
        """
        self.compact()
        if self._away is not None:
            return self._away.freeze(self.index, name)
        return snapshot.freeze(self.root, self.index, name)

    def frozen(self) -> pl.DataFrame:
        """List the frozen sets, oldest first: `name created files rows bytes hash`.

        Of a set whose manifest cannot be read there is only the name: ask `verify`.
        """
        self.is_there()
        return snapshot.frozen(self.root) if self._away is None else self._away.frozen()

    def verify(self, name: str) -> pl.DataFrame:
        """Compare every byte of a frozen set with the manifest, and list the differences.

        One row (`path problem`) for each file that is broken, missing or too many; none if the set
        is as it was frozen. Raises `InputError` if there is no such set.
        """
        return snapshot.verify(self.root, name) if self._away is None else self._away.verify(name)

    def as_of(self, name: str) -> Self:
        """Give a frozen set as a lake that takes no writes.

        What it knows is what the manifest says; `verify` compares that with the files. Raises
        `InputError` if there is no such set and `CorruptFile` if its manifest is broken.
        """
        if self._away is None:
            return self._of_set(snapshot.folder_of(self.root, name))
        folder = self._away.folder(name)
        lake = self._of_set(folder)
        lake.index = self._away.index(folder)
        return lake

    def diff(
        self,
        a: Side,
        b: Side = None,
        *,
        symbols: str | Iterable[str] | None = None,
        timeframe: str | Timeframe | None = None,
        by: By = "slots",
        limit: int = LIMIT,
    ) -> pl.DataFrame:
        """Compare two frozen sets or lakes, `a` and `b`; no row, no difference.

        Each is the name of a frozen set of this lake, a lake (`Lake`, or what `as_of` gives), the
        folder of a lake or of a frozen set (a `Path` is never a name), or None: this lake as it is
        now.

        A slot differs as `only_a` or `only_b`, if one alone knows anything about it; as `appeared`
        or `vanished`, if it is proved empty in `a` or in `b` and the other has a candle; and as
        `changed`. `by="slots"` gives the longest spans (`symbol timeframe start end difference
        slots`), `by="series"` one row for each series with the slots of each kind, `by="rows"` the
        numbers of the slots that both know (`symbol timeframe time difference column a b`, null
        where there is no candle).

        Trades come after the candles, or alone with the timeframe `trade`: a slot is a UTC day, or
        a part of one, in which time, price, volume or side of a trade differ; they have no `rows`.

        Files that both share are not read, others one chunk at a time. At most `limit` rows are
        given, with a warning if there are more. Raises `InputError` for what is neither set nor
        lake.
        """
        sides = self._side(a), self._side(b)
        return differences(*sides, symbols, timeframe, by=by, limit=limit)

    def thaw(self, name: str, into: str | Path) -> Self:
        """Make a new lake in the folder `into` with the candles of a frozen set.

        It can be written, and neither changes with the other. Raises `CorruptFile` if the set is
        not as it was frozen, `InputError` if `into` has anything in it, and `NotWritable`.
        """
        folder = given_path(into, "into")
        if self._away is None:
            snapshot.thaw(self.root, name, folder)
        else:
            self._away.thaw(name, folder)
        return type(self)(folder, source=self.source)

    def delete(self, name: str) -> None:
        """Take a frozen set away. Raises `InputError` if there is none, and `NotWritable`.

        In a bucket the name goes, so that nobody finds the set; the copies go with `vacuum`.
        """
        if self._away is None:
            snapshot.delete(self.root, name)
        else:
            self._away.delete(name)

    def vacuum(self) -> int:
        """Delete what deleted sets, and freezes that were killed, left in a bucket; give the bytes.

        Safe while others freeze; who still reads a deleted set loses it. A lake on a disk has
        nothing of that kind. Raises `NotWritable`.
        """
        return 0 if self._away is None else self._away.vacuum()

    def cite(self, name: str) -> str:
        """Write the BibTeX entry of a frozen set, with hash, date and contents."""
        if self._away is not None:
            return cite(read_manifest(self._away.folder(name)))
        return cite(read_manifest(snapshot.folder_of(self.root, name)))

    def publish(self, name: str, of: Table = "candles") -> Path | str:
        """Make a frozen set a Delta table for other engines, and give the folder of the table.

        Of the candles, or of the `trades`: they have other columns, and so a table of their own.

        Only a log is written, no candle again; for a set that is published already nothing is done.
        Delta knows times in microseconds. Below a folder named like an escape (`%20`) the table is
        as good, but `deltalake` itself, of 2026, does not find it there. In a bucket a set is
        published already, with all others as versions of one table, whose URL is given. Raises
        `InputError` if there is no such set, and `NotWritable`.
        """
        if self._away is not None:
            return self._away.table(name, of).url
        return publish(self.root, name, of)

    def table(self, name: str, of: Table = "candles") -> FrozenTable:
        """Give a frozen set as a table for other engines: address, version, and the calls to paste.

        Spark, Dask, Daft, DuckDB, Polars, and pyarrow read it (`pip install deltalake`), with only
        the files of the markets and times that a filter on `series`, `timeframe` and `time` leaves.
        The set is published first, as by `publish`; raises as that does.
        """
        return self._away.table(name, of) if self._away else table_of(self.root, name, of)

    def __reduce__(self) -> tuple[Any, ...]:
        if isinstance(self.index, away.AwayFrozenIndex):  # its folder is of this machine only
            return _reopened, (type(self), self.index.url, self.source, self.index.name)
        return super().__reduce__()

    @property
    def _away(self) -> away.Frozens | None:
        """The sets of a lake in a bucket."""
        return None if self.mirror is None else away.Frozens(self.mirror)

    def _side(self, given: Side) -> Store:
        """Open one side of a comparison."""
        if given is None or isinstance(given, Store):
            return self if given is None else given
        name = str(given)
        known = self.frozen()["name"].to_list() if self._away else snapshot.names(self.root)
        if isinstance(given, str) and name in known:
            return self.as_of(name)
        folder = given_place(name, "lake")
        if isinstance(folder, str):
            return type(self)(folder, source=self.source)
        if (folder / marker.FROZEN).is_file():
            return self._of_set(folder)
        if marker.check(folder):
            return type(self)(folder, source=self.source)
        raise InputError(
            f"{name!r} is neither a frozen set of {self.where} nor the folder of a lake"
            f"{nearest(name, known)}"
        )

    def _of_set(self, folder: Path) -> Self:
        """Open the folder of a frozen set."""
        lake = type(self)(folder, source=self.source)
        lake.index, lake.clock = snapshot.FrozenIndex(lake.root), self.clock
        lake.defaults = self.defaults
        return lake


S = TypeVar("S", bound=SnapshotStore)


def _reopened(kind: type[S], url: str, source: str, name: str) -> S:
    return kind(url, source=source).as_of(name)
