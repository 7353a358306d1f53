"""Windows of real minutes of KRW-DOGE, which has 189 gaps."""

from __future__ import annotations

import numpy as np
import pytest

from marketkit.data.lake import Lake
from marketkit.timeframe import MINUTE
from marketkit.to import numpy as windows


@pytest.fixture(scope="module")
def minutes(shared, tmp_path_factory):
    lake = Lake(tmp_path_factory.mktemp("windows"))
    path = shared / "realdata" / "azuremooni_krw" / "DOGE_KRW_1m.csv"
    lake.import_(path, symbol="KRW-DOGE", timeframe="1m", tz="UTC")
    return lake.read("KRW-DOGE", "1m")


def test_no_window_reaches_over_a_minute_without_a_trade(minutes):
    made = windows(minutes, "1m", window=60, horizon=5, columns=["close"])
    times = minutes["time"].dt.epoch("ms").to_numpy()
    runs = np.diff(np.flatnonzero(np.r_[True, np.diff(times) != MINUTE, True]))
    assert len(runs) == 190
    assert len(made) == sum(max(run - 64, 0) for run in runs)
    assert (made.until - made.start == np.timedelta64(65, "m")).all()
    at = np.searchsorted(times, made.start.astype(np.int64))
    closes = minutes["close"].to_numpy()
    assert (made.x[:, -1, 0] == closes[at + 59]).all()
    assert (made.y[:, -1] == closes[at + 64]).all()


def test_learning_stops_before_testing_begins(minutes):
    train, test = windows(minutes, "1m", window=60, horizon=5, purge=10).split("2025-09-20")
    assert train.until.max() <= np.datetime64("2025-09-20") <= test.start.min()
    assert len(train) > len(test) > 10_000
