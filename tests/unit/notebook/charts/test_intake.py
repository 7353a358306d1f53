"""Frames of any kind become the same candles."""

from __future__ import annotations

import sys
from datetime import UTC, datetime

import polars as pl
import pytest

from marketkit.errors import InputError, MissingExtra
from marketkit.frames import finish
from marketkit.notebook.charts import intake
from marketkit.notebook.charts.intake import read_candles
from tests.unit.notebook.charts.conftest import MINUTE, START, minutes

pytest.importorskip("narwhals")


def only(frame, **options):
    (found,) = read_candles(frame, **options)
    return found


def with_state(frame, state, *slots):
    """Give some slots of a frame another state."""
    chosen = pl.col("time").dt.epoch("ms").is_in([START + slot * MINUTE for slot in slots])
    state = pl.when(chosen).then(pl.lit(state)).otherwise(pl.col("state").cast(pl.String()))
    return frame.with_columns(state=state)


def at(*slots):
    return [START + slot * MINUTE for slot in slots]


def test_polars_pandas_lazy_and_arrow_frames_are_read_alike(hour):
    pytest.importorskip("pandas")
    many = finish(hour, frame="pandas", tz="UTC", index=["symbol", "time"])
    one = finish(hour, frame="pandas", tz="UTC", index=["time"])
    numeric = one.drop(columns=["symbol", "state"])
    numeric.attrs["symbol"] = "KRW-BTC"
    expected = only(hour)
    for frame in (many, one, numeric, hour.lazy(), hour.to_arrow()):
        found = only(frame)
        assert found.symbol == "KRW-BTC"
        assert found.rows.equals(expected.rows)
        assert (found.width, found.zone) == (MINUTE, "UTC")


def test_a_pandas_frame_with_an_index_without_a_name_is_read(hour):
    pytest.importorskip("pandas")
    frame = finish(hour, frame="pandas", tz="Asia/Seoul", index=["time"])
    naive = frame.tz_localize(None).rename_axis(None).drop(columns=["symbol", "state"])
    found = only(naive)
    assert found.zone is None
    assert found.rows["t"][0] == START + 9 * 60 * MINUTE  # as its clock says


def test_every_symbol_is_read_in_the_order_of_the_frame(hour):
    both = pl.concat([minutes(10, symbol="KRW-XRP"), hour])
    assert [each.symbol for each in read_candles(both)] == ["KRW-XRP", "KRW-BTC"]


def test_rows_in_any_order_and_twice_are_read_once_in_order(hour):
    mixed = pl.concat([hour.reverse(), hour.head(3)])
    assert only(mixed).rows.equals(only(hour).rows)


@pytest.mark.parametrize("fill", ["forward", "null"])
def test_an_empty_slot_has_no_price_whatever_its_row_says(hour, fill):
    filled = with_state(hour, "empty", 10, 11)
    if fill == "null":
        prices = pl.col("open", "high", "low", "close", "volume", "value")
        filled = filled.with_columns(pl.when(pl.col("state") != "empty").then(prices).name.keep())
    found = only(filled)
    assert not set(at(10, 11)) & set(found.rows["t"])
    assert found.quiet.rows() == [(START + 10 * MINUTE, START + 12 * MINUTE)]
    assert not len(found.absent)


def test_a_candle_without_volume_is_an_empty_slot_also_where_no_state_says_so(hour):
    still = pl.when(pl.col("time").dt.minute() == 7).then(0.0).otherwise("volume")
    found = only(hour.drop("state").with_columns(volume=still))
    assert found.quiet.rows() == [(START + 7 * MINUTE, START + 8 * MINUTE)]
    assert len(found.rows) == 59


def test_where_nobody_says_why_a_row_is_missing_that_stays_open(hour):
    found = only(hour.filter(~pl.col("time").dt.minute().is_between(20, 29)))
    assert found.absent.rows() == [(START + 20 * MINUTE, START + 30 * MINUTE)]
    assert not len(found.lost)
    assert found.kinds == {"absent"}


