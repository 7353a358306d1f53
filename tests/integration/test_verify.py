"""Reading a recent window again: what the exchange takes back is kept, told and counted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import marketkit as mk
from marketkit.api.sync import SmartDataProvider
from marketkit.sandbox import Sandbox
from tests.integration.conftest import FAST, FAST_LIMITS

START = datetime(2026, 11, 17, tzinfo=UTC)
END = "2026-11-19T00:00"
DAYS = {"start": START, "end": END, "show": False}
MINUTES = 2 * 1440
AMENDED = MINUTES - 100


def exchange_of(path: Path, *, silent=(), amended=()):
    """Start an exchange with two days of minutes, some silent and some with another close."""
    rows = ["time,open,high,low,close,volume,value"]
    for minute in range(MINUTES):
        close = 105 if minute in amended else 100
        if minute not in silent:
            time = START + timedelta(minutes=minute)
            rows.append(f"{time:%Y-%m-%dT%H:%M:%SZ},100,110,90,{close},2,200")
    path.write_text("\n".join(rows))
    return Sandbox({"KRW-BTC:1m": str(path)}, limit=FAST)


def provider_of(exchange: Sandbox, lake: Path) -> SmartDataProvider:
    return SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS)


@pytest.fixture
def before(tmp_path):
    """A lake filled before the exchange changed its mind."""
    lake = tmp_path / "lake"
    with (
        exchange_of(tmp_path / "before.csv", silent=[AMENDED + 1]) as exchange,
        provider_of(exchange, lake) as provider,
    ):
        report = provider.backfill("KRW-BTC", "1m", **DAYS).wait()
        assert (report.traded, report.empty, report.revisions) == (MINUTES - 1, 1, 0)
        assert provider.backfill("KRW-BTC", "1m", verify="1d", **DAYS).wait().revisions == 0
        assert "REVISED" not in repr(report)
    return lake


def test_a_window_is_read_again_and_nothing_else(before, tmp_path):
    with (
        exchange_of(tmp_path / "after.csv", silent=[AMENDED + 1]) as exchange,
        provider_of(exchange, before) as provider,
    ):
        assert provider.backfill("KRW-BTC", "1m", **DAYS).wait().requests == 0
        assert provider.backfill("KRW-BTC", "1m", verify="12h", **DAYS).wait().requests == 4
        assert provider.backfill("KRW-BTC", "1m", verify="2w", **DAYS).wait().requests <= 16


def test_what_the_exchange_takes_back_is_kept_told_and_counted(before, tmp_path):
    changes = {"silent": [10, AMENDED + 2], "amended": [20, AMENDED]}
    with (
        exchange_of(tmp_path / "after.csv", **changes) as exchange,
        provider_of(exchange, before) as provider,
    ):
        report = provider.backfill("KRW-BTC", "1m", verify="1d", **DAYS).wait()
        lake = provider.lake()
        found = lake.revisions("KRW-BTC")
    minute = (found["time"].dt.epoch("s") - int(START.timestamp())) // 60 - AMENDED
    # One number changed, a candle came, and one went; the first day was not asked for.
    assert found.row(0)[3:6] == ("close", 100.0, 105.0)
    assert minute.to_list() == [0] + [1] * 6 + [2] * 6
    assert report.revisions == found.height == 13
    assert report.rows == 2
    assert "13 numbers REVISED" in repr(report)
    assert (report.traded, report.empty) == (MINUTES - 1, 1)
    assert (found["seen_at"] >= START + timedelta(days=2)).all()
    assert lake.finality()["candles"].to_list() == [3]
    first = START + timedelta(minutes=AMENDED)
    kept = lake.read("KRW-BTC", "1m", first, first + timedelta(minutes=3))
    assert kept["time"].to_list() == [first, first + timedelta(minutes=1)]
    assert kept["close"].to_list() == [105.0, 100.0]


@pytest.mark.parametrize("verify", ["1q", "yesterday", ""])
def test_a_window_that_is_none_is_refused_before_anything_is_sent(provider, exchange, verify):
    with pytest.raises(mk.InputError, match="not a length of time"):
        provider.backfill("KRW-BTC", "1m", start="2026-11-18", verify=verify)
    assert not exchange.stats()["groups"].get("candles", {}).get("requests")
