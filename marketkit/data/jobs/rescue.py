"""Markets that are announced to end, or have ended: which series the lake still lacks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from marketkit.coverage import Span, Spans
from marketkit.data.fetch.kept import KEPT
from marketkit.data.lake.chronicle import Chronicle
from marketkit.data.lake.lake import Lake
from marketkit.schema import TIME, Schema
from marketkit.timeframe import TIMEFRAMES, Timeframe, parse_time

# Upbit opened in October 2017, with candles from some weeks before (Upbit reference, section 3.2).
BEGINNING = parse_time("2017-01-01")

LACKING: Schema = {
    "symbol": pl.String(),
    "reason": pl.Enum(["warned", "ended"]),
    "last_seen": pl.Date(),
    "successor": pl.String(),
    "timeframe": pl.String(),
    "start": TIME,
    "end": TIME,
    "slots": pl.Int64(),
}


_SHOWN = 3  # series that fit into a line


class Ending(NamedTuple):
    """A market announced to end, or one in no list any more, and the end of its trading."""

    symbol: str
    reason: str
    until: int


def lacking(lake: Lake, told: Chronicle, end: int) -> pl.DataFrame:
    """List the series of ending markets that a lake has a part of only: `LACKING`, a row each.

    `start` to `end` are the hull of the `slots` without proof, up to the moment `end` (ms UTC); of
    a market whose listing nobody has met they begin with the exchange and are an upper bound. One
    that is announced to end and of which the lake has no series at all has a row without timeframe.
    Those come last. Nothing is listed for a lake without any series. Asks nobody.
    """
    stored = _stored(lake)
    if not stored:
        return pl.DataFrame(schema=dict(LACKING))
    rows: list[tuple[object, ...]] = []
    for market in _ending(told, end):
        symbol = market.symbol
        names = [name for name in stored if symbol in stored[name]]
        head = (symbol, market.reason, told.last.get(symbol), told.successors.get(symbol))
        rows += [(*head, *part) for part in _parts(lake, market, names)]
    found = pl.DataFrame(rows, schema=dict(LACKING), orient="row")
    return found.sort(pl.col("timeframe").is_null(), "reason", maintain_order=True)


def sentence(row: Mapping[str, Any]) -> str:
    """Describe the missing slots of a row of `LACKING`."""
    if row["timeframe"] is None:
        return f"{row['symbol']} is announced to end, and the lake has no series"
    start, end = (moment.strftime("%Y-%m-%dT%H:%M") for moment in (row["start"], row["end"]))
    said = f"{row['slots']:,} slots from {start} to {end} UTC are not in the lake"
    if row["reason"] == "warned":
        said = f"is announced to end, and {said}"
    else:
        went_on = "" if row["successor"] is None else f"; it goes on as {row['successor']}"
        said = f"ended after {row['last_seen']}, and {said}{went_on}"
    return f"{row['symbol']} {row['timeframe']} {said}"


def brief(lacks: pl.DataFrame) -> str:
    """Write a frame of `LACKING` in one line."""
    if lacks.is_empty():
        return "nothing is lacking of markets that end"
    rows = lacks.head(_SHOWN).iter_rows(named=True)
    said = [
        f"{row['symbol']} has no series"
        if row["timeframe"] is None
        else f"{row['symbol']} {row['timeframe']} lacks {row['slots']:,} slots"
        for row in rows
    ]
    more = f", {lacks.height - _SHOWN} more" if lacks.height > _SHOWN else ""
    return f"{', '.join(said)}{more}"


def announced(markets: pl.DataFrame) -> list[str]:
    """Give the markets of a list that are announced to end, sorted."""
    return sorted(markets.filter(pl.col("warning").fill_null(value=False))["symbol"])


def _ending(told: Chronicle, end: int) -> Iterator[Ending]:
    for symbol in announced(told.newest):
        yield Ending(symbol, "warned", end)
    for symbol in sorted(told.ended):
        yield Ending(symbol, "ended", min(end, told.gone_by(symbol) or end))


def _stored(lake: Lake) -> dict[str, set[str]]:
    """Give the symbols that have a series, by timeframe."""
    found = {
        name: {series.symbol for series in lake.index.stored(lake.source, timeframe)}
        for name, timeframe in TIMEFRAMES.items()
    }
    return {name: symbols for name, symbols in found.items() if symbols}


def _parts(lake: Lake, market: Ending, names: Sequence[str]) -> Iterator[tuple[object, ...]]:
    """Give timeframe, first and last moment, and slots of each series that is not complete."""
    if not names and market.reason == "warned":
        yield None, None, None, None
    for name in names:
        missing = _missing(lake, market, TIMEFRAMES[name])
        if (hull := missing.hull) is not None:
            yield name, *hull, TIMEFRAMES[name].count_all(missing)


def _missing(lake: Lake, market: Ending, timeframe: Timeframe) -> Spans:
    end = timeframe.floor(market.until)
    start = max(BEGINNING, end - KEPT) if timeframe.name == "1s" else BEGINNING
    span = Span(timeframe.ceil(start), end)
    return lake.missing(market.symbol, timeframe, *span) if span.start < span.end else Spans()
