"""Answers about all series of a timeframe: what can be read, and a warning of the rest."""

from __future__ import annotations

import pytest

from marketkit.coverage import Spans
from marketkit.data.lake.read.sound import from_all
from marketkit.errors import CorruptFile, Incomplete
from marketkit.window import EVER

MINUTE = 60_000


@pytest.fixture
def filled(lake, candles, january):
    for symbol in ("KRW-BTC", "KRW-ETH", "KRW-XRP"):
        covering = Spans([(january, january + MINUTE)])
        lake.append(symbol, "1m", candles([january], symbol), covering)
    return lake


def read(lake):
    return from_all(lake.select(None, "1m"), lambda found: found.read(EVER))["symbol"].to_list()


def chunk(lake, symbol):
    return next(lake.root.glob(f"candles/*/*/series={symbol}/2024-01.parquet"))


def test_a_series_whose_pages_rotted_and_one_without_a_footer_are_left_out(filled):
    filled.catalog()
    with chunk(filled, "KRW-ETH").open("r+b") as file:
        file.write(bytes(300))
    assert chunk(filled, "KRW-XRP").write_bytes(b"rot")
    with pytest.warns(Incomplete, match="KRW-ETH 1m, KRW-XRP 1m"):
        assert read(filled) == ["KRW-BTC"]


def test_where_none_can_be_read_the_failure_is_raised(filled):
    for path in filled.root.glob("candles/*/*/*/*.parquet"):
        path.write_bytes(b"rot")
    with pytest.raises(CorruptFile, match="KRW-BTC"):
        read(filled)


def test_a_lake_without_the_width_is_empty(filled):
    assert from_all(filled.select(None, "5m"), lambda found: found.read(EVER)).is_empty()
