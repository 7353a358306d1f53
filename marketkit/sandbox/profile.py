"""The nature of a made-up market: listing date, price, and how often there is a trade."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from marketkit.sandbox.draws import unit
from marketkit.sandbox.widths import DAY, MINUTE

# Rough KRW prices of coins people know; the others are drawn.
_PRICES: Final = {
    "BTC": 150e6, "ETH": 5.2e6, "XRP": 3_400.0, "SOL": 280e3, "DOGE": 310.0, "USDT": 1_420.0,
    "ADA": 1_050.0, "SUI": 4_300.0, "LINK": 27e3, "XLM": 480.0, "TRX": 450.0, "AVAX": 38e3,
    "BCH": 760e3, "DOT": 5_100.0, "ETC": 26e3, "HBAR": 290.0, "SHIB": 0.0165, "NEAR": 3_500.0,
    "PEPE": 0.0131, "UNI": 11e3, "AAVE": 380e3,
}  # fmt: skip
_PER_QUOTE: Final = {"KRW": 1.0, "BTC": 150e6, "USDT": 1_420.0}
_TRADED: Final = {
    "KRW-BTC": 1.0, "KRW-ETH": 1.0, "KRW-XRP": 0.99, "KRW-SOL": 0.985, "KRW-DOGE": 0.98,
    "KRW-USDT": 0.97,
}  # fmt: skip
_TRADED_BY_RANK: Final = {"KRW": (0.97, 0.03), "BTC": (0.93, 0.004), "USDT": (0.9, 0.003)}
_TURNOVER: Final = {"KRW": 4e11, "BTC": 8.0, "USDT": 2e6}  # of the busiest market, a day


@dataclass(frozen=True, slots=True)
class Profile:
    """One made-up market; price and turnover are in the quote currency."""

    listing: int  # ms UTC
    price: float
    wildness: float  # 1 is usual; a stable coin hardly moves
    traded: float  # the share of minutes in which something trades
    turnover: float  # a day


def profile(symbol: str, key: int, rank: int) -> Profile:
    """Return the nature of a market; `rank` is the place in the quote currency's trading."""
    quote, _, base = symbol.partition("-")
    decay, least = _TRADED_BY_RANK[quote]
    price = _PRICES.get(base) or 10 ** (4.3 * unit(key, 1))
    return Profile(
        _listing(base, key, rank),
        price / _PER_QUOTE[quote],
        0.03 if base == "USDT" else 0.6 + 0.8 * unit(key, 2),
        _TRADED.get(symbol) or max(least, (0.97 if quote == "KRW" else 0.3) * decay**rank),
        _TURNOVER[quote] / (rank + 1) ** 1.2,
    )


def _listing(base: str, key: int, rank: int) -> int:
    """Draw a listing date: old coins years ago, one in seven of the made-up ones lately."""
    if base == "BTC" or rank < 2:
        return _moment(2017, 9, 25, 3)
    hour = _moment(1970, 1, 1, 5) + round(210 * unit(key, 4)) * MINUTE
    if base.startswith("MK") and key % 7 == 0:
        first, days = _moment(2025, 10, 1), 410
    else:
        first, days = _moment(2017, 10, 1), 2800
    return first + int(days * unit(key, 3)) * DAY + hour


def _moment(year: int, month: int, day: int, hour: int = 0) -> int:
    return int(datetime(year, month, day, hour, tzinfo=UTC).timestamp()) * 1000
