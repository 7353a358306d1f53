"""A series leaves the lake whole, and what is left says nothing that is not so."""

from __future__ import annotations

import threading

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.format.layout import Series
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.store.drop import drop_known
from marketkit.data.lake.store.write import only_writer
from marketkit.errors import InputError, NotWritable
from marketkit.timeframe import DAY, HOUR, TIMEFRAMES, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-01-01")
DAYS = Spans([(START, START + 40 * DAY)])


@pytest.fixture
def lake(tmp_path):
    """A lake with two months of hours in minutes' files, and another series."""
    one = Lake(tmp_path / "lake")
    for symbol in ("KRW-BTC", "KRW-ETH"):
        hours = make_candles(range(START, START + 40 * DAY, HOUR), symbol=symbol)
        one.append(symbol, "1m", hours, DAYS)
    return one


def test_nothing_is_known_of_a_series_that_was_dropped(lake):
    size = lake.catalog().filter(symbol="KRW-BTC")["bytes"][0]
    assert lake.drop("KRW-BTC", "1m") == size
    assert lake.covered("KRW-BTC", "1m") == Spans()
    assert lake.read("KRW-BTC", "1m").is_empty()
    assert lake.latest(symbols="KRW-BTC").is_empty()
    assert lake.catalog()["symbol"].to_list() == ["KRW-ETH"]
    assert Lake(lake.root).catalog()["symbol"].to_list() == ["KRW-ETH"]
    assert lake.audit().is_empty()
    assert lake.drop("KRW-BTC", "1m") == 0


def test_the_revisions_go_with_it_and_those_of_others_stay(lake):
    for symbol in ("KRW-BTC", "KRW-ETH"):
        changed = make_candles([START], symbol=symbol, volume=99.0)
        lake.append(symbol, "1m", changed, Spans([(START, START + 60_000)]))
    lake.drop("KRW-BTC", "1m")
    assert set(lake.revisions()["symbol"]) == {"KRW-ETH"}


def test_a_frozen_set_keeps_what_the_lake_drops(lake):
    lake.freeze("paper")
    lake.drop(["KRW-BTC", "KRW-ETH"], "1m")
    assert lake.catalog().is_empty()
    assert lake.as_of("paper").read("KRW-BTC", "1m").height == 40 * 24
    assert lake.verify("paper").is_empty()


def test_it_can_be_filled_again(lake):
    lake.drop("KRW-BTC", "1m")
    lake.append("KRW-BTC", "1m", make_candles([START]), Spans([(START, START + DAY)]))
    assert lake.read("KRW-BTC", "1m").height == 1
    assert lake.covered("KRW-BTC", "1m") == Spans([(START, START + DAY)])


def test_it_waits_for_a_writer_at_work(lake):
    series = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"])
    thread = threading.Thread(target=lake.drop, args=("KRW-BTC", "1m"))
    with only_writer(lake.root, series):
        thread.start()
        thread.join(0.1)
        assert thread.is_alive()
        assert lake.read("KRW-BTC", "1m").height == 40 * 24
    thread.join()
    assert lake.read("KRW-BTC", "1m").is_empty()


def test_an_end_half_way_leaves_a_lake_that_knows_less_and_nothing_wrong(lake, monkeypatch):
    removed, real = [], type(lake.root).unlink

    def unlink(path, *, missing_ok=False):
        if removed:
            raise OSError(5, "the disk is gone")
        removed.append(path)
        real(path, missing_ok=missing_ok)

    with monkeypatch.context() as patch:
        patch.setattr(type(lake.root), "unlink", unlink)
        with pytest.raises(NotWritable, match="KRW-BTC cannot be removed"):
            lake.drop("KRW-BTC", "1m")
    (left,) = lake.covered("KRW-BTC", "1m")
    assert left in {(START, START + 31 * DAY), (START + 31 * DAY, START + 40 * DAY)}
    assert lake.read("KRW-BTC", "1m").height == (left[1] - left[0]) // HOUR
    assert lake.audit().is_empty()


def test_what_is_known_elsewhere_goes_when_all_of_it_is(lake):
    series, place = Series("upbit", "KRW-BTC", TIMEFRAMES["1m"]), lake._place
    drop_known(place, series, Spans([(START, START + 35 * DAY)]))
    assert lake.covered("KRW-BTC", "1m") == DAYS
    drop_known(place, series, DAYS)
    assert lake.covered("KRW-BTC", "1m") == Spans()
    assert lake.read("KRW-ETH", "1m").height == 40 * 24


def test_a_frozen_set_drops_nothing_and_an_odd_name_is_refused(lake):
    lake.freeze("paper")
    with pytest.raises(NotWritable, match="frozen"):
        lake.as_of("paper").drop("KRW-BTC", "1m")
    with pytest.raises(InputError):
        lake.drop("BTC", "1m")
    with pytest.raises(InputError):
        lake.drop([], "1m")
