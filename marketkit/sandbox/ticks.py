"""Price steps: the KRW table since 2025-07-31, and the BTC and USDT tables."""

from __future__ import annotations

from typing import Final, NamedTuple

import polars as pl


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
_TABLES: Final = {"KRW": _KRW, "USDT": _USDT}


def tick_size(quote: str, price: float) -> Tick:
    """Return the price step of a market at a price."""
    table = _TABLES.get(quote, ())
    return next((tick for least, tick in table if price >= least), _FINEST)


def tick_columns(quote: str, prices: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Return `num` and `den` of the steps of one quote's markets at many prices."""
    table = _TABLES.get(quote, ())
    place = pl.zeros(len(prices), dtype=pl.UInt8, eager=True)
    for least, _ in table:
        place += prices < least
    nums, dens = zip(*(tick for _, tick in table), _FINEST, strict=True)
    return (
        pl.Series(nums, dtype=pl.Float64).gather(place),
        pl.Series(dens, dtype=pl.Float64).gather(place),
    )
