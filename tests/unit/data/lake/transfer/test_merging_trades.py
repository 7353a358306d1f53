"""Merges of lakes take trades, too."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.transfer.merging_trades import TradeTerms, merge_trades
from marketkit.errors import CorruptFile, Incomplete, UnknownSymbol
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, make_trades

WHOLE = Spans([(FIRST, FIRST + DAY)])


@pytest.fixture
def lakes(tmp_path):
    mine, other = Lake(tmp_path / "mine"), Lake(tmp_path / "other")
    for name in ("KRW-BTC", "KRW-ETH"):
        other.trades.append(name, make_trades([NOON], symbol=name), WHOLE)
    return mine, other


def test_a_merge_takes_all_trades_and_reports_them(lakes):
    mine, other = lakes
    dry = mine.merge(other, dry_run=True)
    assert not mine.root.exists()
    told = mine.merge(other)
    assert told.trades.equals(dry.trades)
    assert told.trades.select("symbol", "days", "trades").rows() == [
        ("KRW-BTC", 1, 1),
        ("KRW-ETH", 1, 1),
    ]
    assert "2 in 2 days of 2 markets" in repr(told)
    assert told.as_dict()["trades"][0]["symbol"] == "KRW-BTC"
    assert mine.trades.read().equals(other.trades.read())
    assert mine.audit().is_empty()


def test_markets_can_be_chosen(lakes):
    mine, other = lakes
    assert mine.merge(other, timeframe="1m").trades.is_empty()
    assert mine.merge(other, symbols="*-ETH").trades["symbol"].to_list() == ["KRW-ETH"]
    with pytest.raises(UnknownSymbol):
        mine.merge(other, symbols="KRW-XRP", timeframe="trade")
    assert mine.merge(other, timeframe="trade").trades["trades"].sum() == 1


def test_a_broken_market_fails_alone(lakes):
    mine, other = lakes
    path = other.root / "trades/source=upbit/series=KRW-BTC/2024-01-01.parquet"
    path.write_bytes(b"rotten")
    with pytest.warns(Incomplete, match="KRW-BTC trade"):
        told = mine.merge(other)
    assert list(told.failures) == [("KRW-BTC", "trade")]
    assert told.trades["symbol"].to_list() == ["KRW-ETH"]
    failures = {}
    terms = TradeTerms(None, replaces=False, dry_run=True)
    assert list(merge_trades(mine, other, terms, failures))
    assert isinstance(failures["KRW-BTC", "trade"], CorruptFile)
