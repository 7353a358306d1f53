"""How long an answer may live: kind of data, trading rhythm, state of the market. Pure.

Refresh every `T` a market that trades at rate `r`. It costs `1 / T` requests. Trades come in
clusters and rates are never known for sure: with the rate spread as a gamma law of shape 2 around
`r`, no trade comes for a time `t` with chance `(1 + rt/2)^-2`, and `rT / (2 + rT)` of the answers
are stale. What makes `requests + price * stale share` least is, with `s = sqrt(2r / price)`,

    T = s / (1 - s / 2) / r

for every market by itself, so no other way to share out refreshes among such markets, a fixed life
for all included, gets by with fewer at the same stale share. While `r` is far below `price` this is
`sqrt(2 / (r * price))`: a market four times as lively lives half as long, not a quarter. From
`r = 2 * price` on there is no such `T`: asking that often is not worth what it costs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["ticker", "orderbook", "trade", "candle", "market", "instrument"]
State: TypeAlias = Literal["active", "normal", "quiet", "closed"]

# What the law above makes of 4, 1, 1/4 and 1/25 of a market's usual rate, where rates are far below
# the price. Nearer to it the law says less, and at last the opposite: so it is asked with the rate.
FACTORS: Mapping[State, float] = {"active": 0.5, "normal": 1.0, "quiet": 2.0, "closed": 5.0}
SHORTEST_GAP = 50.0  # ms; less cannot be told from the jitter of the way here

CLOSED = 20.0  # usual gaps of silence; by chance that is one in five hundred million
_CHANGED = 3.0  # times the usual rate; clusters of trades look like twice the rate too often


class Rule(NamedTuple):
    """The worth of one kind of data, and the bounds of a life in ms.

    `price` is how many requests a second it is worth to have no stale answer of a market; `pulse`
    how often the data changes in the time of one trade.
    """

    price: float
    pulse: float
    least: float
    most: float


# At these prices a livelier market never lives longer: SHORTEST_GAP keeps rates well below them.
RULES: Mapping[Kind, Rule] = {
    "ticker": Rule(50.0, 1.0, 200.0, 10_000.0),
    "orderbook": Rule(200.0, 4.0, 200.0, 5_000.0),
    "trade": Rule(40.0, 1.0, 200.0, 30_000.0),
    "candle": Rule(40.0, 1.0, 500.0, 30_000.0),
    # Changes by announcement, a few times a week.
    "market": Rule(0.0, 0.0, 3_600_000.0, 3_600_000.0),
    # Tick sizes follow the price from one band to the next.
    "instrument": Rule(0.0, 0.0, 600_000.0, 600_000.0),
}


def best_life(gap: float, price: float) -> float:
    """Give the life (ms) worth the requests, for changes `gap` ms apart in the mean.

    Infinite where no refresh is worth it.

    >>> round(best_life(60_000, 50)), round(best_life(15_000, 50))
    (1569, 795)
    """
    root = math.sqrt(2000 / (gap * price)) if price else math.inf
    return math.inf if root >= 2 else gap * root / (1 - root / 2)


def state_of(usual: float, recent: float, silence: float) -> State:
    """Name the state of a market: mean gaps as usual and of late, time since the last trade."""
    if silence > CLOSED * usual:
        return "closed"
    if recent * _CHANGED <= usual:
        return "active"
    return "quiet" if recent >= usual * _CHANGED else "normal"


def ttl(rule: Rule, gap: float, state: State) -> float:
    """Give the life (ms) of data in a market with this usual gap between trades (ms)."""
    if rule.least == rule.most:
        return rule.least
    gap = max(gap * FACTORS[state] ** 2, SHORTEST_GAP)
    life = best_life(gap / rule.pulse, rule.price)
    return min(max(life, rule.least), rule.most)
