"""Trades of a market leave the lake, and nothing else does."""

from __future__ import annotations

from marketkit.coverage import Spans
from marketkit.data.lake import Lake
from marketkit.data.lake.trades.drop import drop_trades
from marketkit.data.lake.trades.layout import TradeSeries
from tests.unit.data.lake.trades.conftest import DAY, FIRST, NOON, make_trades

WHOLE = Spans([(FIRST, FIRST + DAY)])
SERIES = TradeSeries("upbit", "KRW-BTC")


def test_a_market_goes_with_its_proof_and_its_log(trades):
    trades.append("KRW-BTC", make_trades([NOON]), WHOLE)
    trades.append("KRW-BTC", make_trades([NOON, NOON + 1]), WHOLE)  # and so there is a log
    trades.append("KRW-ETH", make_trades([NOON], symbol="KRW-ETH"), WHOLE)
    size = trades.catalog()["bytes"][0]
    assert drop_trades(trades.root, SERIES) == size > 0
    assert trades.symbols() == ["KRW-ETH"]
    assert not trades.covered("KRW-BTC")
    assert trades.revisions(["KRW-BTC"]).is_empty()
    assert drop_trades(trades.root, SERIES) == 0


def test_a_frozen_set_keeps_its_trades_and_strange_files_stay(tmp_path):
    lake = Lake(tmp_path / "lake")
    lake.trades.append("KRW-BTC", make_trades([NOON]), WHOLE)
    lake.freeze("before")
    strange = lake.root / SERIES.folder / "notes.txt"
    strange.write_text("mine")
    assert lake.drop("KRW-BTC", "trade") > 0
    assert lake.trades.read().is_empty()
    assert lake.as_of("before").trades.read().height == 1
    assert strange.exists()