def test_beside_rows_of_empty_slots_a_missing_row_is_a_gap(hour):
    holes = with_state(hour, "empty", 5).filter(~pl.col("time").dt.minute().is_between(20, 29))
    found = only(holes)
    assert found.lost.rows() == [(START + 20 * MINUTE, START + 30 * MINUTE)]
    assert found.kinds == {"lost", "quiet"}


def test_a_coverage_says_why_rows_are_missing(hour):
    edges = [(0, 20, "traded"), (20, 25, "empty"), (25, 28, "unknown"), (28, 30, "maintenance")]
    spans = pl.DataFrame(
        [("KRW-BTC", START + a * MINUTE, START + b * MINUTE, state) for a, b, state in edges],
        {"symbol": pl.String(), "start": pl.Int64(), "end": pl.Int64(), "state": pl.String()},
        orient="row",
    ).with_columns(pl.col("start", "end").cast(pl.Datetime("ms", "UTC")))
    found = only(hour.filter(~pl.col("time").dt.minute().is_between(20, 29)), coverage=spans)
    assert found.lost.rows() == [(START + 25 * MINUTE, START + 28 * MINUTE)]
    assert [start for start, _ in found.quiet.rows()] == at(20, 28)
    assert found.kinds == {"lost", "quiet"}


def test_a_forming_candle_is_known_by_where_it_starts(hour):
    assert only(with_state(hour, "forming", 59)).forming == START + 59 * MINUTE
    assert only(hour).forming is None


def test_the_axis_has_the_zone_of_the_frame_or_the_one_asked_for(hour):
    seoul = finish(hour, frame="polars", tz="Asia/Seoul", index=[])
    assert only(seoul).zone == "Asia/Seoul"
    assert only(seoul, tz="UTC").zone == "UTC"
    assert only(seoul).rows.equals(only(hour).rows)
    with pytest.raises(InputError, match="Asia/Seoul"):
        read_candles(hour, tz="Asia/Soul")
    with pytest.raises(InputError, match="no zone to come from"):
        read_candles(hour.with_columns(pl.col("time").dt.replace_time_zone(None)), tz="UTC")


def test_a_width_is_read_off_the_frame_or_given(hour):
    sparse = hour.filter(pl.col("time").dt.minute() % 10 == 0)
    assert only(sparse).width == 10 * MINUTE
    assert only(sparse, timeframe="1m").width == MINUTE
    assert only(hour.head(1)).width == MINUTE


def test_days_may_start_at_another_hour(hour):
    days = [START + (24 * day + 15) * 60 * MINUTE for day in range(5)]
    frame = hour.head(5).with_columns(time=pl.Series(days).cast(pl.Datetime("ms", "UTC")))
    assert only(frame).phase == 15 * 60 * MINUTE


def test_an_offset_is_told_from_each_moment_at_which_it_changes():
    first = datetime(2026, 10, 24, tzinfo=UTC)
    hours = pl.Series([round(first.timestamp() * 1000) + at * 3_600_000 for at in range(72)])
    assert intake.offsets(hours, "Europe/London") == [(hours[0], 3_600_000), (hours[25], 0)]
    assert intake.offsets(hours, "Asia/Seoul") == [(hours[0], 9 * 3_600_000)]
    assert intake.offsets(hours, None) == [(hours[0], 0)]


@pytest.mark.parametrize("thing", [None, [1, 2], "KRW-BTC", {"time": [1]}])
def test_anything_but_a_frame_is_bad_input(thing):
    with pytest.raises(InputError, match="needs a polars or pandas frame"):
        read_candles(thing)


def test_a_frame_without_prices_or_times_is_told_what_is_missing(hour):
    with pytest.raises(InputError, match=r"needs columns high low \(there is: "):
        read_candles(hour.drop("high", "low"))
    with pytest.raises(InputError, match="column of times"):
        read_candles(hour.drop("time"))


def test_no_rows_are_no_candles(hour):
    assert read_candles(hour.head(0)) == []


def test_narwhals_is_asked_for_by_its_extra(hour, monkeypatch):
    monkeypatch.setitem(sys.modules, "narwhals", None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[plot\]"):
        read_candles(hour)
