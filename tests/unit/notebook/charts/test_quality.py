"""Heat maps of scores: sound days, wrong ones, and those that can never be had."""

from __future__ import annotations

from datetime import date, timedelta

import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.notebook.charts import quality
from tests.unit.notebook.charts.test_coverage import cells

pytest.importorskip("plotly")

DAYS = pl.DataFrame(
    {
        "symbol": ["KRW-BTC"] * 4,
        "date": [date(2026, 3, 1) + timedelta(at) for at in range(4)],
        "score": [100.0, 30.0, None, 89.9],
        "reasons": ["", "one <b> (-40); two (-30)", "", "three (-10.1)"],
    }
)


def test_each_day_stands_at_its_score_and_one_without_is_grey():
    chart = quality(DAYS)
    assert cells(chart) == {"2026-03-01": 100, "2026-03-02": 30, "2026-03-04": 89.9}
    assert list(cells(chart, 1)) == ["2026-03-03"]
    assert chart.figure.layout.title.subtitle.text == "4 days, 2 of them below 90"


def test_the_text_of_a_day_has_its_reasons_as_lines():
    texts = [each for row in quality(DAYS).figure.data[0].customdata for each in row if each]
    assert "2026-03-02<br>score 30.0<br>one &lt;b&gt; (-40)<br>two (-30)" in texts
    assert "2026-03-03<br>can never be had" in texts


def test_a_lake_is_asked_for_its_quality():
    asked = []

    class Lake:
        def quality(self, symbols=None, timeframe="1m", start=None, end=None):
            asked.append((symbols, timeframe, start, end))
            return DAYS

    chart = quality(Lake(), "KRW-BTC", "1h", "2026-03-01", "2026-04-01")
    assert asked == [("KRW-BTC", "1h", "2026-03-01", "2026-04-01")]
    assert chart.figure == quality(DAYS).figure


def test_pandas_makes_the_same_chart():
    pytest.importorskip("pandas")
    assert quality(DAYS.to_pandas()).figure == quality(DAYS).figure


def test_many_symbols_have_a_row_each():
    both = pl.concat([DAYS, DAYS.with_columns(symbol=pl.lit("KRW-ETH"))])
    assert list(quality(both).figure.data[0].y) == ["KRW-BTC", "KRW-ETH"]
    assert quality(both, "KRW-BTC").figure == quality(DAYS).figure


def test_no_days_are_an_empty_chart():
    assert quality(DAYS.head(0)).figure.layout.title.subtitle.text == "no days"


def test_what_is_no_quality_is_refused():
    with pytest.raises(InputError, match="needs columns date score reasons"):
        quality(pl.DataFrame({"symbol": ["KRW-BTC"]}))
    with pytest.raises(InputError, match="theme='black'"):
        quality(DAYS, theme="black")
