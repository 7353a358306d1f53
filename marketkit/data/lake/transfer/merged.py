"""The report of a merge of lakes: counts by series, differences, and series left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

import polars as pl

from marketkit.coverage import Span
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.store.met import numbers
from marketkit.data.lake.trades.take import TradesTaken
from marketkit.data.lake.transfer.pairing import PreferLake
from marketkit.errors import Incomplete, MarketkitError, warn
from marketkit.notebook.card import Card, Shown
from marketkit.notebook.table import table
from marketkit.schema import NUMBERS, TIME, Schema, empty

MERGED: Schema = {
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "start": TIME,
    "end": TIME,
    "slots": pl.Int64(),
    "candles": pl.Int64(),
    "differing": pl.Int64(),
    "revisions": pl.Int64(),
    "history": pl.Int64(),
    "unsettled": pl.Int64(),
}
LAKES_DIFFER: Schema = {
    "symbol": pl.String(),
    "timeframe": pl.String(),
    "time": TIME,
    "column": pl.Enum(NUMBERS),
    "lake": pl.Float64(),
    "other": pl.Float64(),
}
TRADES_MERGED: Schema = {
    "symbol": pl.String(),
    "start": TIME,
    "end": TIME,
    "days": pl.Int64(),
    "trades": pl.Int64(),
    "differing": pl.Int64(),
    "revisions": pl.Int64(),
    "history": pl.Int64(),
}
LIMIT = 100_000  # differences that are listed: more than anybody reads, and a few megabytes

_SHOWN = 12  # series and differences on a screen beside each other


class SeriesMerge(NamedTuple):
    """The counts of one series, and the numbers that differ."""

    series: Series
    hull: Span | None
    slots: int
    candles: int
    differing: int
    revisions: int
    history: int
    unsettled: int = 0
    differences: pl.DataFrame | None = None

    @property
    def row(self) -> tuple[object, ...]:
        """The row of a report."""
        start, end = self.hull or (None, None)
        return (self.series.symbol, self.series.timeframe.name, start, end, *self[2:8])


@dataclass(frozen=True, slots=True, repr=False)
class MergeReport(Shown):
    """The result of a merge of lakes.

    `series` has a row for each series of the other lake: `slots` that nobody knew here (from
    `start` to `end`), with `candles` in some of them, slots that both know `differing`ly, numbers
    of this lake that were revised, the lines of the other's log of revisions (`history`), and
    candles that neither lake can prove (`unsettled`).
    `differences` are the numbers behind: `symbol timeframe time column lake other`, null where
    there is no candle; at most 100,000. `trades` has a row for each market with trades: the `days`
    of which nobody knew all, the `trades` in them, the days that both know `differing`ly, and so
    on. `lists` are daily market lists. `failures` are the errors
    of series that were left out, by symbol and timeframe. With `dry_run` nothing was written.
    """

    other: Path
    into: Path
    prefer: PreferLake
    dry_run: bool
    series: pl.DataFrame
    differences: pl.DataFrame
    failures: Mapping[tuple[str, str], MarketkitError]
    lists: int = 0
    trades: pl.DataFrame = field(default_factory=lambda: empty(TRADES_MERGED))

    @classmethod
    def of(
        cls,
        into: Path,
        other: Path,
        prefer: PreferLake,
        results: Sequence[SeriesMerge],
        failures: Mapping[tuple[str, str], MarketkitError],
        *,
        dry_run: bool,
    ) -> MergeReport:
        """Put the counts of series together."""
        rows = [each.row for each in results]
        series = pl.DataFrame(rows, schema=dict(MERGED), orient="row")
        found = [each.differences for each in results if each.differences is not None]
        differences = pl.concat([empty(LAKES_DIFFER), *found]).head(LIMIT)
        return cls(other, into, prefer, dry_run, series, differences, failures)

    def with_trades(self, results: Sequence[TradesTaken]) -> MergeReport:
        """Give the report with the counts of trades."""
        rows = [(each.symbol, *(each.hull or (None, None)), *each[2:]) for each in results]
        raw = {name: pl.Int64() if kind == TIME else kind for name, kind in TRADES_MERGED.items()}
        frame = pl.DataFrame(rows, raw, orient="row").cast(pl.Schema(TRADES_MERGED))
        return replace(self, trades=frame)

    @property
    def complete(self) -> bool:
        """Whether no series was left out."""
        return not self.failures

    @property
    def slots(self) -> int:
        """How many slots are known now and were not."""
        return self._sum("slots")

    @property
    def candles(self) -> int:
        """How many of these slots traded."""
        return self._sum("candles")

    @property
    def differing(self) -> int:
        """How many slots both lakes know, and tell differently."""
        return self._sum("differing")

    @property
    def revisions(self) -> int:
        """How many numbers of this lake were replaced by the other's."""
        return self._sum("revisions")

    @property
    def history(self) -> int:
        """How many lines of the other's log of revisions came along."""
        return self._sum("history")

    @property
    def unsettled(self) -> int:
        """How many candles came along that neither lake can prove."""
        return self._sum("unsettled")

    def warn_of_failures(self) -> None:
        """Warn of each series that was left out: reports are not always read."""
        for key, failure in self.failures.items():
            warn(f"{' '.join(key)} of {self.other} is left out: {failure}", Incomplete)

    def as_dict(self) -> dict[str, object]:
        """Give counts, series, differences and failures as plain values, with ISO times."""
        counts = ("slots", "candles", "differing", "revisions", "history", "lists", "unsettled")
        return {
            "other": str(self.other),
            "into": str(self.into),
            "prefer": self.prefer,
            "dry_run": self.dry_run,
            **{name: getattr(self, name) for name in counts},
            "series": _plain(self.series),
            "differences": _plain(self.differences),
            "trades": _plain(self.trades),
            "failures": {" ".join(key): str(failure) for key, failure in self.failures.items()},
        }

    def _sum(self, column: str) -> int:
        return int(self.series[column].sum())

    def _card(self) -> Card:
        how = "dry run of a merge" if self.dry_run else "merge"
        changed = self.series.filter(pl.sum_horizontal(pl.col(pl.Int64)) > 0)
        traded = self.trades.filter(pl.sum_horizontal(pl.col(pl.Int64)) > 0)
        shown = [frame for frame in (changed, self.differences, traded) if frame.height]
        tables = tuple(table(frame, _SHOWN) for frame in shown)
        return Card(f"{how} of {self.other} into {self.into}", dict(self._facts()), None, tables)

    def _facts(self) -> Iterator[tuple[str, str]]:
        yield "new", self._told_of_news()
        if self.differing:
            yield "differing", self._told_of_differences()
        if self.history:
            yield "history", f"{self.history:,} revisions that the other lake logged"
        if self.unsettled:
            yield "unsettled", f"{self.unsettled:,} candles that nobody proved yet"
        if self.trades["days"].sum():
            days, trades = (int(self.trades[name].sum()) for name in ("days", "trades"))
            yield "trades", f"{trades:,} in {days:,} days of {self.trades.height:,} markets"
        if self.lists:
            yield "lists", f"market lists of {self.lists:,} days"
        for number, (key, why) in enumerate(self.failures.items(), 1):
            yield f"left out {number}", f"{' '.join(key)}: {why}"

    def _told_of_news(self) -> str:
        if not self.slots:
            return "nothing: this lake knows all of it"
        taken = self.series.filter(pl.col("slots") > 0).height
        return f"{self.slots:,} slots of {taken:,} series, {self.candles:,} of them with candles"

    def _told_of_differences(self) -> str:
        if self.prefer == "lake":
            word = "this lake's stay (prefer=\"other\" takes the other's)"
        elif self.prefer == "newer":
            word = f"what was seen to change last counts, {self.revisions:,} numbers revised"
        else:
            word = f"the other's are taken, {self.revisions:,} numbers revised"
        return f"{self.differing:,} slots that both know: {word}"


def _plain(frame: pl.DataFrame) -> list[dict[str, object]]:
    times = pl.selectors.datetime().dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    return frame.with_columns(times, pl.selectors.enum().cast(pl.String)).to_dicts()


def listed(series: Series, found: pl.DataFrame) -> pl.DataFrame:
    """List the numbers that differ in candles side by side, as `LAKES_DIFFER`."""
    told = numbers(series, found)
    lone = pl.col("difference") != "changed"
    both = pl.col("a").is_not_null() & pl.col("b").is_not_null()
    named = told.filter(lone | both).rename({"a": "lake", "b": "other"})
    return named.select(*LAKES_DIFFER).cast(pl.Schema(LAKES_DIFFER))
