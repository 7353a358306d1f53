"""Trades of two lakes, compared day by day."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.trades.diff import differences, symbols_of
from marketkit.data.lake.trades.store import TradeStore
from marketkit.errors import InputError
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, as_archived, make_trades

WHOLE = Spans([(FIRST, FIRST + DAY)])
NEXT = Spans([(FIRST + DAY, FIRST + 2 * DAY)])


@pytest.fixture
def other(tmp_path):
    return TradeStore(tmp_path / "other")


def told(a, b):
    return [(tuple(span), kind) for span, kind in differences(a, b, "KRW-BTC")]


def test_the_same_trades_are_no_difference_whoever_told_of_them(trades, other):
    rows = make_trades([NOON, NOON, NOON + 7])
    trades.append("KRW-BTC", rows, WHOLE)
    other.append("KRW-BTC", as_archived(rows[[1, 0, 2]]), WHOLE)  # and no number of REST's
    assert told(trades, other) == []


def test_each_day_is_told_of_by_what_differs(trades, other):
    trades.append("KRW-BTC", make_trades([NOON]), WHOLE)
    other.append("KRW-BTC", make_trades([NOON], volumes=[9]), WHOLE)
    other.append("KRW-BTC", make_trades([NOON + DAY]), NEXT)
    assert told(trades, other) == [(*WHOLE, "changed"), (*NEXT, "only_b")]
    assert told(other, trades) == [(*WHOLE, "changed"), (*NEXT, "only_a")]
    trades.append("KRW-BTC", make_trades([]), NEXT)
    assert told(trades, other)[1:] == [(*NEXT, "appeared")]
    assert told(other, trades)[1:] == [(*NEXT, "vanished")]


def test_of_parts_of_a_day_those_are_compared_that_both_know(trades, other):
    trades.append("KRW-BTC", make_trades([NOON]), Spans([(FIRST, NOON + 1)]))
    other.append("KRW-BTC", make_trades([NOON, NOON + 5]), Spans([(NOON, NOON + 9)]))
    assert told(trades, other) == [((FIRST, NOON), "only_a"), ((NOON + 1, NOON + 9), "only_b")]


def test_markets_of_both_are_listed(trades, other):
    trades.append("KRW-BTC", make_trades([NOON]), WHOLE)
    other.append("KRW-ETH", make_trades([NOON], symbol="KRW-ETH"), WHOLE)
    assert symbols_of([trades, other], None) == ["KRW-BTC", "KRW-ETH"]
    assert symbols_of([trades, other], {"KRW-ETH", "KRW-XRP"}) == ["KRW-ETH"]


def test_the_diff_of_lakes_counts_days_of_trades(tmp_path):
    a, b = Lake(tmp_path / "a"), Lake(tmp_path / "b")
    a.trades.append("KRW-BTC", make_trades([NOON]), WHOLE)
    b.trades.append("KRW-BTC", make_trades([NOON, NOON + DAY]), WHOLE | NEXT)
    for timeframe in (None, "trade"):
        spans = a.diff(a, b, timeframe=timeframe)
        assert spans.select("symbol", "timeframe", "difference", "slots").rows() == [
            ("KRW-BTC", "trade", "only_b", 1)
        ]
    series = a.diff(a, b, by="series")
    assert series.select("timeframe", "only_b", "changed").rows() == [("trade", 1, 0)]
    assert a.diff(a, b, timeframe="1m").is_empty()
    assert a.diff(a, b, symbols="KRW-ETH").is_empty()
    assert a.diff(a, b, by="rows").is_empty()
    with pytest.raises(InputError, match="for trades"):
        a.diff(a, b, timeframe="trade", by="rows")
    a.freeze("then")
    assert a.diff("then").is_empty()
    a.trades.append("KRW-BTC", make_trades([NOON], volumes=[3]), WHOLE)
    changed = a.diff("then").filter(pl.col("difference") == "changed")
    assert changed["slots"].to_list() == [1]
