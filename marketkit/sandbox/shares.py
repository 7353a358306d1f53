"""Splitting a volume over prices so that sum and mean price come out as given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

UNITS: Final = 100_000_000  # volumes have eight places


def balanced(weights: Sequence[float], prices: Sequence[float], mean: float) -> list[float]:
    """Return the weights scaled on one side of `mean` so that the weighted price is `mean`.

    Where all prices lie on one side no weights can do it, and they come back as they are.
    """
    pairs = list(zip(weights, prices, strict=True))
    above = sum([weight * (price - mean) for weight, price in pairs if price > mean])
    below = sum([weight * (mean - price) for weight, price in pairs if price < mean])
    up, down = sides(above, below)
    return [weight * (up if price > mean else down) for weight, price in pairs]


def sides(above: float, below: float) -> tuple[float, float]:
    """Return the factors of the weights above and below a mean that bring both sides to it.

    The heavier side shrinks, so that no weight grows out of proportion.
    """
    if not above or not below:
        return 1.0, 1.0
    return min(1.0, below / above), min(1.0, above / below)


def shared(units: int, weights: Sequence[float]) -> list[int]:
    """Return whole shares of `units` in proportion to the weights, each at least 1 if possible."""
    scale = units / sum(weights)
    least = 1 if units >= len(weights) else 0
    shares = [int(weight * scale) or least for weight in weights]
    shares[shares.index(max(shares))] += units - sum(shares)
    return shares
