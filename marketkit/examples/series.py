"""The rules over one symbol's candles as of a stream: in order, again, or late. Pure."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from marketkit.examples.indicators import Indicators
from marketkit.examples.parameters import Parameters
from marketkit.examples.rules import Decision, Position, Situation, decide
from marketkit.timeframe import MINUTE

# States in memory, a day of minutes: a live series corrects its newest fifty candles.
REMEMBERED = 1_440


class Signal(NamedTuple):
    """A row of `seven_rules.SIGNAL` but for the symbol; times ms UTC."""

    time: int
    known: int
    rule: str
    action: str
    price: float
    size: float
    position: float
    average: float | None
    gain: float | None
    rsi: float | None
    change: float | None
    reason: str


@dataclass(frozen=True, slots=True)
class State:
    """All that a candle leaves behind for the next one."""

    indicators: Indicators = field(default_factory=Indicators)
    position: Position = field(default_factory=Position)


class Series:
    """Signals of one symbol: a function of the final candles, in whatever order these came.

    A candle that changes, or that comes late, has the rules go back to before it and decide again:
    from its own place if that is among the newest `REMEMBERED`, else from the first one.
    """

    def __init__(self, parameters: Parameters) -> None:
        self.signals: list[Signal] = []
        self._parameters = parameters
        # Of each candle, in the order of time, the start (ms UTC) and the close; 16 bytes.
        self._times = array("q")
        self._closes = array("d")
        self._states: deque[State] = deque(maxlen=REMEMBERED)  # after each of the newest candles

    def take(self, closes: Mapping[int, float]) -> tuple[list[Signal], list[Signal]]:
        """Take closes by start (ms UTC); give the new signals, and those that hold no more."""
        news = {time: close for time, close in closes.items() if self._close(time) != close}
        if not news:
            return [], []
        place = self._back_to(bisect_left(self._times, min(news)))
        again = dict(zip(self._times[place:], self._closes[place:], strict=True))
        withdrawn = self._forget(place)
        told = self._advance(sorted({**again, **news}.items()))
        both = set(withdrawn) & set(told)
        return (
            [each for each in told if each not in both],
            [each for each in withdrawn if each not in both],
        )

    def _close(self, time: int) -> float | None:
        place = bisect_left(self._times, time)
        known = place < len(self._times) and self._times[place] == time
        return self._closes[place] if known else None

    def _back_to(self, place: int) -> int:
        """Give the last place up to this one before which the state is known."""
        return place if place > len(self._times) - len(self._states) else 0

    def _forget(self, place: int) -> list[Signal]:
        """Forget the candles from a place on, and give their signals back."""
        if place == len(self._times):
            return []
        first, count = self._times[place], len(self._times) - place
        for _ in range(min(count, len(self._states))):
            self._states.pop()
        del self._times[place:], self._closes[place:]
        kept = bisect_left(self.signals, first, key=lambda signal: signal.time)
        withdrawn, self.signals = self.signals[kept:], self.signals[:kept]
        return withdrawn

    def _advance(self, candles: Iterable[tuple[int, float]]) -> list[Signal]:
        """Let candles follow, in the order of time."""
        state = self._states[-1] if self._states else State()
        told = []
        for time, close in candles:
            state, signal = follow(state, time, close, self._parameters)
            self._times.append(time)
            self._closes.append(close)
            self._states.append(state)
            if signal is not None:
                told.append(signal)
        self.signals += told
        return told


def follow(
    state: State, time: int, close: float, parameters: Parameters
) -> tuple[State, Signal | None]:
    """Give the state after one more candle, and the signal at its close, if there is one."""
    now = state.indicators.after(time, close, parameters)
    met = state.position
    if met.size and close > met.peak:
        met = replace(met, peak=close)
    decided = decide(Situation(now, met, parameters))
    if decided is None:
        return State(now, met), None
    rule, decision = decided
    return State(now, decision.position), _signal(now, met, rule, decision)


def _signal(now: Indicators, met: Position, rule: str, decision: Decision) -> Signal:
    after = decision.position
    return Signal(
        time=now.time,
        known=now.time + MINUTE,
        rule=rule,
        action=decision.action,
        price=now.close,
        size=decision.size,
        position=after.size,
        average=after.average if after.size else None,
        gain=met.gain(now.close) if met.size else None,
        rsi=now.rsi,
        change=now.change,
        reason=decision.reason,
    )
