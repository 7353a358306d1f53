"""Indicators that are carried on are those of the whole series, bit for bit."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import talib
from hypothesis import given
from hypothesis import strategies as st

from marketkit.errors import MissingExtra
from marketkit.examples.indicators import Indicators
from marketkit.examples.parameters import Parameters
from marketkit.timeframe import MINUTE

SOON = Parameters(rsi_period=5, warm_up=6)
PRICES = st.lists(st.integers(900, 1100), min_size=12, max_size=80).map(
    lambda ticks: [float(each) for each in ticks]
)


def along(closes, parameters=SOON, times=None):
    """All states, one after each candle."""
    state, found = Indicators(), []
    for at, close in enumerate(closes):
        time = MINUTE * at if times is None else times[at]
        state = state.after(time, close, parameters)
        found.append(state)
    return found


@given(closes=PRICES)
def test_rsi_is_that_of_ta_lib_over_the_whole_series_bit_for_bit(closes):
    whole = talib.RSI(np.array(closes), timeperiod=SOON.rsi_period)
    for state, value in zip(along(closes), whole, strict=True):
        assert state.rsi == (value if state.count > SOON.warm_up else None)


@given(closes=PRICES, at=st.integers(1, 11))
def test_an_earlier_state_goes_on_as_if_nothing_had_come_after_it(closes, at):
    states = along(closes)
    again = states[at - 1]
    for number, close in enumerate(closes[at:], at):
        again = again.after(MINUTE * number, close, SOON)
    assert again.rsi == states[-1].rsi
    assert again.change == states[-1].change


def test_a_change_is_of_the_close_over_the_one_before():
    first, second, third = along([100.0, 102.0, 51.0])
    assert (first.change, second.change, third.change) == (None, 102 / 100 - 1, -0.5)


def test_minutes_without_a_trade_between_two_candles_change_nothing():
    closes = [100.0, 101.0, 99.0, 98.0, 103.0, 104.0, 101.0, 100.0, 99.0]
    spread = [at * 5 * MINUTE for at in range(len(closes))]
    dense, sparse = along(closes), along(closes, times=spread)
    assert [each.rsi for each in sparse] == [each.rsi for each in dense]
    assert [each.change for each in sparse] == [each.change for each in dense]


@pytest.mark.parametrize(("minutes", "joined"), [(30, True), (31, False)])
def test_after_a_long_silence_indicators_begin_anew(minutes, joined):
    closes = [100.0, 101.0, 99.0, 98.0, 103.0, 104.0, 101.0]
    last = along(closes)[-1]
    after = last.after(last.time + minutes * MINUTE, 50.0, SOON)
    assert (after.rsi is not None, after.change is not None) == (joined, joined)
    assert after.count == (len(closes) + 1 if joined else 1)


def test_without_ta_lib_the_error_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "talib", None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[examples\]"):
        along([100.0] * 6)
