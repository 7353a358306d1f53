"""How often each market trades, from the trade times that answers bring; pure but for memory.

An answer says when the last trade was, not how many there were since the one before. So each is
read backwards: no trade in the `silence` before it, then one, unless the silence reaches back to
the answer before. Trades over silence is the rate those silences make most likely; the mean of the
gaps between trades that were *seen* would be too long by all that were not.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from marketkit.cache.ttl import (
    CLOSED,
    FACTORS,
    RULES,
    SHORTEST_GAP,
    Kind,
    Rule,
    State,
    state_of,
    ttl,
)
from marketkit.coverage import Spans
from marketkit.timeframe import HOUR, MINUTE

if TYPE_CHECKING:
    import polars as pl


WEEK_HOURS = 7 * 24

_FIRST_GAP = 10_000.0  # ms, of a market nobody knows yet
_FEW = 8  # trades; with fewer seen, a guess still weighs
_NEVER = -(1 << 62)  # before any trade
_THURSDAY = 72  # 1970 began on one; hours of a week count from Monday 00:00 UTC


class Life(NamedTuple):
    """How long an answer may be served, and why: the mean gaps (ms) as usual and of late.

    `recent` is None for a market of which no trade was seen yet.
    """

    ms: int
    state: State
    usual: float
    recent: float | None

    @property
    def why(self) -> str:
        """Say the reason in words."""
        usual = f"{self.usual / 1000:.3g}s"
        if self.recent is None:
            return f"no trade seen yet, one in {usual} expected: {self.state}"
        return f"a trade in {usual} as usual, in {self.recent / 1000:.3g}s of late: {self.state}"


class DecayingMean:
    """A mean gap that forgets: one older than `half` ms counts half, but `least` trades stay.

    Starts as if it had seen one trade in `gap` ms.
    """

    __slots__ = ("_half", "_least", "_silence", "_trades")

    def __init__(self, gap: float, half: float, least: float) -> None:
        self._trades, self._silence = 1.0, gap
        self._half, self._least = half, least

    @property
    def gap(self) -> float:
        """The mean gap between trades, ms."""
        return max(self._silence / self._trades, SHORTEST_GAP)

    def add(self, trades: int, silence: float, passed: float) -> None:
        """Take in `trades` and the `silence` around each, `passed` ms after the last."""
        keep = min(1.0, max(0.5 ** (passed / self._half), self._least / self._trades))
        self._trades = self._trades * keep + trades
        self._silence = self._silence * keep + silence

    def assume(self, gap: float) -> None:
        """Let the trade that was never seen have taken `gap` ms; seen ones soon outweigh that."""
        if self._trades < _FEW:
            self._silence += gap - _FIRST_GAP

    def scale(self, times: float) -> None:
        """Expect `times` the rate from now on."""
        self._silence /= times


class _Market:
    """One market: the trades seen, up to when, and the lives that follow."""

    __slots__ = ("_hour", "_last", "_lives", "_week", "recent", "seen", "usual")

    def __init__(self, now: int) -> None:
        self._week: Sequence[float] | None = None
        self._hour = hour_of_week(now)
        self.usual, self.recent = (
            DecayingMean(_FIRST_GAP, HOUR, 32),
            DecayingMean(_FIRST_GAP, 60_000, 16),
        )
        self._last = self.seen = _NEVER
        self._lives: dict[Kind, tuple[Life, float]] = {}

    def expect(self, week: Sequence[float], now: int) -> None:
        """Follow these hours from now on; guesses from before any trade are replaced."""
        self._week, self._hour = week, hour_of_week(now)
        gap = 1 / week[self._hour]
        self.usual.assume(gap)
        self.recent.assume(gap)
        self._lives.clear()

    def saw(self, trades: Sequence[int], now: int) -> None:
        """Take in the newest trades known at `now`, ascending."""
        now = max(now, trades[-1])
        if now <= self.seen:  # an answer from before the last one tells nothing new
            return
        self._follow(now)
        silence = now - max(self.seen, trades[0])
        passed = 0 if self.seen == _NEVER else now - self.seen
        new = len(trades) - bisect_right(trades, self.seen)
        self.usual.add(new, silence, passed)
        self.recent.add(new, silence, passed)
        self._last, self.seen = max(self._last, trades[-1]), now
        self._lives.clear()

    def life(self, kind: Kind, rule: Rule, now: int) -> Life:
        """Say how long an answer made at `now` lives."""
        kept = self._lives.get(kind)
        if kept is None or now > kept[1]:
            kept = self._lives[kind] = self._decide(rule, now)
        return kept[0]

    def _decide(self, rule: Rule, now: int) -> tuple[Life, float]:
        """Give the life, and the moment up to which the life is right if nothing more is seen."""
        usual = self.usual.gap
        if self.seen == _NEVER:
            return Life(round(ttl(rule, usual, "normal")), "normal", usual, None), math.inf
        recent = self.recent.gap
        state = state_of(usual, recent, now - self._last)
        closing = self._last + CLOSED * usual
        life = Life(round(ttl(rule, usual, state)), state, usual, recent)
        return life, math.inf if now > closing else closing

    def _follow(self, now: int) -> None:
        """Scale the rate for a new hour as the hours of the week compare."""
        hour = hour_of_week(now)
        if self._week is not None and hour != self._hour:
            self.usual.scale(self._week[hour] / self._week[self._hour])
        self._hour = hour


class MarketActivity:
    """The rhythm of every market seen, and how long answers about each may live.

    Times are ms UTC of one clock. Not safe for use by several threads at once.
    """

    def __init__(self, rules: Mapping[Kind, Rule] = RULES) -> None:
        self._rules = rules
        self._markets: dict[str, _Market] = {}

    def saw(self, symbol: str, last_trade: int | Sequence[int], now: int) -> None:
        """Take in when a market last traded, or the newest trades ascending, as known at `now`.

        What an answer of long ago says is left out. An empty sequence says nothing.
        """
        trades = (last_trade,) if isinstance(last_trade, int) else last_trade
        if trades:
            self._market(symbol, now).saw(trades, now)

    def expect(self, symbol: str, week: Sequence[float], now: int) -> None:
        """Let a market's rhythm follow the hours of the week: trades per ms in each of the 168."""
        self._market(symbol, now).expect(week, now)

    def life(self, kind: Kind, symbol: str, now: int) -> Life:
        """Say how long an answer of this kind about a market, made at `now`, may be served."""
        return self._market(symbol, now).life(kind, self._rules[kind], now)

    def explain(self, now: int | None = None, kinds: Sequence[Kind] = ("ticker",)) -> pl.DataFrame:
        """List the lives as of `now`, one row per market and kind, each with the reason.

        `rhythm` is the usual gap between trades in seconds; `now` is by default when the newest
        answer was known.
        """
        import polars as pl  # noqa: PLC0415 - the rest of this module needs none of it

        if now is None:
            now = max((market.seen for market in list(self._markets.values())), default=0)
        rows = [
            (symbol, kind, market.usual.gap / 1000, life.state, life.ms, life.why)
            for symbol, market in sorted(self._markets.copy().items())
            for kind in kinds
            for life in [market.life(kind, self._rules[kind], now)]
        ]
        columns: dict[str, pl.DataType | type[pl.DataType]] = {
            "symbol": pl.String,
            "kind": pl.String,
            "rhythm": pl.Float64,
            "state": pl.Enum(list(FACTORS)),
            "ttl_ms": pl.Int64,
            "why": pl.String,
        }
        return pl.DataFrame(rows, schema=columns, orient="row")

    def _market(self, symbol: str, now: int) -> _Market:
        market = self._markets.get(symbol)
        if market is None:
            market = self._markets[symbol] = _Market(now)
        return market


