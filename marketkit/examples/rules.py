"""The seven rules: pure functions of the facts at a candle's close. No orders.

At most one rule speaks at a candle: the first that applies in the order of `RULES`, protection
before profit before purchases. All look at closes alone, so nothing depends on the order of what
happened within a minute.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from marketkit.examples.indicators import Indicators
from marketkit.examples.parameters import Parameters
from marketkit.timeframe import MINUTE

Action = Literal["buy", "sell", "hold"]


@dataclass(frozen=True, slots=True)
class Position:
    """The position after a candle, in units of the first purchase; all zero if nothing is held."""

    size: float = 0.0
    average: float = 0.0  # the mean price paid for what is held
    bought_at: float = 0.0  # the price of the last purchase
    peak: float = 0.0  # the highest close since the first purchase, or the last below it
    added: int = 0  # purchases while winning
    averaged: int = 0  # purchases below the last one
    taken: int = 0  # steps of the planned profits that are done
    hold_until: int = 0  # ms UTC up to which a surge is given its way

    def gain(self, price: float) -> float:
        """Give the gain of a price over the average one, as a share of that."""
        return price / self.average - 1


@dataclass(frozen=True, slots=True)
class Situation:
    """The view of a rule: the candle's indicators, and the position before the candle."""

    now: Indicators
    position: Position
    parameters: Parameters


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision of a rule: `size` is bought (above 0), sold (below 0) or nothing."""

    action: Action
    size: float
    position: Position  # as it is afterwards
    reason: str


def crash_exit(at: Situation) -> Decision | None:
    """Sell everything when the price falls by `crash` within a minute."""
    change, limit = at.now.change, at.parameters.crash
    if at.position.size and change is not None and change <= -limit:
        return _sell_all(at, f"fell {-change:.2%} in a minute, {limit:.2%} is a crash")
    return None


def trailing_stop(at: Situation) -> Decision | None:
    """Sell everything when the price is `trail` below the peak, once that was `trail_from` up."""
    position, rules = at.position, at.parameters
    if not position.size or position.gain(position.peak) < rules.trail_from:
        return None
    below = 1 - at.now.close / position.peak
    if below < rules.trail:
        return None
    return _sell_all(at, f"{below:.2%} below the peak of {_spelled(position.peak)}")


def surge_hold(at: Situation) -> Decision | None:
    """Let a winner run when the price rises by `surge` within a minute.

    For `surge_hold` minutes no profit is taken and nothing is added; both protections stay.
    """
    change, rules = at.now.change, at.parameters
    if not at.position.size or change is None or change < rules.surge:
        return None
    position = replace(at.position, hold_until=at.now.time + rules.surge_hold * MINUTE)
    reason = f"rose {change:.2%} in a minute, held for {rules.surge_hold} minutes"
    return Decision("hold", 0.0, position, reason)


def take_profit(at: Situation) -> Decision | None:
    """Sell a share of the position at each planned gain, unless a surge runs."""
    position, plan = at.position, at.parameters.profits
    if not position.size or _holds(at) or position.taken == len(plan):
        return None
    (wanted, share), gain = plan[position.taken], position.gain(at.now.close)
    if gain < wanted:
        return None
    step = f"step {position.taken + 1} of {len(plan)}"
    reason = f"{gain:.2%} above the average, {step} is {wanted:.2%}"
    if share == 1:
        return _sell_all(at, reason)
    left = replace(position, size=position.size * (1 - share), taken=position.taken + 1)
    return Decision("sell", left.size - position.size, left, reason)


def averaging_down(at: Situation) -> Decision | None:
    """Buy again when the price is `down_step` below the last purchase, `down_times` at most."""
    position, rules = at.position, at.parameters
    if not position.size or position.averaged == rules.down_times:
        return None
    below = 1 - at.now.close / position.bought_at
    if below < rules.down_step or at.now.close >= position.average:
        return None
    reason = f"{below:.2%} below the last purchase"
    # The average falls: a peak from before would be a gain that never was.
    lower = replace(position, averaged=position.averaged + 1, peak=0.0)
    return _buy(at, rules.down_size, lower, reason)


def adding(at: Situation) -> Decision | None:
    """Buy more of a winner when the price is `add_step` above the last purchase."""
    position, rules = at.position, at.parameters
    # After the first profit was taken the position is on its way out.
    if not position.size or _holds(at) or position.taken or position.added == rules.add_times:
        return None
    above = at.now.close / position.bought_at - 1
    if above < rules.add_step or at.now.close <= position.average:
        return None
    reason = f"{above:.2%} above the last purchase"
    return _buy(at, rules.add_size, replace(position, added=position.added + 1), reason)


def oversold_entry(at: Situation) -> Decision | None:
    """Buy one unit when RSI falls to `oversold`, but not in a crash."""
    now, limit = at.now, at.parameters.oversold
    if at.position.size or now.rsi is None or now.rsi_before is None or now.change is None:
        return None
    # While a price rests its RSI moves by rounding alone: only a fall is a fall.
    if not -at.parameters.crash < now.change < 0 or not now.rsi <= limit < now.rsi_before:
        return None
    reason = f"RSI fell from {now.rsi_before:.1f} to {now.rsi:.1f}, {limit:g} is oversold"
    return _buy(at, 1.0, Position(), reason)


RULES: dict[str, Callable[[Situation], Decision | None]] = {
    each.__name__: each
    for each in (
        crash_exit,
        trailing_stop,
        surge_hold,
        take_profit,
        averaging_down,
        adding,
        oversold_entry,
    )
}


def decide(at: Situation) -> tuple[str, Decision] | None:
    """Give the first rule that applies, and the decision."""
    for name, rule in RULES.items():
        if (decision := rule(at)) is not None:
            return name, decision
    return None


def _holds(at: Situation) -> bool:
    return at.now.time < at.position.hold_until


def _spelled(price: float) -> str:
    """Write a price as people do: 178,345,000 or 0.00001234; the exchange has eight places."""
    return f"{price:,.8f}".rstrip("0").rstrip(".")


def _sell_all(at: Situation, reason: str) -> Decision:
    return Decision("sell", -at.position.size, Position(), reason)


def _buy(at: Situation, size: float, position: Position, reason: str) -> Decision:
    price, held = at.now.close, position.size
    average = (held * position.average + size * price) / (held + size)
    more = replace(
        position,
        size=held + size,
        average=average,
        bought_at=price,
        peak=max(position.peak, price),
    )
    return Decision("buy", size, more, reason)
