"""What backtesting.py is given: one market, in pandas."""

from __future__ import annotations

import pytest

from marketkit.errors import InputError
from marketkit.frames import finish
from marketkit.to.backtesting_data import backtesting


def test_the_numbers_are_those_of_the_frame(hours):
    table = backtesting(hours)
    assert table["Close"].tolist() == hours["close"].to_list()
    assert table["Volume"].tolist() == hours["volume"].to_list()


def test_an_hour_without_a_trade_has_no_bar(two):
    table = backtesting(two, symbol="KRW-DOGE")
    assert [time.hour for time in table.index] == [0, 1, 4, 5]
    assert not table.isna().any(axis=None)


def test_the_zone_is_that_of_the_frame(hours):
    seoul = finish(hours, frame="polars", tz="Asia/Seoul", index=["time"])
    assert str(backtesting(seoul).index.tz) == "Asia/Seoul"


def test_several_markets_need_a_name(two):
    with pytest.raises(InputError, match="say which one"):
        backtesting(two)
