"""A slow reference of bars: pure Python, one trade after the other, in exact decimals."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from typing import NamedTuple

import polars as pl

from marketkit.schema import TRADE


class Trade(NamedTuple):
    """One trade of KRW-BTC; `number` orders those of a millisecond."""

    time: int
    number: int
    price: Decimal
    volume: Decimal
    bought: bool


def frame(trades: list[Trade], symbol: str = "KRW-BTC") -> pl.DataFrame:
    """Lay trades out as `get_trade` does, in the order that they are given in."""
    rows = {
        "symbol": [symbol] * len(trades),
        "time": [each.time for each in trades],
        "price": [float(each.price) for each in trades],
        "volume": [float(each.volume) for each in trades],
        "side": ["BID" if each.bought else "ASK" for each in trades],
        "prev_close": [1.0] * len(trades),
        "change_price": [0.0] * len(trades),
        "sequential_id": [each.number for each in trades],
    }
    schema = {name: pl.Int64() if name == "time" else kind for name, kind in TRADE.items()}
    return pl.DataFrame(rows, schema).cast(pl.Schema(TRADE))


def ordered(trades: list[Trade]) -> list[Trade]:
    return sorted(trades, key=lambda each: (each.time, each.number))


def eighth(number: Decimal) -> Decimal:
    """Round to the last place that the exchange has."""
    return number.quantize(Decimal("0.00000001"), ROUND_HALF_EVEN)


def bar(start: int, trades: list[Trade], number: Callable = float) -> tuple:
    """Add trades up: time, open, high, low, close, volume, value, trades, last."""
    prices = [each.price for each in trades]
    with localcontext(prec=60):  # the usual 28 digits round a large turnover
        volume = sum(each.volume for each in trades)
        value = sum(each.volume * each.price for each in trades)
        ohlc = (prices[0], max(prices), min(prices), prices[-1])
        numbers = [number(each) for each in (*ohlc, volume, value)]
    return (start, *numbers, len(trades), trades[-1].time)


def by_time(
    trades: list[Trade],
    width: int,
    covered: list[tuple[int, int]],
    *,
    number: Callable = float,
) -> list[tuple]:
    """Give the bars of slots that are covered from end to end."""
    slots: dict[int, list[Trade]] = {}
    for each in ordered(trades):
        slots.setdefault(each.time // width * width, []).append(each)
    return [
        bar(start, inside, number)
        for start, inside in sorted(slots.items())
        if any(first <= start and start + width <= end for first, end in covered)
    ]


def by_amount(
    trades: list[Trade],
    measure: str,
    amount: Decimal,
    covered: list[tuple[int, int]],
    *,
    imbalance: bool = False,
    number: Callable = float,
) -> list[tuple]:
    """Give the full bars of an amount, each span of covered times by itself."""
    found = []
    for first, end in covered:
        held: list[Trade] = []
        total = Decimal(0)
        for each in ordered(trades):
            if not first <= each.time < end:
                continue
            held.append(each)
            adds = {
                "tick": Decimal(1),
                "volume": each.volume,
                "value": each.volume * each.price,
            }[measure]
            total += -adds if imbalance and not each.bought else adds
            if abs(total) >= amount:
                found.append(bar(held[0].time, held, number))
                held, total = [], Decimal(0)
    return found
