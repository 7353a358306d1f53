"""Price steps: the KRW table since 2025-07-31, and those of the BTC and USDT markets."""

from __future__ import annotations

from typing import Final, NamedTuple


class Tick(NamedTuple):
    """A price step as a fraction, so that n * num / den is the nearest float to the decimal."""

    num: int
    den: int

    def price(self, steps: int) -> float:
        """Return the price of so many steps."""
        return steps * self.num / self.den

    def steps(self, price: float) -> int:
        """Return the whole steps nearest to a price."""
        return round(price * self.den / self.num)


# upbit-api.md, section 7
_KRW: Final = (
    (1_000_000.0, Tick(1000, 1)),
    (500_000.0, Tick(500, 1)),
    (100_000.0, Tick(100, 1)),
    (50_000.0, Tick(50, 1)),
    (10_000.0, Tick(10, 1)),
    (5_000.0, Tick(5, 1)),
    (100.0, Tick(1, 1)),
    *((10.0**power, Tick(1, 10 ** (2 - power))) for power in range(1, -6, -1)),
)
_USDT: Final = tuple((10.0**power, Tick(1, 10 ** (3 - power))) for power in range(1, -5, -1))
_FINEST: Final = Tick(1, 100_000_000)


def tick_size(quote: str, price: float) -> Tick:
    """Return the price step of a market at a price."""
    table = {"KRW": _KRW, "USDT": _USDT}.get(quote, ())
    return next((tick for least, tick in table if price >= least), _FINEST)
