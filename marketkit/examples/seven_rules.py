"""Seven rules over one-minute candles: the same signals from a frozen past and from a stream.

In use::

    from marketkit.examples import seven_rules

    signals = seven_rules.run(mk.get_candle(["KRW-BTC", "KRW-DOGE"], "1m", as_of="paper"))

    strategy = seven_rules.Strategy()
    for news in seven_rules.follow(mk.live(["KRW-BTC", "KRW-DOGE"], "1m", history="1d"), strategy):
        print(news)

The rules are in `rules.py`, the numbers in `parameters.py`. They give signals, never orders. An
example, and no advice: none of the seven cuts a loss that comes slowly.

A signal is decided at the close of its candle, from closes up to that one: `time` is where the
candle starts, as in every frame of candles, `known` where it ends. Whoever acts can do so at the
open of the next candle; the strategy keeps its own books at the close (`price`). A minute without a
trade has no price and no signal: the rules wait, indicators count candles. After a silence of more
than `silence` minutes, such as maintenance, indicators begin anew and what is held stays held.
Slots that nobody knows never come from marketkit: frames of the lake raise `NotCovered`, and a live
series ends before them. In candles from elsewhere a short hole counts as minutes without a trade.

Signals depend on the final candles alone, not on the batches in which they come. Where a candle
changes after it was final, or comes late, the rules decide again from there on, and signals that do
not hold any more are withdrawn.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

import polars as pl

from marketkit.errors import InputError
from marketkit.examples.minutes import Closes, closes_of
from marketkit.examples.parameters import Parameters
from marketkit.examples.rules import RULES
from marketkit.examples.series import Series
from marketkit.frames import Frame, FrameKind, finish
from marketkit.schema import TIME, Schema
from marketkit.to.intake import is_pandas

if TYPE_CHECKING:
    from marketkit.api.live.series import Live

__all__ = ["NEWS", "SIGNAL", "Parameters", "Strategy", "follow", "run"]

SIGNAL: Schema = {
    "symbol": pl.String(),
    "time": TIME,  # where the candle starts
    "known": TIME,  # where it ends: nobody can act before
    "rule": pl.Enum(list(RULES)),
    "action": pl.Enum(["buy", "sell", "hold"]),
    "price": pl.Float64(),  # the close, in the quote currency
    "size": pl.Float64(),  # bought above 0, sold below, in units of the position's first purchase
    "position": pl.Float64(),  # held afterwards, in the same units
    "average": pl.Float64(),  # the mean price paid for that; null where nothing is held
    "gain": pl.Float64(),  # of the price over the average before, as a share; null at an entry
    "rsi": pl.Float64(),  # null while it warms up
    "change": pl.Float64(),  # of the close over the one before, as a share
    "reason": pl.String(),
}
NEWS: Schema = {**SIGNAL, "withdrawn": pl.Boolean()}


class Strategy:
    """The seven rules over any number of symbols, none of which knows of another.

    Candles come in batches of any size, in any order, and as often as they like: what is known
    already changes nothing. Each takes 16 bytes; one that changes costs what came after it.
    """

    def __init__(self, parameters: Parameters | None = None) -> None:
        self.parameters = Parameters() if parameters is None else parameters
        self._series: dict[str, Series] = {}

    def update(self, candles: Frame) -> Frame:
        """Take final candles, and give what is new: a frame of `NEWS`, by symbol and time.

        Signals that are new have `withdrawn` False; those with True were given earlier and do not
        hold any more, because a candle has changed. `candles` is a frame of one-minute candles of
        polars or pandas, as is the answer; forming and empty ones are passed over. Raises
        `InputError` for a frame that is none.
        """
        return _like(candles, self.take(closes_of(candles)))

    @property
    def signals(self) -> pl.DataFrame:
        """All signals that hold: a frame of `SIGNAL`, by symbol and time."""
        every = ((name, each.signals) for name, each in sorted(self._series.items()))
        return _frame(((name, *signal) for name, signals in every for signal in signals), SIGNAL)

    def take(self, closes: Closes) -> pl.DataFrame:
        """Take closes by symbol and by start of their minute (ms UTC); otherwise as `update`."""
        rows: list[tuple[object, ...]] = []
        for symbol, own in sorted(closes.items()):
            series = self._series.setdefault(symbol, Series(self.parameters))
            told, withdrawn = series.take(own)
            rows += [(symbol, *each, True) for each in withdrawn]
            rows += [(symbol, *each, False) for each in told]
        return _frame(rows, NEWS).sort("symbol", "time", maintain_order=True)


def run(candles: Frame, parameters: Parameters | None = None) -> Frame:
    """Give the signals of all candles of a frame: of `SIGNAL`, by symbol and time.

    `candles` is a frame of one-minute candles of one or many symbols, of polars or pandas, as is
    the answer. Raises `InputError` for one that is none.
    """
    strategy = Strategy(parameters)
    strategy.take(closes_of(candles))
    return _like(candles, strategy.signals)


def follow(live: Live[Any], strategy: Strategy) -> Iterator[Frame]:
    """Give the news of a live series' history, then those of each batch of final candles.

    Frames are of `NEWS`, some of them empty, of polars or pandas as those of the series. Ends with
    the series: at its `close`, or with the tape of a replay. Raises `InputError` for a series of
    wider candles.
    """
    if live.timeframe.name != "1m":
        raise InputError(f"a series of {live.timeframe} candles: the rules want those of 1m")
    history = live.frame
    before = {symbol: max(closes) for symbol, closes in closes_of(history).items()}
    yield strategy.update(history)
    joined: set[str] = set()
    for batch in live:
        closes = closes_of(batch)
        ahead = {name for name, own in closes.items() if max(own) > before.get(name, -1)}
        if not ahead <= joined:
            _add_missed(closes, ahead - joined, closes_of(live.frame))
            joined |= ahead
        yield _like(batch, strategy.take(closes))


def _add_missed(closes: Closes, symbols: Iterable[str], newest: Closes) -> None:
    """Add what became final after the history was read and before the first batch came."""
    for symbol in symbols:
        own, last = closes[symbol], max(closes[symbol])
        missed = {time: close for time, close in newest.get(symbol, {}).items() if time < last}
        closes[symbol] = {**missed, **own}


def _like(candles: Frame, rows: pl.DataFrame) -> Frame:
    """Make rows a frame of the kind that the candles are."""
    kind: FrameKind = "pandas" if is_pandas(candles) else "polars"
    return finish(rows, frame=kind, tz="UTC", index=["symbol", "time"])


def _frame(rows: Iterable[tuple[object, ...]], schema: Schema) -> pl.DataFrame:
    """Lay signals out; their times are ms UTC."""
    raw = {name: pl.Int64() if kind == TIME else kind for name, kind in schema.items()}
    return pl.DataFrame(list(rows), raw, orient="row").cast(pl.Schema(schema))
