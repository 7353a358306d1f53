"""Charts of the newest state of streams."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.notebook.charts import newest, tickers, trades
from marketkit.schema import TICKER, TRADE, empty
from tests.unit.notebook.charts.conftest import minutes
from tests.unit.notebook.charts.test_depth import book

pytest.importorskip("plotly")

NOW = datetime(2026, 3, 1, tzinfo=UTC)


def ticker(*changes):
    rows = [
        {"symbol": f"KRW-{at}", "price": 178345000.0, "signed_change_rate": each}
        for at, each in enumerate(changes)
    ]
    return pl.DataFrame(rows, schema=dict(TICKER))


def trade(count=4, symbol="KRW-BTC"):
    rows = [
        {
            "symbol": symbol,
            "time": NOW + timedelta(seconds=at),
            "price": 100.0 + at,
            "volume": float(at + 1),
            "side": ("BID", "ASK")[at % 2],
        }
        for at in range(count)
    ]
    return pl.DataFrame(rows, schema=dict(TRADE))


def test_changes_are_bars_with_the_strongest_rise_first():
    (bars,) = tickers(ticker(-0.02, 0.05, 0.0)).figure.data
    assert list(bars.y) == ["KRW-1", "KRW-2", "KRW-0"]
    assert list(bars.x) == [5, 0, -2]
    assert bars.text[0] == "178,345,000  +5.00 %"
    assert list(bars.marker.color) == ["#e0433f", "#e0433f", "#2f78d6"]


def test_of_many_the_strongest_of_both_ends_are_drawn():
    chart = tickers(ticker(*(at / 1000 for at in range(-50, 50))))
    (bars,) = chart.figure.data
    assert len(bars.y) == 30
    assert (bars.x[0], bars.x[-1]) == pytest.approx((4.9, -5))
    assert chart.figure.layout.title.subtitle.text.startswith("30 of 100 symbols")


def test_bars_leave_room_for_their_text():
    low, high = tickers(ticker(-0.01, 0.03)).figure.layout.xaxis.range
    assert low < -1
    assert high > 3
    assert tickers(ticker(0.03)).figure.layout.xaxis.range[0] == 0


def test_trades_are_points_whose_area_is_their_volume():
    buys, sells = trades(trade()).figure.data
    assert list(buys.y) == [100, 102]
    assert list(sells.y) == [101, 103]
    assert buys.marker.color != sells.marker.color
    assert max(sells.marker.size) == pytest.approx(14)
    assert buys.x[0] == NOW.replace(tzinfo=None)


def test_each_symbol_of_trades_has_a_pane_and_a_zone_can_be_asked_for():
    chart = trades(pl.concat([trade(), trade(symbol="KRW-<b>")]), tz="Asia/Seoul")
    assert chart.figure.layout.yaxis2.title.text == "KRW-&lt;b&gt;"
    assert chart.figure.data[0].x[0].hour == 9


def test_the_columns_say_which_chart_fits():
    kinds = {
        "candlestick": minutes(3),
        "bar": ticker(0.1),
        "scatter": trade(),
    }
    for kind, frame in kinds.items():
        assert kind in {each.type for each in newest.of(frame).figure.data}
    assert newest.of(book()).figure.layout.title.subtitle.text.startswith("2 apart")


def test_a_chart_that_is_drawn_again_and_again_carries_no_detail():
    assert newest.of(minutes(2000), detail=0)._packed is None
    assert newest.of(minutes(2000))._packed is not None


def test_no_rows_are_empty_charts():
    for schema in (TICKER, TRADE):
        assert newest.of(empty(schema)).figure.layout.height > 100


def test_what_fits_no_chart_is_refused():
    with pytest.raises(InputError, match="no chart fits columns symbol word: give candles"):
        newest.of(pl.DataFrame({"word": [1], "symbol": ["KRW-BTC"]}).select("symbol", "word"))
    with pytest.raises(InputError, match="needs columns signed_change_rate"):
        tickers(minutes(1).rename({"close": "price"}))
    with pytest.raises(InputError, match="needs columns side"):
        trades(trade().drop("side"))
    with pytest.raises(InputError, match="room for 12 symbols, not 13"):
        trades(pl.concat([trade(symbol=f"KRW-{at}") for at in range(13)]))
