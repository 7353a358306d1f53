"""The names and places of days of trades."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.trades.layout import TradeSeries, day_of, day_span, days_of, is_day
from marketkit.errors import InputError

DAY = 86_400_000


def test_a_day_has_a_file_of_its_own_below_the_market():
    series = TradeSeries("upbit", "KRW-BTC")
    assert series.path("2024-01-15") == "trades/source=upbit/series=KRW-BTC/2024-01-15.parquet"
    assert day_span(day_of(5)) == (0, DAY)


def test_only_days_are_names_of_days():
    assert is_day("2024-02-29")
    assert not any(map(is_day, ("2023-02-29", "2024-01", "all", "2024-01-01 (1)", "")))


def test_no_symbol_leads_out_of_the_lake():
    assert ".." not in TradeSeries("upbit", "KRW-..").folder
    with pytest.raises(InputError):
        TradeSeries("../upbit", "KRW-BTC")


def test_spans_are_shared_out_to_each_day_once():
    spans = Spans([(10, 20), (30, 2 * DAY + 5), (2 * DAY + 7, 2 * DAY + 9), (5 * DAY, 6 * DAY)])
    parts = list(days_of(spans))
    assert [day for day, _ in parts] == ["1970-01-01", "1970-01-02", "1970-01-03", "1970-01-06"]
    assert Spans(span for _, each in parts for span in each) == spans
    assert list(days_of(Spans())) == []
