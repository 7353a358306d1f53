"""Charts of candles show what is known and nothing else."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import polars as pl
import pytest

from marketkit.errors import InputError, MissingExtra
from marketkit.frames import finish
from marketkit.notebook.charts import candles
from marketkit.notebook.charts.candles import DETAIL
from tests.unit.notebook.charts.conftest import MINUTE, START, minutes

pytest.importorskip("plotly")


def parts(chart, name):
    """Give the traces that draw one part."""
    return [trace for trace in chart.figure.data if trace.meta["part"] == name]


def part(chart, name):
    (found,) = parts(chart, name)
    return found


def clock(slot, zone_hours=0):
    return datetime(2026, 3, 1) + timedelta(hours=zone_hours, minutes=slot)  # noqa: DTZ001


def with_state(frame, state, first, last):
    chosen = pl.int_range(pl.len()).is_between(first, last)
    state = pl.when(chosen).then(pl.lit(state)).otherwise(pl.col("state").cast(pl.String()))
    return frame.with_columns(state=state)


def test_a_few_candles_are_drawn_as_they_are(hour):
    chart = candles(hour)
    drawn = part(chart, "candles")
    assert drawn.type == "candlestick"
    assert list(drawn.x) == [clock(slot) for slot in range(60)]
    for name in ("open", "high", "low", "close"):
        assert list(drawn[name]) == hour[name].to_list()
    assert list(part(chart, "volume").y) == hour["volume"].to_list()
    assert list(part(chart, "value").y) == hour["value"].to_list()
    assert chart.figure.layout.title.subtitle.text == "60 candles of 1m, drawn as 1m"


def test_polars_and_pandas_make_the_same_chart(hour):
    pytest.importorskip("pandas")
    frame = finish(hour, frame="pandas", tz="UTC", index=["time"])
    assert candles(frame).figure == candles(hour).figure


def test_each_symbol_has_panes_of_its_own_on_one_axis_of_time(hour):
    chart = candles(pl.concat([hour, minutes(60, symbol="KRW-XRP", base=3e6)]))
    layout = chart.figure.layout
    assert [axis.title.text for axis in (layout.yaxis, layout.yaxis4)] == ["KRW-BTC", "KRW-XRP"]
    domains = [layout[f"yaxis{at}"].domain for at in ("", 2, 3, 4, 5, 6)]
    assert all(upper[0] > lower[1] for upper, lower in itertools.pairwise(domains))
    assert {trace.xaxis for trace in chart.figure.data} == {None}
    assert layout.title.text == "KRW-BTC, KRW-XRP"


def test_panes_can_be_left_out(hour):
    chart = candles(hour, volume=False, value=False)
    assert {trace.meta["part"] for trace in chart.figure.data} == {"candles"}
    assert chart.figure.layout.height < candles(hour).figure.layout.height


def test_amounts_that_a_frame_does_not_have_get_no_pane(hour):
    chart = candles(hour.drop("value"))
    assert {trace.meta["part"] for trace in chart.figure.data} == {"candles", "volume"}


def test_a_long_time_without_any_trade_is_drawn_as_that(week):
    state = (
        pl.when(pl.col("time").dt.minute() % 2 == 0).then(pl.lit("empty")).otherwise(pl.lit("x"))
    )
    still = candles(week.with_columns(state=state).filter(pl.col("state") == "empty"))
    assert still.figure.layout.title.subtitle.text == "no candles in this frame"
    assert not parts(still, "candles")[0].x
    assert "data-marketkit" in still.to_html()


def test_prices_are_written_out_on_a_linear_and_a_logarithmic_axis(hour):
    for log in (False, True):
        axis = candles(hour, log=log).figure.layout.yaxis
        assert axis.type == ("log" if log else "linear")
        assert axis.tickformat == axis.hoverformat == ",.8~f"


def test_times_are_shown_in_the_zone_of_the_frame_or_the_one_asked_for(hour):
    seoul = candles(hour, tz="Asia/Seoul")
    assert part(seoul, "candles").x[0] == clock(0, 9)
    assert seoul.figure.layout.xaxis.title.text == "Asia/Seoul"
    assert candles(finish(hour, frame="polars", tz="Asia/Seoul", index=[])).figure == seoul.figure
    assert candles(hour).figure.layout.xaxis.title.text == "UTC"


def test_a_gap_is_a_gap_and_an_empty_slot_has_no_price(hour):
    holes = with_state(hour, "empty", 5, 9).filter(~pl.col("time").dt.minute().is_between(20, 29))
    chart = candles(holes)
    drawn = {each.minute for each in part(chart, "candles").x}
    assert drawn == set(range(60)) - set(range(5, 10)) - set(range(20, 30))
    for name, first, last in (("quiet", 5, 10), ("lost", 20, 30)):
        half = timedelta(seconds=30)
        left, _, right, _, _ = part(chart, name).x
        assert (left, right) == (clock(first) - half, clock(last) - half)
    assert part(chart, "lost").name == "gap: not known"
    assert part(chart, "quiet").name == "no trade"
    assert not parts(chart, "absent")


def test_without_a_word_of_why_a_missing_row_is_called_no_candle(hour):
    chart = candles(hour.filter(pl.col("time").dt.minute() != 7))
    assert part(chart, "absent").name == "no candle"
    assert not parts(chart, "lost")


def test_the_legend_names_each_mark_once(hour):
    other = with_state(minutes(60, symbol="KRW-XRP"), "forming", 59, 59)
    chart = candles(pl.concat([with_state(hour, "empty", 3, 3), with_state(other, "empty", 4, 4)]))
    named = [trace.meta["part"] for trace in chart.figure.data if trace.showlegend]
    assert sorted(named) == ["forming", "quiet"]


def test_a_forming_candle_is_hollow_and_apart(hour):
    chart = candles(with_state(hour, "forming", 59, 59))
    forming = part(chart, "forming")
    assert [each.minute for each in forming.x] == [59]
    assert forming.increasing.fillcolor == "rgba(0,0,0,0)"
    assert len(part(chart, "candles").x) == 59


def test_a_wide_candle_with_a_forming_one_inside_is_forming(week):
    last = len(week) - 1
    chart = candles(with_state(week, "forming", last, last))
    assert len(part(chart, "forming").x) == 1
    assert len(part(chart, "candles").x) == 7 * 96 - 1


@pytest.mark.parametrize(("colors", "up"), [("korean", "#e0433f"), ("western", "#1f9d6b")])
def test_colours_are_those_of_the_country(hour, colors, up):
    chart = candles(hour, colors=colors)
    assert part(chart, "candles").increasing.fillcolor == up
    rises = hour["close"] >= hour["open"]
    assert [each == up for each in part(chart, "volume").marker.color] == rises.to_list()


def test_a_week_of_minutes_is_joined_to_what_a_screen_shows_and_carries_more(week):
    chart = candles(week)
    drawn = part(chart, "candles")
    assert len(drawn.x) == 7 * 96
    assert max(drawn.high) == week["high"].max()
    assert chart.figure.layout.title.subtitle.text == "10,080 candles of 1m, drawn as 15m"
    page = chart.to_html()
    assert '"subtitle": "10,080 candles of 1m, drawn as {width}"' in page


def test_the_detail_is_bounded_shared_and_can_be_had_in_full(week):
    sizes = [len(candles(week, detail=detail).to_html()) for detail in (0, 1000, 100_000)]
    assert sizes == sorted(sizes)
    assert "null" in candles(week, detail=0).to_html()
    whole = candles(week, detail=DETAIL)._packed
    assert whole.header["series"][0]["width"] == MINUTE
    both = pl.concat([week, week.with_columns(symbol=pl.lit("KRW-XRP"))])
    shared = candles(both, detail=8_000)._packed
    assert {each["width"] for each in shared.header["series"]} == {3 * MINUTE}


def test_all_candles_lie_on_the_axis(hour):
    start, end = candles(hour).figure.layout.xaxis.range
    assert start < clock(0) < clock(59) < end


def test_markup_in_a_symbol_is_text(hour):
    chart = candles(hour.with_columns(symbol=pl.lit("<b>KRW</b>")))
    assert chart.figure.layout.title.text == "&lt;b&gt;KRW&lt;/b&gt;"
    assert part(chart, "candles").name == "&lt;b&gt;KRW&lt;/b&gt;"
    assert "<b>KRW" not in chart.to_html()


def test_a_frame_without_a_row_is_an_empty_chart(hour):
    chart = candles(hour.head(0))
    assert chart.figure.layout.title.subtitle.text == "no candles in this frame"
    only_empty = hour.head(3).with_columns(state=pl.lit("empty"))
    assert candles(only_empty).figure.layout.title.subtitle.text == "no candles in this frame"


def test_a_single_candle_is_drawn(hour):
    assert list(part(candles(hour.head(1)), "candles").x) == [clock(0)]


def test_more_symbols_than_fit_are_refused_with_a_way_out(hour):
    many = pl.concat([hour.head(2).with_columns(symbol=pl.lit(f"KRW-{at}")) for at in range(13)])
    with pytest.raises(InputError, match="room for 12 symbols, not 13: filter the frame"):
        candles(many)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"colors": "corean"}, "did you mean 'korean'"),
        ({"theme": "black"}, "theme='black'"),
        ({"timeframe": "2m"}, "unknown timeframe"),
        ({"tz": "Asia/Soul"}, "Asia/Seoul"),
    ],
)
def test_an_argument_that_is_none_of_the_choice_is_named(hour, options, said):
    with pytest.raises(InputError, match=said):
        candles(hour, **options)


def test_plotly_is_asked_for_by_its_extra(hour, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "plotly.graph_objects", None)
    with pytest.raises(MissingExtra, match=r"plotly is not installed.*marketkit-upbit\[plot\]"):
        candles(hour)


def test_a_start_of_the_epoch_is_a_time_like_others(hour):
    shifted = hour.with_columns(time=pl.col("time") - pl.duration(milliseconds=START))
    assert part(candles(shifted), "candles").x[0].year == 1970
