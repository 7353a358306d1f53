"""Prices from 100 on, and how far they are below their highest."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.errors import InputError
from marketkit.notebook.charts import compare
from tests.unit.notebook.charts.conftest import minutes

pytest.importorskip("plotly")


def line(closes, symbol="KRW-BTC", first=0):
    return minutes(len(closes), symbol=symbol, first=first).with_columns(close=pl.Series(closes))


def drawn(chart, axis="y1"):
    """Give the values of each symbol on an axis."""
    names = {"y1": (None, "y", "y1"), "y2": ("y2",)}[axis]
    return {trace.name: list(trace.y) for trace in chart.figure.data if trace.yaxis in names}


def test_an_index_begins_at_100_and_a_drawdown_is_below_the_highest_so_far():
    chart = compare(line([50.0, 60.0, 45.0, 75.0]))
    assert drawn(chart) == {"KRW-BTC": pytest.approx([100, 120, 90, 150])}
    assert drawn(chart, "y2") == {"KRW-BTC": pytest.approx([0, 0, -25, 0])}


def test_all_begin_at_the_first_moment_at_which_each_has_a_price():
    both = pl.concat([line([1.0, 2.0, 4.0]), line([10.0, 20.0], "KRW-XRP", first=1)])
    chart = compare(both)
    assert drawn(chart) == {"KRW-BTC": [100, 200], "KRW-XRP": [100, 200]}
    assert chart.figure.data[0].x[0].minute == 1


def test_a_wide_frame_makes_the_same_chart_as_a_long_one():
    long = pl.concat([line([1.0, 2.0, 4.0]), line([10.0, 20.0, 5.0], "KRW-XRP")])
    wide = long.pivot("symbol", index="time", values="close")
    assert compare(wide).figure == compare(long).figure
    pytest.importorskip("pandas")
    assert compare(wide.to_pandas().set_index("time")).figure == compare(long).figure


def test_a_line_breaks_where_a_slot_has_no_price():
    holes = line([1.0, 2.0, 3.0, 4.0]).filter(pl.col("time").dt.minute() != 2)
    (values,) = drawn(compare(holes)).values()
    assert values == [100, 200, 200, None, 400]


def test_an_empty_slot_has_no_price():
    frame = line([1.0, 2.0, 2.0, 4.0]).with_columns(
        state=pl.when(pl.col("time").dt.minute() == 2)
        .then(pl.lit("empty"))
        .otherwise(pl.lit("closed"))
    )
    (values,) = drawn(compare(frame)).values()
    assert None in values


def test_of_many_rows_the_extremes_of_each_slot_stay():
    closes = [100.0 + at % 7 for at in range(20_000)]
    closes[7_777], closes[12_345] = 500.0, 1.0
    (values,) = drawn(compare(line(closes))).values()
    assert len(values) <= 4 * 800
    assert max(values) == pytest.approx(500)
    assert min(values) == pytest.approx(1)
    assert values[-1] == pytest.approx(closes[-1])


def test_another_column_a_zone_and_a_log_scale_can_be_asked_for():
    chart = compare(line([1.0, 2.0]), column="high", tz="Asia/Seoul", log=True)
    assert chart.figure.layout.yaxis.type == "log"
    assert chart.figure.layout.xaxis.title.text == "Asia/Seoul"
    assert chart.figure.data[0].x[0].hour == 9


def test_no_prices_are_an_empty_chart():
    chart = compare(line([1.0]).head(0))
    assert chart.figure.layout.title.subtitle.text == "no prices in this frame"


def test_series_that_never_overlap_leave_only_the_later_ones():
    both = pl.concat([line([1.0, 2.0]), line([3.0, 6.0], "KRW-XRP", first=50)])
    assert drawn(compare(both)) == {"KRW-XRP": [100, 200]}


def test_what_cannot_be_compared_is_refused():
    with pytest.raises(InputError, match="needs columns vwap"):
        compare(line([1.0]), column="vwap")
    with pytest.raises(InputError, match="needs columns close"):
        compare(line([1.0]).select("time"))
    many = pl.concat([line([1.0], f"KRW-{at}") for at in range(25)])
    with pytest.raises(InputError, match="room for 24 symbols, not 25"):
        compare(many)
