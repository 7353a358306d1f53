"""Archives of real candles: imported as they are, claimed as told, revised where one changes."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.errors import InputError
from marketkit.timeframe import parse_time

HOURS = {
    "KRW-BTC": ("KRW-BTC_1h_2020-2025.parquet", "BTC_KRW_1h.csv"),
    "KRW-DOGE": ("DOGE_KRW_1h.csv",),
    "KRW-LINK": ("LINK_KRW_1h.csv",),
}


@pytest.fixture
def lake(tmp_path) -> Lake:
    return Lake(tmp_path / "lake")


@pytest.fixture
def week(shared):
    """A week of minutes in the fields of the old endpoint: newest first, a row twice."""
    return shared / "realdata" / "gyusu_krw_btc_2018" / "run180129_BTC.csv"


@pytest.fixture
def archives(shared):
    return shared / "realdata" / "azuremooni_krw"


def test_a_newest_first_file_with_a_duplicate_gives_its_distinct_minutes(lake, week):
    came = lake.import_(week, symbol="KRW-BTC", timeframe="1m", settled=True)
    assert (came.rows, came.distinct, came.changed, came.revisions) == (10_000, 9_999, 9_999, 0)
    rows = lake.read("KRW-BTC", "1m")
    truth = pl.read_csv(week).unique("candleDateTime").sort("candleDateTime")
    assert rows["time"].dt.strftime("%Y-%m-%dT%H:%M:%S+00:00").equals(truth["candleDateTime"])
    names = {
        "open": "openingPrice",
        "high": "highPrice",
        "low": "lowPrice",
        "close": "tradePrice",
        "volume": "candleAccTradeVolume",
        "value": "candleAccTradePrice",
    }
    for ours, theirs in names.items():
        assert rows[ours].equals(truth[theirs].cast(pl.Float64))


def test_the_row_that_was_still_forming_when_it_was_downloaded_is_no_proof(lake, week):
    came = lake.import_(week, symbol="KRW-BTC", timeframe="1m")
    first = pl.read_csv(week)["candleDateTime"][0]
    assert came.unsettled["time"].dt.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_list() == [first]
    assert (came.changed, lake.read("KRW-BTC", "1m").height) == (9_998, 9_999)


def test_importing_it_again_changes_nothing(lake, week):
    lake.import_(week, symbol="KRW-BTC", timeframe="1m", settled=True)
    again = lake.import_(week, symbol="KRW-BTC", timeframe="1m", settled=True)
    assert (again.changed, again.revisions) == (0, 0)
    assert lake.revisions().is_empty()


def test_a_changed_copy_of_one_row_is_exactly_one_revision(lake, week, tmp_path):
    lake.import_(week, symbol="KRW-BTC", timeframe="1m", settled=True)
    before = lake.read("KRW-BTC", "1m")
    row = pl.read_csv(week)[4_321]
    row.with_columns(pl.col("tradePrice") + 1000).write_csv(tmp_path / "changed.csv")
    told = {"symbol": "KRW-BTC", "timeframe": "1m", "settled": True, "prefer": "file"}
    came = lake.import_(tmp_path / "changed.csv", **told)
    assert (came.rows, came.changed, came.revisions) == (1, 1, 1)
    found = lake.revisions()
    price = row["tradePrice"][0]
    assert found.select("symbol", "timeframe", "column", "old", "new").rows() == [
        ("KRW-BTC", "1m", "close", price, price + 1000)
    ]
    assert found["time"].dt.strftime("%Y-%m-%dT%H:%M:%S+00:00")[0] == row["candleDateTime"][0]
    after = lake.read("KRW-BTC", "1m")
    assert after.join(before, on=after.columns, how="anti", nulls_equal=True).height == 1
    assert lake.finality()["candles"].to_list() == [1]


def test_a_thin_market_claims_the_minutes_it_has_or_all_of_them(lake, shared):
    path = shared / "realdata" / "upbit_ml_krw_om" / "KRW-OM_1m_20250526_0918-1311_utc.csv"
    assert lake.import_(path, symbol="KRW-OM", timeframe="1m", settled=True).slots == 137
    came = lake.import_(
        path, symbol="KRW-OM", timeframe="1m", covering="range", settled=True, prefer="file"
    )
    assert (came.slots, came.distinct, came.changed, came.revisions) == (234, 137, 0, 0)


def test_two_archives_of_the_same_hours_agree_and_their_ranges_prove_the_silent_hours(
    lake, archives
):
    for symbol, names in HOURS.items():
        for name in names:
            came = lake.import_(
                archives / name,
                symbol=symbol,
                timeframe="1h",
                tz="UTC",
                covering="range",
                settled=True,
            )
            assert came.revisions == 0
    hours = lake.read("KRW-BTC", "1h")
    assert hours.height == 50_715
    (span,) = lake.covered("KRW-BTC", "1h")
    start, end = (datetime.fromtimestamp(edge // 1000, UTC) for edge in span)
    assert (start, end) == (datetime(2020, 1, 1, tzinfo=UTC), datetime(2025, 10, 17, 6, tzinfo=UTC))
    assert (end - start).total_seconds() // 3600 - hours.height == 75
    found = dict(lake.catalog().select("symbol", pl.col("slots") - pl.col("rows")).rows())
    assert found == {"KRW-BTC": 75, "KRW-DOGE": 54, "KRW-LINK": 59}


def test_the_wrong_zone_is_refused_where_the_right_one_is_known(lake, archives, tmp_path):
    path = archives / "DOGE_KRW_1m.csv"
    lake.import_(path, symbol="KRW-DOGE", timeframe="1m", tz="UTC")
    before = lake.read("KRW-DOGE", "1m")
    with pytest.raises(InputError, match="another symbol or time zone"):
        lake.import_(path, symbol="KRW-DOGE", timeframe="1m", tz="Asia/Seoul")
    other = archives / "BTC_KRW_1m.csv"
    with pytest.raises(InputError, match="its name says KRW-BTC, not KRW-DOGE"):
        lake.import_(other, symbol="KRW-DOGE", timeframe="1m", tz="UTC")
    with pytest.raises(InputError, match="another symbol or time zone"):
        lake.import_(
            shutil.copy(other, tmp_path / "a.csv"), symbol="KRW-DOGE", timeframe="1m", tz="UTC"
        )
    assert lake.read("KRW-DOGE", "1m").equals(before)


def test_hours_are_not_taken_for_minutes_nor_minutes_for_hours(lake, archives):
    with pytest.raises(InputError, match="say timeframe='1h'"):
        lake.import_(archives / "DOGE_KRW_1h.csv", symbol="KRW-DOGE", timeframe="1m", tz="UTC")
    with pytest.raises(InputError, match="no slot of 1h"):
        lake.import_(archives / "DOGE_KRW_1m.csv", symbol="KRW-DOGE", timeframe="1h", tz="UTC")
    assert not lake.root.exists()


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow"])
def test_real_candles_come_back_from_an_export_row_for_row(lake, archives, tmp_path, suffix):
    path = archives / "DOGE_KRW_1m.csv"
    told = {"symbol": "KRW-DOGE", "timeframe": "1m"}
    lake.import_(path, **told, tz="UTC", settled=True)
    assert lake.export(tmp_path / f"out{suffix}", "KRW-DOGE", "1m") == 47_385
    back = Lake(tmp_path / "back")
    back.import_(tmp_path / f"out{suffix}", **told)
    assert back.read(None, "1m").equals(lake.read(None, "1m"))


@pytest.mark.parametrize("base", ["BTC", "DOGE"])
def test_real_hours_are_what_their_minutes_add_up_to(lake, archives, base):
    symbol = f"KRW-{base}"
    told = {"symbol": symbol, "tz": "UTC", "settled": True}
    hours = lake.import_(archives / f"{base}_KRW_1h.csv", timeframe="1h", **told)
    minutes = archives / f"{base}_KRW_1m.csv"
    lake.import_(minutes, timeframe="1m", covering="range", **told)
    assert hours.rows > 30_000
    assert lake.audit().is_empty()
    wrong = lake.read(symbol, "1h", "2025-09-10", "2025-09-10T01:00").with_columns(open="low")
    covering = Spans([(parse_time("2025-09-10"), parse_time("2025-09-10T01:00"))])
    lake.append(symbol, "1h", wrong, covering)
    (finding,) = lake.audit().rows(named=True)
    # The minutes begin with September, the hours end with the 29th.
    assert finding["detail"].startswith("1 of 696 slots are not what 1m candles add up to (open)")
