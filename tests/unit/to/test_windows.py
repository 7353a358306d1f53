"""Windows never look ahead, never reach over a gap, and have the very numbers of the frame."""

from __future__ import annotations

import sys

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as some

from marketkit.errors import InputError, InvalidRange, MissingExtra
from marketkit.frames import finish
from marketkit.timeframe import HOUR, TIMEFRAMES, parse_time
from marketkit.to import windows
from tests.unit.to.conftest import DAY, candles

SIZES = some.fixed_dictionaries(
    {
        "window": some.integers(1, 5),
        "horizon": some.integers(0, 4),
        "stride": some.integers(1, 4),
        "purge": some.integers(0, 3),
    }
)
HOURS = some.lists(some.integers(0, 40), min_size=1, max_size=30, unique=True).map(sorted)


def expected(hours, window, horizon, stride, purge):
    """Give the first hours of the windows, in the plainest way there is."""
    known, span = set(hours), window + purge + horizon
    return [
        hour
        for hour in hours
        if (hour - hours[0]) % stride == 0 and known >= set(range(hour, hour + span))
    ]


@given(HOURS, SIZES)
def test_windows_are_all_those_whose_slots_follow_each_other(hours, sizes):
    made = windows.numpy(candles("KRW-BTC", hours), "1h", columns=["close"], **sizes)
    firsts = expected(hours, **sizes)
    assert ((made.start.astype(np.int64) - DAY) // HOUR).tolist() == firsts
    assert made.x.shape == (len(firsts), sizes["window"], 1)
    assert made.y.shape == (len(firsts), sizes["horizon"])
    for row, first in enumerate(firsts):
        known = first + sizes["window"]
        target = known + sizes["purge"]
        assert made.x[row, :, 0].tolist() == [100.0 + hour for hour in range(first, known)]
        assert made.y[row].tolist() == [
            100.0 + hour for hour in range(target, target + sizes["horizon"])
        ]
        assert made.time[row].astype(np.int64) == DAY + known * HOUR
        end = target + sizes["horizon"]
        assert made.until[row].astype(np.int64) == DAY + end * HOUR


@given(HOURS, SIZES, some.integers(0, 40))
def test_no_candle_from_the_time_of_a_window_on_is_in_its_inputs(hours, sizes, change):
    """Change every candle from some hour on: no window that was known by then may notice."""
    frame = candles("KRW-BTC", hours)
    late = pl.col("time").dt.epoch("ms") >= DAY + change * HOUR
    numbers = ("open", "high", "low", "close", "volume")
    other = frame.with_columns(
        pl.when(late).then(pl.col(name) * 7).otherwise(name).alias(name) for name in numbers
    )
    before, after = (windows.numpy(each, "1h", **sizes) for each in (frame, other))
    known = before.time.astype(np.int64) <= DAY + change * HOUR
    assert (before.x[known] == after.x[known]).all()
    # Nor do targets hold what was known already.
    first_target = before.time.astype(np.int64) + sizes["purge"] * HOUR
    new = first_target >= DAY + change * HOUR
    assert (after.y[new] == 7 * before.y[new]).all()


@given(HOURS, SIZES, some.integers(0, 45))
def test_no_candle_is_on_both_sides_of_a_split(hours, sizes, at):
    made = windows.numpy(candles("KRW-BTC", hours), "1h", **sizes)
    moment = DAY + at * HOUR
    day, hour = divmod(at, 24)
    train, test = made.split(f"2026-03-{1 + day:02d}T{hour:02d}:00:00Z")
    assert (train.until.astype(np.int64) <= moment).all()
    assert (test.start.astype(np.int64) >= moment).all()
    across = (made.start.astype(np.int64) < moment) & (made.until.astype(np.int64) > moment)
    assert len(train) + len(test) + across.sum() == len(made)


def test_purged_slots_are_in_neither(hours):
    made = windows.numpy(hours, "1h", window=2, purge=2, columns=["close"])
    assert made.x[:, :, 0].tolist() == [[100, 101], [101, 102]]
    assert made.y.tolist() == [[104], [105]]


def test_no_window_goes_from_one_market_into_another(two):
    made = windows.numpy(two, "1h", window=2, columns=["close"])
    assert made.symbol.tolist() == ["KRW-BTC"] * 4
    made = windows.numpy(two, "1h", window=1, columns=["close"])
    assert made.symbol.tolist() == ["KRW-BTC"] * 5 + ["KRW-DOGE"] * 2
    assert made.y[-1].tolist() == [5.125]


def test_a_null_in_a_column_that_is_used_breaks_a_window_like_a_gap(hours):
    warm = hours.with_columns(mean=pl.col("close").rolling_mean(3))
    made = windows.numpy(warm, "1h", window=2, columns=["close", "mean"])
    assert made.x[:, :, 1].tolist() == [[101, 102], [102, 103]]
    assert len(windows.numpy(warm, "1h", window=2)) == 4


def test_empties_count_as_rows_only_with_the_last_close(make, hours):
    gap = hours.filter(pl.col("close") != 103)
    held = make("KRW-BTC", [3], state="empty").with_columns(volume=0.0)
    null = held.with_columns(pl.lit(None, pl.Float64).alias("close"))
    count = lambda frame: len(windows.numpy(frame, "1h", window=2))  # noqa: E731
    assert count(gap) == 1
    assert count(pl.concat([gap, null])) == 1
    assert count(pl.concat([gap, held])) == 4


def test_no_horizon_gives_inputs_up_to_the_newest_candle(hours):
    made = windows.numpy(hours, "1h", window=3, horizon=0, columns=["close"])
    assert made.x[-1, :, 0].tolist() == [103, 104, 105]
    assert made.y.shape == (4, 0)
    assert (made.until == made.time).all()


def test_months_follow_each_other_though_they_differ_in_length(make):
    month = TIMEFRAMES["1M"]
    first = parse_time("2025-12-01")
    times = [month.shift(first, step) for step in (0, 1, 2, 4, 5, 6, 7)]  # no April
    frame = make("KRW-BTC", list(range(7))).with_columns(
        time=pl.Series(times).cast(pl.Datetime("ms", "UTC"))
    )
    made = windows.numpy(frame, "1M", window=2, columns=["close"])
    assert made.x[:, :, 0].tolist() == [[100, 101], [103, 104], [104, 105]]
    assert [str(each)[:10] for each in made.time] == ["2026-02-01", "2026-06-01", "2026-07-01"]


def test_without_gaps_no_number_is_copied(make):
    frame = make("KRW-BTC", list(range(1_000)))
    made = windows.numpy(frame, "1h", window=100, stride=2)
    assert made.x.shape == (450, 100, 5)
    assert made.x.strides[0] == 2 * made.x.strides[1]
    assert not made.x.flags.writeable


def test_prices_of_the_won_keep_every_digit(make):
    made = windows.numpy(make("KRW-BTC", [0, 1], 178_345_001.0), "1h", window=1, columns=["close"])
    assert made.x.dtype == made.y.dtype == np.float64
    assert (made.x.item(0), made.y.item(0)) == (178_345_001.0, 178_345_002.0)


def test_times_of_any_zone_come_out_in_utc(hours):
    seoul = finish(hours, frame="pandas", tz="Asia/Seoul", index=["time"])
    made = windows.numpy(seoul, "1h", window=1)
    assert str(made.start[0]) == "2026-03-01T00:00:00.000"


def test_windows_are_items_for_a_loader(hours):
    made = windows.numpy(hours, "1h", window=2, columns=["close"])
    x, y = made[1]
    assert (x.tolist(), y.tolist()) == ([[101], [102]], [103])
    x[0] = 0
    assert made.x[1, 0, 0] == 101
    assert len(made) == 4
    assert repr(made) == "Windows(4 of 1 markets, x (4, 2, 1), y (4, 1))"
    with pytest.raises(IndexError):
        made[4]


def test_too_few_candles_give_no_window(hours):
    made = windows.numpy(hours.clear(), "1h", window=2)
    assert (made.x.shape, made.y.shape, len(made)) == ((0, 2, 5), (0, 1), 0)
    assert len(windows.numpy(hours, "1h", window=6)) == 0


@pytest.mark.parametrize(
    "sizes",
    [
        {"window": 0},
        {"window": 2.0},
        {"window": True},
        {"window": 2, "stride": 0},
        {"window": 2, "horizon": -1},
        {"window": 2, "purge": -1},
    ],
)
def test_sizes_that_make_no_window_are_refused(hours, sizes):
    with pytest.raises(InputError, match="makes no window: a whole number from"):
        windows.numpy(hours, "1h", **sizes)


def test_no_column_is_refused(hours):
    with pytest.raises(InputError, match="columns"):
        windows.numpy(hours, "1h", window=2, columns=[])


def test_a_split_at_no_moment_is_refused(hours):
    with pytest.raises(InvalidRange):
        windows.numpy(hours, "1h", window=2).split("half")


def test_without_numpy_the_extra_is_named(hours, monkeypatch):
    monkeypatch.setattr(windows, "find_spec", lambda _: None)
    with pytest.raises(MissingExtra, match=r"marketkit-upbit\[engines\]"):
        windows.numpy(hours, "1h", window=2)


def test_without_torch_the_error_names_torch(hours, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match="torch"):
        windows.torch(hours, "1h", window=2)
