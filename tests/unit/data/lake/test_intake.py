"""The lake takes files in, gives what nobody proved yet, and drops both together."""

from __future__ import annotations

import pytest

from marketkit.data.lake.transfer.imported import Imported, Imports
from marketkit.errors import InputError, WrongArgument
from marketkit.timeframe import MINUTE
from tests.unit.data.lake.conftest import make_candles


@pytest.fixture
def file(tmp_path, january):
    """Three minutes of two markets."""
    path = tmp_path / "two.parquet"
    times = [january + n * MINUTE for n in range(3)]
    rows = [make_candles(times, symbol) for symbol in ("KRW-BTC", "KRW-ETH")]
    rows[0].vstack(rows[1]).write_parquet(path)
    return path


def test_one_market_is_one_report_and_all_are_several(lake, file):
    one = lake.import_(file, symbol="KRW-BTC", timeframe="1m", dry_run=True)
    assert isinstance(one, Imported)
    assert (one.changed, one.dry_run, lake.root.exists()) == (2, True, False)
    both = lake.import_(str(file), timeframe="1m")
    assert isinstance(both, Imports)
    assert [each.symbol for each in both] == ["KRW-BTC", "KRW-ETH"]


def test_the_market_may_be_spelt_as_elsewhere(lake, file):
    assert lake.import_(file, symbol="BTC/KRW", timeframe="1m").symbol == "KRW-BTC"
    with pytest.raises(InputError, match="not a symbol: 'bitcoin'"):
        lake.import_(file, symbol="bitcoin", timeframe="1m")
    with pytest.raises(WrongArgument, match="timeframe"):
        lake.import_(file, symbol="KRW-BTC")


def test_what_a_dry_run_says_comes_true(lake, file, tmp_path, january):
    lake.import_(file, symbol="KRW-BTC", timeframe="1m", settled=True)
    other = tmp_path / "other.parquet"
    make_candles([january + n * MINUTE for n in range(1, 5)], volume=2.0).write_parquet(other)
    for prefer in ("lake", "file"):
        told = {"symbol": "KRW-BTC", "timeframe": "1m", "prefer": prefer, "settled": True}
        before = lake.read("KRW-BTC", "1m")
        would = lake.import_(other, **told, dry_run=True)
        assert lake.read("KRW-BTC", "1m").equals(before)
        came = lake.import_(other, **told)
        assert (would.changed, would.revisions) == (came.changed, came.revisions)
        assert would.differences.equals(came.differences)


def test_unsettled_candles_are_given_with_their_state_and_dropped(lake, file):
    lake.import_(file, timeframe="1m")
    assert lake.unsettled()["symbol"].to_list() == ["KRW-BTC", "KRW-ETH"]
    assert lake.unsettled("KRW-ETH").select("state").rows() == [("forming",)]
    assert lake.unsettled(timeframe="1h").is_empty()
    lake.drop(["KRW-ETH"], "1m")
    assert lake.unsettled()["symbol"].to_list() == ["KRW-BTC"]
    assert lake.read(None, "1m")["symbol"].unique().to_list() == ["KRW-BTC"]
