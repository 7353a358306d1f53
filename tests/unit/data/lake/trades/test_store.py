"""The trades of a lake as people see them."""

from __future__ import annotations

import polars as pl
import pytest

from marketkit.coverage import Span, Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.format.provenance import Provenance, Source
from marketkit.data.lake.report.summary import look
from marketkit.data.lake.report.usage import parts, usage
from marketkit.data.lake.trades.layout import TradeSeries
from marketkit.errors import CorruptFile, Incomplete
from marketkit.schema import TRADE
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, as_archived, make_trades

TWO = Spans([(FIRST, FIRST + 2 * DAY)])


@pytest.fixture
def filled(trades):
    archive = Provenance((Source("a.zip", "ff", 7, "yesterday", NOON, FIRST, FIRST + 2 * DAY),))
    trades.append("KRW-BTC", as_archived(make_trades([NOON, NOON + DAY])), TWO, archive=archive)
    trades.append("KRW-ETH", make_trades([NOON + 5], symbol="KRW-ETH"), Spans([(NOON, NOON + 9)]))
    return trades


def test_trades_are_read_by_symbol_and_time(filled):
    rows = filled.read()
    assert rows["symbol"].to_list() == ["KRW-BTC", "KRW-BTC", "KRW-ETH"]
    assert dict(rows.schema) == dict(TRADE)
    assert filled.read("KRW-BTC", "2024-01-02")["volume"].to_list() == [2.0]
    assert filled.scan(["KRW-ETH", "KRW-XRP"]).collect()["seq"].to_list() == [0]


def test_gaps_are_what_nobody_proved(filled):
    gaps = filled.gaps("KRW-BTC", "2023-12-31", "2024-01-05")
    assert gaps["start"].dt.epoch("ms").to_list() == [FIRST - DAY, FIRST + 2 * DAY]
    assert filled.missing("KRW-BTC", FIRST, FIRST + DAY) == Spans()


def test_the_catalog_sums_markets_up(filled):
    told = filled.catalog()
    assert told.select("symbol", "rows", "days", "whole_days").rows() == [
        ("KRW-BTC", 2, 2, 2),
        ("KRW-ETH", 1, 1, 0),
    ]
    assert filled.symbols() == ["KRW-BTC", "KRW-ETH"]


def test_the_files_of_the_archive_are_told_for_each_day(filled):
    told = filled.provenance("KRW-BTC")
    assert told["key"].to_list() == ["a.zip", "a.zip"]
    assert told["date"].dt.to_string().to_list() == ["2024-01-01", "2024-01-02"]
    assert filled.provenance("KRW-ETH").is_empty()


EVERY = {
    "read": lambda trades: trades.read()["symbol"],
    "scan": lambda trades: trades.scan().collect()["symbol"],
    "catalog": lambda trades: trades.catalog()["symbol"],
    "provenance": lambda trades: trades.provenance()["symbol"],
}


@pytest.mark.parametrize("asked", EVERY)
def test_of_all_markets_a_broken_one_is_left_out_with_a_warning(filled, asked):
    path = filled.root / "trades/source=upbit/series=KRW-ETH/2024-01-01.parquet"
    path.write_bytes(b"rotten")
    with pytest.warns(Incomplete, match="KRW-ETH trade"):
        assert set(EVERY[asked](filled)) == {"KRW-BTC"}
    with pytest.raises(CorruptFile, match="KRW-ETH"):
        filled.read("KRW-ETH")


def test_of_all_markets_one_whose_pages_rotted_is_left_out_with_a_warning(filled):
    filled.catalog()
    path = filled.root / "trades/source=upbit/series=KRW-ETH/2024-01-01.parquet"
    with path.open("r+b") as file:
        file.write(b"PAR1" + bytes(200))
    with pytest.warns(Incomplete, match="KRW-ETH trade"):
        assert set(filled.read()["symbol"]) == {"KRW-BTC"}


def test_of_all_logs_a_broken_one_is_left_out_with_a_warning(filled):
    for symbol in ("KRW-BTC", "KRW-ETH"):
        covering = Spans([(NOON, NOON + 9)])
        filled.append(symbol, make_trades([NOON + 1], symbol=symbol), covering)
    log = filled.root / TradeSeries("upbit", "KRW-ETH").log
    log.write_bytes(b"{}\n")
    with pytest.warns(Incomplete, match="KRW-ETH trade"):
        assert set(filled.revisions()["symbol"]) == {"KRW-BTC"}
    with pytest.raises(CorruptFile, match="KRW-ETH"):
        filled.revisions("KRW-ETH")


def test_an_empty_lake_has_no_trades(trades):
    assert trades.read().is_empty()
    assert trades.catalog().is_empty()
    assert trades.revisions().is_empty()
    assert not trades.root.exists()


def test_a_lake_has_its_trades(filled):
    lake = Lake(filled.root)
    assert lake.trades.read().equals(filled.read())
    lake.clock = lambda: FIRST + 2 * DAY
    assert lake.trades.read("KRW-BTC", "-1d")["volume"].to_list() == [2.0]
    assert isinstance(lake.trades.scan(), pl.LazyFrame)


def test_days_are_counted_by_what_is_known_of_each(filled):
    filled.append("KRW-BTC", make_trades([]), Spans([(FIRST + 2 * DAY, FIRST + 3 * DAY)]))
    assert filled.tally("KRW-BTC", Span(FIRST, FIRST + 5 * DAY)) == (2, 1, 2)
    assert filled.tally("KRW-ETH", Span(NOON, NOON + 9)) == (1, 0, 0)
    assert filled.tally("KRW-ETH", Span(NOON, NOON + 10)) == (0, 0, 1)


def test_a_lake_tells_of_its_trades(filled):
    lake = Lake(filled.root)
    told = lake.catalog()
    assert told.select("symbol", "timeframe", "rows", "slots", "files").rows() == [
        ("KRW-BTC", "trade", 2, 2, 2),
        ("KRW-ETH", "trade", 1, 0, 1),
    ]
    assert "3 trades of 2 markets in 3 days" in repr(lake)
    assert "3 trades of 2 markets in 3 days" in lake._repr_html_()
    state = look(lake).as_dict()["trades"]
    assert (state["trades"], state["first"], state["last"]) == (3, NOON, NOON + DAY)
    assert usage(told, "timeframe").select("timeframe", "series", "rows").rows() == [
        ("trade", 2, 3)
    ]
    assert parts(lake.root)["trades"] == told["bytes"].sum()


def test_in_a_catalog_a_broken_market_is_left_out_with_a_warning(filled):
    path = filled.root / "trades/source=upbit/series=KRW-ETH/2024-01-01.parquet"
    path.write_bytes(b"rotten")
    with pytest.warns(Incomplete, match="KRW-ETH trade"):
        assert filled.catalog()["symbol"].to_list() == ["KRW-BTC"]
    assert "without KRW-ETH trade" in repr(Lake(filled.root))


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".arrow"])
def test_trades_are_exported_with_their_milliseconds(filled, tmp_path, suffix):
    path = tmp_path / f"trades{suffix}"
    assert Lake(filled.root).export(path, None, "trade") == 3
    if suffix == ".csv":
        assert "2024-01-01T12:00:00.005Z" in path.read_text()
    else:
        read = pl.read_parquet if suffix == ".parquet" else pl.read_ipc
        assert read(path).equals(filled.read())
