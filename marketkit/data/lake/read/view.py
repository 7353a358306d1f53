"""Wide candles out of narrow ones: the sums, and which slots narrow ones can answer for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.lake.read.decimals import with_decimals
from marketkit.data.lake.store.knowledge import Knowledge, beginning
from marketkit.data.lake.store.store import Selection, Store
from marketkit.schema import ROW, TIME
from marketkit.timeframe import Timeframe, narrower, parse_timeframe
from marketkit.window import EVER, Session

_BARS = {
    "open": pl.col("open").first(),
    "high": pl.col("high").max(),
    "low": pl.col("low").min(),
    "close": pl.col("close").last(),
    "volume": pl.col("volume").sum(),
}
_REACH = 500  # slots in which the last candle of most symbols is found
_Made = list[tuple[Selection, Spans]]  # which narrower series answers for which slots


def aggregate(
    rows: pl.DataFrame, timeframe: str | Timeframe, session: Session | None = None
) -> pl.DataFrame:
    """Add candles up to wider ones: first, highest, lowest, last, and sums.

    `rows` has the columns of `schema.ROW`, sorted by symbol and time, and so has the answer; its
    `time` is the open of a slot, also where the first candle came later. Turnover is null where any
    of a slot is. Slots begin as the exchange's do, or as `session` says. Nothing is said about
    slots of which `rows` has only a part: that is the caller's to know.
    """
    if rows.is_empty():
        return rows
    wide = parse_timeframe(timeframe, made=True)
    value = pl.col("value").sum()
    if rows["value"].null_count():
        value = pl.when(pl.col("value").is_null().any()).then(None).otherwise(value)
    # Sorted rows of one symbol begin and end with it; without the key they add up twice as fast.
    one = rows["symbol"][0] == rows["symbol"][-1]
    if session is not None:
        slots = rows.with_columns(time=opens_of(rows["time"], wide, session))
        grouped = slots.group_by("symbol", "time", maintain_order=True).agg(**_BARS, value=value)
        return grouped.select(*ROW)
    windows = rows.group_by_dynamic("time", every=wide.every, group_by=None if one else "symbol")
    grouped = windows.agg(**_BARS, value=value)
    if one:
        grouped = grouped.with_columns(symbol=pl.lit(rows["symbol"][0]))
    return grouped.select(*ROW)


@dataclass(frozen=True, slots=True)
class View:
    """Series of one timeframe as a lake can answer: as stored, or made of narrower ones.

    `knows` is what is proved of each symbol, directly or by narrower candles; `made` has the
    narrower series and the slots they answer for.
    """

    stored: Selection
    knows: Mapping[str, Knowledge]
    made: Mapping[str, _Made]

    @classmethod
    def plain(cls, stored: Selection) -> View:
        """Give the series as stored."""
        return cls(stored, stored.knows, {})

    @property
    def timeframe(self) -> Timeframe:
        """The timeframe that was looked up."""
        return self.stored.timeframe

    @property
    def symbols(self) -> list[str]:
        """The symbols that were looked up, sorted."""
        return self.stored.symbols

    def of(self, symbols: Iterable[str]) -> View:
        """Give the part for some of the symbols."""
        names = list(symbols)
        made = {symbol: self.made[symbol] for symbol in names if symbol in self.made}
        return replace(self, stored=self.stored.of(names), made=made)

    def known(self, symbol: str) -> Knowledge:
        """Give the knowledge of a symbol, proved directly or by narrower candles."""
        return self.knows[symbol]

    def read(self, window: Span, *, exact: bool = False) -> pl.DataFrame:
        """Read the candles of a range, sorted by symbol and time.

        With `exact` numbers are decimals, and what is made of narrower candles is their exact sum.
        """
        as_wanted = with_decimals if exact else _as_stored
        rows = as_wanted(self.stored.read(window))
        frames = [
            aggregate(as_wanted(narrow.read(span)), self.timeframe)
            for symbol, made in self.made.items()
            for narrow, slots in made
            for span in slots.clip(*self.knows[symbol].slots_of(*window))
        ]
        return pl.concat([rows, *frames]).sort("symbol", "time") if frames else rows

    def height(self, symbol: str, window: Span) -> int:
        """Count the candles of a symbol in a range."""
        return self.of([symbol]).read(window).height

    def made_of(self, symbol: str, window: Span) -> list[str]:
        """Name the narrower timeframes that candles of a range are made of, the widest first."""
        span = self.knows[symbol].slots_of(*window)
        made = self.made.get(symbol, [])
        return [narrow.timeframe.name for narrow, slots in made if slots.clip(*span)]

    def last_close(self, symbol: str, before: int) -> float | None:
        """Give the close of the last candle before a moment, if every slot between is proved."""
        covered = self.known(symbol).covered.clip(EVER.start, before)
        hull = covered.hull
        if hull is None or hull.end != before:
            return None
        proved, reach, at = list(covered)[-1], _REACH, before
        while at > proved.start:
            start = max(proved.start, self.timeframe.shift(before, -reach))
            closes = self.of([symbol]).read(Span(start, at))["close"]
            if closes.len():
                return float(closes[-1])
            at, reach = start, 4 * reach
        return None


def look(
    store: Store,
    symbols: Iterable[str],
    timeframe: str | Timeframe,
    window: Span = EVER,
    *,
    derive: bool = True,
) -> View:
    """Look series up, and narrower ones for the slots of `window` that are lacking.

    Without `derive` only what was stored as candles of this timeframe counts.
    """
    view = View.plain(store.select(symbols, timeframe))
    if not derive:
        return view
    lacking = [symbol for symbol in view.symbols if view.known(symbol).missing(*window)]
    if not lacking:
        return view
    helped = {symbol: _help(store, symbol, view.known(symbol)) for symbol in lacking}
    knows = {symbol: known for symbol, (known, _) in helped.items()}
    made = {symbol: parts for symbol, (_, parts) in helped.items() if parts}
    return replace(view, knows={**view.knows, **knows}, made=made)


def _as_stored(rows: pl.DataFrame) -> pl.DataFrame:
    return rows


def _help(store: Store, symbol: str, known: Knowledge) -> tuple[Knowledge, _Made]:
    """Add the proof of narrower series to the knowledge of a symbol."""
    parts: _Made = []
    for each in narrower(known.timeframe):
        missing = known.missing(*EVER)
        if not missing:
            break
        narrow = store.select([symbol], each)
        whole = _whole(narrow.known(symbol), known.timeframe)
        slots = whole.covered & missing
        known = Knowledge(known.timeframe, known.covered | slots, *beginning([known, whole]))
        parts += [(narrow, slots)] if slots else []
    return known, parts


def _whole(narrow: Knowledge, wide: Timeframe) -> Knowledge:
    """Give the wide slots that narrow ones prove from end to end, and where there is nothing."""
    if narrow.nothing_before is None or narrow.timeframe.name == "1s":
        # Seconds are not there before their retention begins although the exchange traded.
        return Knowledge(wide, Spans(wide.whole(narrow.covered)), None)
    listed = narrow.timeframe.ceil(narrow.nothing_before)
    first = wide.floor(listed)
    whole = Spans(wide.whole(narrow.covered | Spans([(EVER.start, listed)])))
    return Knowledge(wide, whole - Spans([(EVER.start, first)]), first, narrow.rests_on)


def opens_of(times: pl.Series, timeframe: Timeframe, session: Session) -> pl.Series:
    """Give for each time the open of the slot around."""
    ms = times.cast(pl.Int64)
    edges = pl.Series(session.edges(timeframe, int(ms.min()), int(ms.max()) + 1), dtype=pl.Int64)  # type: ignore[arg-type]
    return edges.gather(edges.search_sorted(ms, side="right") - 1).cast(TIME)
