"""The trades inside a candle, and the shares they are made of."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marketkit.sandbox.candle import Candle, last_trade
from marketkit.sandbox.shares import UNITS
from marketkit.sandbox.trades import split

MINUTE = 60_000


@st.composite
def candles(draw):
    low = draw(st.integers(1, 10**6))
    high = low + draw(st.integers(0, 500))
    opening, close = draw(st.integers(low, high)), draw(st.integers(low, high))
    units = draw(st.integers(10**6, 10**15))
    mean = (opening + close + high + low) / 4
    start = draw(st.integers(0, 10**7)) * MINUTE
    volume = units / UNITS
    last = last_trade(draw(st.integers(0, 2**32)), start, MINUTE)
    prices = (opening / 10, high / 10, low / 10, close / 10)
    return Candle(start, *prices, volume, round(volume * mean / 10, 8), last)


@given(candles(), st.integers(0, 2**32))
def test_the_trades_of_a_minute_give_the_minute_back(candle, key):
    trades = split(key, candle)
    prices = [trade.price for trade in trades]
    assert (prices[0], max(prices), min(prices), prices[-1]) == candle[1:5]
    assert sum(round(trade.volume * UNITS) for trade in trades) == round(candle.volume * UNITS)
    value = math.fsum(trade.price * trade.volume for trade in trades)
    # Volumes are whole units, so each trade may be off by half of one.
    rounding = len(trades) * candle.high / UNITS
    assert value == pytest.approx(candle.value, rel=1e-5, abs=rounding)
    times = [trade.time for trade in trades]
    assert times == sorted(times)
    ids = [trade.sequential_id for trade in trades]
    assert ids == sorted(set(ids))
    assert [one // 10_000 for one in ids] == times
    assert all(one % 10_000 for one in ids)
    assert candle.time <= times[0]
    assert times[-1] == candle.last < candle.time + MINUTE
    assert all(trade.volume > 0 for trade in trades)


def test_the_same_candle_always_has_the_same_trades():
    candle = Candle(0, 5.0, 7.0, 4.0, 6.0, 100.0, 550.0, 50_000)
    first = split(1, candle)
    split.cache_clear()
    assert split(1, candle) == first != split(2, candle)


def test_a_sequential_id_is_larger_than_a_double_holds_exactly():
    candle = Candle(1_773_240_000_000, 5.0, 5.0, 5.0, 5.0, 1.0, 5.0, 1_773_240_059_095)
    assert split(1, candle)[-1].sequential_id // 10_000 == 1_773_240_059_095
    assert split(1, candle)[-1].sequential_id > 2**53


def test_about_a_quarter_of_the_trades_share_a_millisecond():
    minutes = [
        Candle(n * MINUTE, 5.0, 7.0, 4.0, 6.0, 9.0, 50.0, n * MINUTE + 50_000) for n in range(500)
    ]
    times = [trade.time for minute in minutes for trade in split(3, minute)]
    assert (len(times) - len(set(times))) / len(times) == pytest.approx(0.2, abs=0.05)