def hour_of_week(moment: int) -> int:
    """Number the hour of the week a moment is in; 0 begins Monday 00:00 UTC.

    >>> hour_of_week(0)  # 1970 began on a Thursday
    72
    """
    return (moment // HOUR + _THURSDAY) % WEEK_HOURS


def hourly_rates(minutes: pl.Series, covered: Spans) -> list[float] | None:
    """Give the trades per ms to expect in each of the 168 hours of a week, Monday 00:00 UTC first.

    `minutes` are the times of the minute candles that lie in `covered`, the spans (ms UTC) in which
    it is known which minutes traded. A minute without a candle had no trade: if trades come at rate
    `r`, the share of those is `e^-r`. Where every minute traded that says no more than a lower
    bound. An hour nobody covered gets the rate of the whole; None if none is covered.
    """
    asked = _minutes_by_hour(covered)
    whole = sum(asked)
    if not whole:
        return None
    traded = [0] * WEEK_HOURS
    hours = ((minutes.dt.epoch("ms") + _THURSDAY * HOUR) // HOUR % WEEK_HOURS).value_counts()
    for hour, count in hours.iter_rows():
        traded[hour] = count
    mean = _rate(sum(traded), whole)
    return [_rate(here, of) if of else mean for here, of in zip(traded, asked, strict=True)]


def _rate(traded: int, asked: int) -> float:
    """Give trades per ms; half a minute more either way keeps the rate from nought and infinity."""
    return -math.log1p(-(min(traded, asked) + 0.5) / (asked + 1)) / MINUTE


def _minutes_by_hour(covered: Spans) -> list[int]:
    found = [0] * WEEK_HOURS
    for start, end in covered:
        for at, until in _hours(start, end):
            found[hour_of_week(at)] += (until - at) // MINUTE
    return found


def _hours(start: int, end: int) -> Iterator[tuple[int, int]]:
    while start < end:
        until = min(end, (start // HOUR + 1) * HOUR)
        yield start, until
        start = until
