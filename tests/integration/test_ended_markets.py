"""Markets end and change their codes while they are watched; what the lake has of them stays."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.errors import UnknownSymbol
from marketkit.sandbox import Sandbox
from marketkit.schema import CANDLE
from tests.integration.conftest import FAST, FAST_LIMITS, NOW

XRP, OLD, NEW = "KRW-XRP", "KRW-MK001", "KRW-NEWMK"
DAY = date(2026, 11, 20)
EVENING = {"start": "2026-11-19T19:00", "end": "2026-11-19T23:00"}

WIDER = EVENING | {"end": "2026-11-20T06:00"}


@pytest.fixture
def exchange():
    """An exchange of its own, for what happens to a market cannot be undone."""
    with Sandbox(seed=1, now=NOW, speed=0, limit=FAST) as sandbox:
        yield sandbox


@pytest.fixture
def provider(exchange, tmp_path):
    """A provider whose lake has the list of the first day and four hours of two markets."""
    lake = tmp_path / "lake"
    with SmartDataProvider(endpoint=exchange.endpoint, lake=lake, limits=FAST_LIMITS) as one:
        one.get_market()
        for symbol in (XRP, OLD):
            assert one.backfill(symbol, "1m", **EVENING, show=False).wait().complete
        yield one


def later(provider, exchange, now="2026-11-21T00:00:30Z"):
    """Give a provider of the same lake another day, with that day's list."""
    exchange.set_clock(now=now)
    one = SmartDataProvider(
        endpoint=exchange.endpoint, lake=provider.lake().root, limits=FAST_LIMITS
    )
    one.get_market()
    return one


@pytest.mark.parametrize("source", ["auto", "lake", "exchange"])
def test_a_market_that_ended_is_answered_from_the_lake(provider, exchange, source):
    before = provider.get_candle(XRP, "1m", **EVENING)
    exchange.set_market(XRP, "end")
    with later(provider, exchange) as after:
        assert after.get_candle(XRP, "1m", **EVENING, source=source).equals(before)
        with pytest.warns(
            UserWarning, match="last on 2026-11-20: the lake has no proof from 2026-"
        ):
            longer = after.get_candle(XRP, "1m", **WIDER, source=source)
        assert longer.equals(before)
        assert longer.schema == pl.Schema(CANDLE)
        states = after.lake().coverage(XRP, "1m", "2026-11-19T19:00", "2026-11-21")["state"]
        assert "unknown" not in states
        assert states[-1] == "unfetchable"


def test_a_market_that_ends_while_the_list_is_young_is_answered_too(provider, exchange):
    before = provider.get_candle(XRP, "1m", **EVENING)
    exchange.set_market(XRP, "end")
    assert provider.get_candle(XRP, "1m", **EVENING, source="exchange").equals(before)
    with pytest.warns(UserWarning, match="no proof from 2026-11-19T23:00:00Z"):
        both = provider.get_candle([XRP, "KRW-BTC"], "1m", start="2026-11-19T19:00")
    assert set(both["symbol"]) == {XRP, "KRW-BTC"}


def test_a_market_that_the_lake_lacks_says_when_it_was_listed(provider, exchange):
    exchange.set_market("KRW-ADA", "end")
    with later(provider, exchange) as after:
        for call in (after.get_ticker, after.get_orderbook, after.get_trade):
            with pytest.raises(UnknownSymbol, match=r"KRW-ADA.*last on 2026-11-20"):
                call("KRW-ADA")
        with pytest.raises(UnknownSymbol, match="last on 2026-11-20"):
            after.get_candle("KRW-ADA", "1m", count=5)
        with pytest.warns(UserWarning, match=r"KRW-ADA skipped.*last on 2026-11-20"):
            found = after.get_ticker(["KRW-ADA", "KRW-BTC"], on_error="skip")
        assert found["symbol"].to_list() == ["KRW-BTC"]


@pytest.mark.parametrize("now", [NOW, "2026-11-21T00:00:30Z"])
def test_the_code_that_a_market_goes_on_under_is_named(provider, exchange, now):
    exchange.set_market(OLD, "rename", to=NEW)
    exchange.set_market(XRP, "end")
    exchange.set_market("KRW-FRESH", "list")
    with later(provider, exchange, now) as after:
        found = after.get_market(delisted=True)
        went_on = dict(found.select("symbol", "successor").drop_nulls().iter_rows())
        assert went_on == {OLD: NEW}
        assert found.filter(symbol=OLD)["last_seen"].to_list() == [DAY]
        with pytest.raises(UnknownSymbol, match=f"goes on as '{NEW}'"):
            after.get_ticker(OLD)
