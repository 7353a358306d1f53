"""Room on disk adds up: of series, of quote currencies, of all that lies in the folder."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.lake import Lake
from marketkit.data.lake.report.usage import parts, usage
from marketkit.errors import InputError
from marketkit.timeframe import DAY, parse_time
from tests.unit.data.lake.conftest import make_candles

START = parse_time("2026-01-01")
CATALOG = pl.DataFrame(
    {
        "symbol": ["KRW-BTC", "KRW-BTC", "KRW-ETH", "BTC-ETH"],
        "timeframe": ["1m", "1d", "1m", "1m"],
        "rows": [100, 1, 50, 5],
        "files": [2, 1, 1, 1],
        "bytes": [1_000, 10, 500, 50],
    }
)


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        ("quote", [("KRW", 3, 4, 151, 1_510), ("BTC", 1, 1, 5, 50)]),
        ("timeframe", [("1m", 3, 4, 155, 1_550), ("1d", 1, 1, 1, 10)]),
    ],
)
def test_the_largest_comes_first(by, rows):
    assert usage(CATALOG, by).rows() == rows


def test_each_series_is_named_by_symbol_and_timeframe():
    found = usage(CATALOG)
    assert found.columns == ["symbol", "timeframe", "series", "files", "rows", "bytes"]
    assert found["bytes"].to_list() == [1_000, 500, 50, 10]
    with pytest.raises(InputError, match="by"):
        usage(CATALOG, "day")


def test_files_of_a_frozen_set_count_once_until_the_lake_changes(tmp_path):
    lake = Lake(tmp_path / "lake")
    day = Spans([(START, START + DAY)])
    lake.append("KRW-BTC", "1d", make_candles([START]), day)
    before = parts(lake.root)
    lake.freeze("paper")
    after = parts(lake.root)
    assert after["candles"] == before["candles"] == lake.catalog()["bytes"].sum()
    assert after["frozen sets"] < after["candles"]  # the manifest alone
    lake.append("KRW-BTC", "1d", make_candles([START], volume=9.0), day)
    changed = parts(lake.root)
    assert changed["frozen sets"] > after["frozen sets"]
    assert changed["revisions"] > 0


def test_no_folder_has_no_parts(tmp_path):
    assert parts(tmp_path / "none") == {}
