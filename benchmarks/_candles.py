"""Synthetic Upbit-like candles: price ticks, silent minutes, 8-decimal volumes."""

from __future__ import annotations

import math
import random
from datetime import UTC, datetime

import polars as pl

from marketkit.schema import ROW, TIME

START = int(datetime(2024, 1, 1, tzinfo=UTC).timestamp()) * 1000
MINUTE = 60_000
YEAR = 366 * 1440  # minutes of 2024

# The lowest price at which the exchange uses a tick.
_TICKS = (
    *((2e6, 1000), (1e6, 500), (5e5, 100), (1e5, 50), (1e4, 10), (1e3, 1), (1e2, 0.1), (10, 0.01)),
    *((1, 0.001), (0.1, 1e-4), (0.01, 1e-5), (1e-3, 1e-6), (1e-4, 1e-7), (0, 1e-8)),
)


def symbol(market: int) -> str:
    """Name a market: the first is the dearest and, like the next four, never silent."""
    return "KRW-BTC" if market == 0 else f"KRW-C{market:03d}"


def candles(market: int, minutes: int, start: int = START) -> pl.DataFrame:
    """Make one market's candles of `minutes` minutes, the same for the same arguments."""
    dice = random.Random(market)
    price = 1e8 if market == 0 else 10 ** dice.uniform(-4, 6.5)
    tick = next(tick for lowest, tick in _TICKS if price >= lowest)
    silent = 0.0 if market < 5 else min(0.6, dice.betavariate(1.2, 5))
    turnover = 12 + 3 * dice.random()
    walk = _walk(market, minutes, round(price / tick)).filter(_uniform(market, 0) >= silent)
    decimals = max(0, round(-math.log10(tick)))
    prices = walk.with_columns((pl.col("open", "high", "low", "close") * tick).round(decimals))
    volume = ((_normal(market, 1) * 1.4 + turnover).exp() / pl.col("close")).round(8).clip(1e-8)
    average = pl.mean_horizontal("open", "high", "low", "close")
    return (
        prices.with_columns(
            symbol=pl.lit(symbol(market)),
            time=(start + pl.col("minute") * MINUTE).cast(TIME),
            volume=volume,
        )
        .with_columns(value=(pl.col("volume") * average).round(8))
        .select(*ROW)
        .collect()
    )


def _walk(market: int, minutes: int, base: int) -> pl.LazyFrame:
    """Walk a price at random, in ticks, kept above a quarter of where it began."""
    spread = max(0.6, min(base * 6e-4, 60)) * (1 + 2 * _uniform(market, 3) ** 4)
    step = (_normal(market, 4) * spread).round()
    lowest = max(base // 4, 50)
    body = pl.max_horizontal("open", "close"), pl.min_horizontal("open", "close")
    return (
        pl.LazyFrame({"minute": range(minutes)})
        .with_columns(close=(base + step.cum_sum() - lowest).abs() + lowest)
        .with_columns(open=pl.col("close").shift(1, fill_value=base) + _jump(market))
        .with_columns(
            high=body[0] + _wick(market, 7), low=(body[1] - _wick(market, 8)).clip(lower_bound=1)
        )
    )


def _uniform(market: int, which: int) -> pl.Expr:
    """Draw a number of (0, 1) for each minute."""
    return (pl.col("minute").hash(market * 100 + which) // 2048) / 2**53 + 2**-54


def _normal(market: int, which: int) -> pl.Expr:
    angle = 2 * math.pi * _uniform(market, which + 20)
    return (-2 * _uniform(market, which).log()).sqrt() * angle.cos()


def _jump(market: int) -> pl.Expr:
    return (_uniform(market, 6) * 3).floor() - 1


def _wick(market: int, which: int) -> pl.Expr:
    return (_uniform(market, which).log() / math.log(0.55)).floor()
