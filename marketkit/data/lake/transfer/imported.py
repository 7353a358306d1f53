"""The reports of an import: one for each market, or of several together."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from marketkit.coverage import Spans
from marketkit.errors import InputError
from marketkit.schema import NUMBERS, ROW, TIME, Schema, empty
from marketkit.timeframe import Timeframe, iso

DIFFERENCE: Schema = {
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "time": TIME,
    "column": pl.Enum(NUMBERS),
    "lake": pl.Float64(),
    "file": pl.Float64(),
}
IMPORT: Schema = {
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "start": TIME,
    "end": TIME,
    "files": pl.Int64(),
    "rows": pl.Int64(),
    "distinct": pl.Int64(),
    "changed": pl.Int64(),
    "revisions": pl.Int64(),
    "slots": pl.Int64(),
    "filled": pl.Int64(),
    "empty": pl.Int64(),
    "left_out": pl.Int64(),
    "unsettled": pl.Int64(),
    "differences": pl.Int64(),
}

_SIDES = ("lake", "file")


@dataclass(frozen=True, slots=True, repr=False)
class Imported:
    """The result of an import, for one market.

    Of the `rows` that the files have of the symbol, `distinct` candles are left without
    repetitions, and `changed` of these are new or different in the lake; `revisions` counts the
    numbers that were known and are others now. `covering` are the slots that the files are taken to
    prove, `filled` of which were unknown to the lake before.

    `empty` rows say that nothing traded; `left_out` rows say that their candle was not over, or
    that nobody knows. `unsettled` are the candles (columns of `schema.ROW`) that may not have been
    over: given, but not proved. `differences` are the numbers in which the files are other than the
    lake: `symbol timeframe time column lake file`, null where there is no candle. `findings` are
    sentences about candles that do not add up with wider or narrower ones. `failures` are the
    errors of files that were refused. With `dry_run` nothing was written.
    """

    path: Path
    symbol: str
    timeframe: Timeframe
    rows: int
    distinct: int
    changed: int
    revisions: int
    covering: Spans
    files: int = 1
    filled: int = 0
    empty: int = 0
    left_out: int = 0
    unsettled: pl.DataFrame = field(default_factory=lambda: empty(ROW))
    differences: pl.DataFrame = field(default_factory=lambda: empty(DIFFERENCE))
    findings: tuple[str, ...] = ()
    failures: tuple[InputError, ...] = ()
    dry_run: bool = False

    @property
    def slots(self) -> int:
        """How many slots the files are taken to prove."""
        return self.timeframe.count_all(self.covering)

    @property
    def differing(self) -> int:
        """How many slots differ between files and lake."""
        return self.differences["time"].n_unique()

    def __repr__(self) -> str:
        return "\n".join([*self._lines(), *_refused(self.failures)])

    def _lines(self) -> Iterator[str]:
        hull = self.covering.hull
        times = "no slot proved" if hull is None else f"{iso(hull.start)} to {iso(hull.end)}"
        of = self.path.name if self.files == 1 else f"{self.files:,} files"
        would = "dry run of an import" if self.dry_run else "import"
        yield f"{would} of {of} as {self.symbol} {self.timeframe}, {times}"
        yield (
            f"  {self.rows:,} rows, {self.distinct:,} distinct, {self.changed:,} new or changed;"
            f" {self.revisions:,} revised"
        )
        traded = self.distinct - self.unsettled.height
        yield f"  {self.slots:,} slots claimed, {self.slots - traded:,} of them empty"
        yield from (f"  {each}" for each in (*self._apart(), *self.findings))

    def _apart(self) -> Iterator[str]:
        """Say in a line each why rows are no proof, and where the lake knows otherwise."""
        if self.empty:
            yield f"{self.empty:,} rows say that nothing traded"
        if self.left_out:
            yield f"{self.left_out:,} rows left out: forming, or unknown"
        if self.unsettled.height:
            count = f"{self.unsettled.height:,} unsettled"
            yield f"{count}: shown, and asked again (settled=True says that all are final)"
        if self.differences.height and not self.revisions:  # those are listed elsewhere
            yield f"{self.differing:,} slots differ from the lake; {_first(self.differences)}"


@dataclass(frozen=True, slots=True, repr=False)
class Imports:
    """The results of an import, market by market, and the errors of files that were refused."""

    markets: tuple[Imported, ...]
    failures: tuple[InputError, ...] = ()

    @property
    def frame(self) -> pl.DataFrame:
        """One row for each market, with the counts of `Imported`; times are UTC."""
        return pl.DataFrame(
            [_row(each) for each in self.markets], schema=dict(IMPORT), orient="row"
        )

    def __iter__(self) -> Iterator[Imported]:
        return iter(self.markets)

    def __len__(self) -> int:
        return len(self.markets)

    def __getitem__(self, symbol: str) -> Imported:
        """Give the result for a market. Raises `KeyError`."""
        for each in self.markets:
            if each.symbol == symbol:
                return each
        raise KeyError(symbol)

    def __repr__(self) -> str:
        return "\n".join([*map(repr, self.markets), *_refused(self.failures)])


def _row(told: Imported) -> tuple[object, ...]:
    start, end = told.covering.hull or (None, None)
    return (
        *(told.symbol, told.timeframe.name, start, end, told.files, told.rows, told.distinct),
        *(told.changed, told.revisions, told.slots, told.filled, told.empty, told.left_out),
        *(told.unsettled.height, told.differing),
    )


def _first(differences: pl.DataFrame) -> str:
    first = differences.row(0, named=True)
    lake, file = ("no candle" if first[side] is None else f"{first[side]:g}" for side in _SIDES)
    time = iso(int(differences["time"].dt.epoch("ms")[0]))
    return f"the first at {time}: {first['column']} {file} in the file, {lake} in the lake"


def _refused(failures: tuple[InputError, ...]) -> Iterator[str]:
    if failures:
        yield f"  {len(failures):,} files refused:"
        yield from (f"    {each}" for each in failures)
