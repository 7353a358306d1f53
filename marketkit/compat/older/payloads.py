"""Frames as the payloads of the older provider: the exchange's objects, alone or in a list."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import polars as pl

from marketkit.compat import wire
from marketkit.compat.older.models import STATES, CandleWithStatus, normal
from marketkit.compat.older.response import Rows
from marketkit.errors import InvalidRange
from marketkit.symbols import is_glob
from marketkit.timeframe import DAY, Timeframe, parse_time, parse_timeframe
from marketkit.window import DEFAULT_COUNT

Moment = str | date | datetime | None


def moment(time: Moment) -> datetime | None:
    """Read a time of an older program: in UTC where no zone is said. Raises `InvalidRange`."""
    if time is None:
        return None
    if isinstance(time, datetime) and time.tzinfo is None:
        return time.replace(tzinfo=UTC)
    return datetime.fromtimestamp(parse_time(time) / 1000, UTC)


def tickers(asked: str | Sequence[str], frame: pl.DataFrame) -> Any:
    """Give one ticker, or of several symbols the list in the order asked for."""
    return _of(asked, map(wire.ticker, frame.iter_rows(named=True)))


def books(asked: str | Sequence[str], frame: pl.DataFrame) -> Any:
    """Give one order book, or of several symbols the list in the order asked for."""
    return _of(asked, wire.books(frame))


def markets(frame: pl.DataFrame, *, details: bool) -> Rows:
    """Give the market list."""
    return Rows(wire.market(row, details=details) for row in frame.iter_rows(named=True))


def trades(frame: pl.DataFrame) -> Rows:
    """Give trades, newest first as on the exchange."""
    return Rows(wire.trade(row) for row in frame.reverse().iter_rows(named=True))


def _of(asked: str | Sequence[str], objects: Iterable[wire.Told]) -> Any:
    found = {each["market"]: each for each in objects}
    if _is_one(asked):
        return next(iter(found.values()))
    order = [symbol for symbol in dict.fromkeys(asked) if symbol in found]
    return Rows((found[symbol] for symbol in dict.fromkeys([*order, *found])), found)


def _is_one(asked: str | Sequence[str]) -> bool:
    return isinstance(asked, str) and not is_glob(asked)


@dataclass(frozen=True, slots=True)
class CandleRange:
    """The candles that a call means: from `start`, the newest `count` (200 without a start)."""

    timeframe: str
    count: int | None
    start: Moment
    end: Moment

    def arguments(self) -> dict[str, Any]:
        """Give the range for `get_candle`; of days one more, to compare the first with.

        Raises `InvalidRange`, `UnknownTimeframe`.
        """
        start, days = moment(self.start), self._width.width == DAY
        if self.count is not None and not (isinstance(self.count, int) and self.count > 0):
            raise InvalidRange(
                f"count={self.count!r}: ask for one candle at least, as in count=200"
            )
        if start is not None:
            found: dict[str, Any] = {"start": start - timedelta(days=days)}
        else:
            found = {"count": (self.count or DEFAULT_COUNT) + days}
        return {**found, "end": moment(self.end)}

    def newest_first(self, asked: str | Sequence[str], frame: pl.DataFrame) -> Rows:
        """Give the candles of one symbol, newest first; of several, symbol after symbol."""
        start = moment(self.start)
        most = self.count or (frame.height if start is not None else DEFAULT_COUNT)
        if self._width.width == DAY:
            frame = frame.with_columns(prev_close=pl.col("close").shift().over("symbol"))
        if start is not None:
            frame = frame.filter(pl.col("time") >= start)
        parts = frame.partition_by("symbol", as_dict=True, maintain_order=True)
        found = {str(key[0]): self._list(part.tail(most).reverse()) for key, part in parts.items()}
        if _is_one(asked):
            return next(iter(found.values()), Rows())
        return Rows((row for rows in found.values() for row in rows), found)

    def _list(self, frame: pl.DataFrame) -> Rows:
        rows = wire.candles(frame.iter_rows(named=True), self._width)
        labels = {"symbol": frame["symbol"][0], "candle_type": self.timeframe}
        return Rows(rows, {**labels, "count": len(rows), "candles": rows})

    @property
    def _width(self) -> Timeframe:
        return parse_timeframe(self.timeframe)


def continuous(timeframe: str, frame: pl.DataFrame) -> Rows:
    """Give candles, oldest first, each with the state of the slot; decimals without end zeros.

    An empty slot before the first price that is known has no prices, and no row.
    """
    width = parse_timeframe(timeframe)
    rows = frame.filter(pl.col("close").is_not_null()).iter_rows(named=True)
    return Rows(_with_state(row, width) for row in rows)


def _with_state(row: wire.Row, width: Timeframe) -> CandleWithStatus:
    told = {
        name: normal(value) if isinstance(value, Decimal) else value
        for name, value in wire.candle(row, width).items()
    }
    status = STATES[row["state"]]
    state = {"is_empty": row["state"] == "empty", "collection_status": status.value}
    return CandleWithStatus(told | state)
