"""The state of a lake on a screen: contents, ends and gaps, a line for each timeframe."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, tzinfo
from pathlib import Path
from typing import Any, NamedTuple

from marketkit.data.lake.store.store import Selection, Store
from marketkit.data.lake.trades.day import DayEntry
from marketkit.data.lake.trades.days import survey
from marketkit.data.lake.trades.layout import TradeSeries
from marketkit.errors import EngineClosed, LakeError, MarketkitError
from marketkit.notebook import words
from marketkit.notebook.card import Card
from marketkit.notebook.table import Table, of_rows
from marketkit.timeframe import TIMEFRAMES, Timeframe

_COLUMNS = ("timeframe", "markets", "candles", "size", "first", "until", "end earlier", "missing")


@dataclass(frozen=True, slots=True)
class Holding:
    """The candles of one timeframe; times are ms UTC.

    `until` is the end of the latest series, and `earlier` counts those that end before it.
    `missing` slots, in `gaps` spans, lie inside of series and were never asked about.
    """

    timeframe: Timeframe
    markets: int
    candles: int
    size: int
    first: int | None
    until: int | None
    earlier: int
    missing: int
    gaps: int


class TradesHeld(NamedTuple):
    """The trades of a lake: of how many markets, their number, days and bytes; times are ms UTC."""

    markets: int
    trades: int
    days: int
    size: int
    first: int | None
    last: int | None

    def __str__(self) -> str:
        markets = "1 market" if self.markets == 1 else f"{self.markets:,} markets"
        days = "1 day" if self.days == 1 else f"{self.days:,} days"
        return f"{self.trades:,} trades of {markets} in {days}, {words.size(self.size)}"


class LakeState(NamedTuple):
    """The folder of a lake and the holdings; `fault` says why some or all are not known."""

    folder: Path | str
    holdings: tuple[Holding, ...] = ()
    fault: str = ""
    trades: TradesHeld | None = None

    def total(self) -> str:
        """Say in a few words how much there is."""
        trades = "" if self.trades is None else str(self.trades)
        return "; ".join(filter(None, (self._candles(quiet=bool(trades)), trades)))

    def _candles(self, *, quiet: bool) -> str:
        held = self.holdings
        if not held:
            return self.fault or ("" if quiet else "no candles yet")
        series, candles = sum(each.markets for each in held), sum(each.candles for each in held)
        size, missing = sum(each.size for each in held), sum(each.missing for each in held)
        gaps = f", {missing:,} slots missing" if missing else ""
        fault = f"; {self.fault}" if self.fault else ""
        return f"{series:,} series, {candles:,} candles, {words.size(size)}{gaps}{fault}"

    def newest(self, now: datetime) -> str:
        """Say how old the newest candle of each timeframe is."""
        ages = {
            each.timeframe.name: max(0.0, now.timestamp() - each.until / 1000)
            for each in self.holdings
            if each.until is not None
        }
        return ", ".join(f"{name}: {words.age(age)} ago" for name, age in ages.items())

    def table(self, zone: tzinfo = UTC) -> Table:
        """Lay out the holdings, a row for each timeframe."""
        return of_rows(_COLUMNS, [_row(each, zone) for each in self.holdings])

    def card(self, title: str, zone: tzinfo = UTC) -> Card:
        """Show the holdings under a title."""
        tables = (self.table(zone),) if self.holdings else ()
        return Card(f"{title}: {self.total()}", {}, None, tables)

    def as_dict(self) -> dict[str, Any]:
        """Give the same as plain values."""
        rows = [{**asdict(each), "timeframe": each.timeframe.name} for each in self.holdings]
        trades = None if self.trades is None else self.trades._asdict()
        told = {"folder": str(self.folder), "holdings": rows, "fault": self.fault}
        return {**told, "trades": trades}


def look(store: Store) -> LakeState:
    """Sum a lake's holdings up from the index: no file is read.

    What cannot be looked at is left out, and the state says why.
    """
    found: list[Selection] = []
    failures: dict[str, str] = {}
    for timeframe in TIMEFRAMES.values():
        try:
            looked_up = store.select(None, timeframe)
        except (LakeError, EngineClosed) as error:
            failures.setdefault(_line(error), "")
            continue
        failures |= {_line(each): f"without {name}: " for name, each in looked_up.failures.items()}
        found += [looked_up] if looked_up.found else []
    traded, broken = survey(store.root, store.source)
    failures |= {_line(each): f"without {name}: " for name, each in broken.items()}
    said = next((f"{name}{reason}" for reason, name in failures.items()), "")
    more = f" (and {len(failures) - 1} more)" if len(failures) > 1 else ""
    return LakeState(
        store.url or store.root, tuple(map(_holding, found)), f"{said}{more}", _traded(traded)
    )


def _line(error: MarketkitError) -> str:
    return str(error).partition(";\n")[0]


def _traded(found: Mapping[TradeSeries, Sequence[DayEntry]]) -> TradesHeld | None:
    entries = [entry for several in found.values() for entry in several]
    if not entries:
        return None
    firsts = (each.footer.first for each in entries)
    lasts = (each.footer.last for each in entries)
    return TradesHeld(
        sum(map(bool, found.values())),
        sum(each.footer.rows for each in entries),
        len(entries),
        sum(each.stamp.size for each in entries),
        min((each for each in firsts if each is not None), default=None),
        max((each for each in lasts if each is not None), default=None),
    )


def _holding(found: Selection) -> Holding:
    entries = [entry for _, several in found.found.values() for entry in several]
    firsts = (entry.footer.first for entry in entries)
    ends, missing, gaps = list[int](), 0, 0
    for known in found.knows.values():
        hull = known.covered.hull
        if hull is None:
            continue
        ends.append(hull.end)
        lacking = known.missing(*hull)
        missing += found.timeframe.count_all(lacking)
        gaps += len(lacking)
    until = max(ends, default=None)
    return Holding(
        found.timeframe,
        len(found.found),
        sum(entry.footer.rows for entry in entries),
        sum(entry.stamp.size for entry in entries),
        min((first for first in firsts if first is not None), default=None),
        until,
        sum(end != until for end in ends),
        missing,
        gaps,
    )


def _row(held: Holding, zone: tzinfo) -> tuple[object, ...]:
    gaps = "1 gap" if held.gaps == 1 else f"{held.gaps:,} gaps"
    missing = f"{held.missing:,} slots in {gaps}" if held.missing else "nothing"
    ends = _moment(held.first, zone), _moment(held.until, zone)
    size = words.size(held.size)
    return held.timeframe.name, held.markets, held.candles, size, *ends, held.earlier, missing


def _moment(time: int | None, zone: tzinfo) -> datetime | None:
    return None if time is None else datetime.fromtimestamp(time / 1000, zone)
