"""The market list: today's, of another day, what is gone; without an exchange, and offline."""

from __future__ import annotations

import asyncio
import socket
import warnings
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.data.lake.markets import Universe
from marketkit.errors import InputError, NotCovered, Offline, ServerFailed, UnknownSymbol
from marketkit.net.engine import engine
from marketkit.sandbox import Sandbox
from marketkit.schema import MARKET
from tests.integration.conftest import FAST, FAST_LIMITS

DAY = date(2026, 11, 20)


def sent(exchange, path="/v1/market/all"):
    return sum(request["path"] == path for request in exchange.requests())


@pytest.fixture
def alone():
    """An exchange of the test's own, whose clock is the machine's."""
    with Sandbox(seed=1, limit=FAST) as sandbox:
        yield sandbox


def provider_of(endpoint, lake, **options):
    return SmartDataProvider(endpoint=endpoint, lake=lake, limits=FAST_LIMITS, **options)


@pytest.fixture
def cached(alone, tmp_path):
    """A lake and a cache that another provider left behind."""
    lake = tmp_path / "lake"
    with provider_of(alone.endpoint, lake) as first:
        first.get_market()
    alone.reset_stats()
    return lake


def test_a_second_process_does_not_ask_for_the_list_again(alone, cached):
    before = sent(alone)
    with provider_of(alone.endpoint, cached) as second:
        assert second.get_market().height == 855
        second.get_ticker("KRW-BTC")
    assert sent(alone) == before


def test_an_exchange_of_ones_own_keeps_nothing_at_home(alone, tmp_path, monkeypatch):
    monkeypatch.delenv("MARKETKIT_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    before = sent(alone)
    for _ in range(2):
        with provider_of(alone.endpoint, tmp_path / "lake") as provider:
            provider.get_market()
    assert sent(alone) == before + 2
    assert not (tmp_path / ".cache").exists()


def test_an_old_list_answers_when_the_exchange_does_not_and_says_how_old_it_is(
    alone, cached, monkeypatch
):
    later = datetime.now(UTC) + timedelta(hours=3)
    monkeypatch.setattr(
        "marketkit.net.transport.ExchangeClock.now", lambda _: int(later.timestamp() * 1000)
    )
    alone.set_faults({"500": 1.0})
    with provider_of(alone.endpoint, cached) as second:
        with pytest.warns(UserWarning, match=r"/v1/market/all is answered as of 3\.0h ago"):
            assert second.get_market().height == 855
        before = sent(alone)
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # nor is it asked again at once
            assert second.get_market(quote="KRW").height == 289
        assert sent(alone) == before


def test_without_an_old_list_the_failure_is_the_exchanges(alone, tmp_path):
    alone.set_faults({"500": 1.0})
    with provider_of(alone.endpoint, tmp_path / "lake") as provider, pytest.raises(ServerFailed):
        provider.get_market()


@pytest.fixture
def no_sockets(monkeypatch):
    """Every connection anybody tries to open is noted and refused."""
    tried = []

    def refuse(self, address):
        if self.family != socket.AF_UNIX:
            tried.append(address)
            raise OSError("no socket may be opened here")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "connect_ex", refuse)
    return tried


def test_offline_answers_from_what_is_kept_and_opens_no_socket(alone, cached, no_sockets):
    before = len(alone.requests())
    with provider_of(alone.endpoint, cached, offline=True) as offline:
        assert offline.get_market(quote="KRW").height == 289
        assert "KRW-BTC" in offline.get_market(delisted=True)["symbol"]
        for call in (
            lambda: offline.get_ticker("KRW-BTC"),
            lambda: offline.get_orderbook("KRW-BTC"),
            lambda: offline.get_trade("KRW-BTC"),
            lambda: offline.get_candle("KRW-BTC", "1m"),
            lambda: offline.get_candle("KRW-BTC", "1m", source="exchange"),
        ):
            with pytest.raises(Offline, match="offline"):
                call()
        with pytest.raises(UnknownSymbol):
            offline.get_ticker("KRW-NONSENSE")
        job = offline.backfill("KRW-BTC", "1m", start="2026-11-01", end="2026-11-02", show=False)
        assert not job.wait().complete
    assert not no_sockets
    assert len(alone.requests()) == before


def test_offline_without_anything_kept_says_so(alone, tmp_path, no_sockets):
    with (
        provider_of(alone.endpoint, tmp_path / "lake", offline=True) as offline,
        pytest.raises(Offline, match="market/all"),
    ):
        offline.get_market()
    assert not no_sockets


def test_the_environment_can_say_offline(alone, cached, monkeypatch):
    monkeypatch.setenv("MARKETKIT_OFFLINE", "1")
    with provider_of(alone.endpoint, cached) as offline, pytest.raises(Offline):
        offline.get_ticker("KRW-BTC")
    monkeypatch.setenv("MARKETKIT_OFFLINE", "perhaps")
    with pytest.raises(InputError, match="MARKETKIT_OFFLINE"):
        SmartDataProvider()


def test_what_the_lake_proves_is_read_offline(alone, cached):
    day = {"start": "2026-11-01", "end": "2026-11-02"}
    with provider_of(alone.endpoint, cached) as online:
        expected = online.get_candle("KRW-BTC", "1h", **day)
    with provider_of(alone.endpoint, cached, offline=True) as offline:
        assert offline.get_candle("KRW-BTC", "1h", source="lake", **day).equals(expected)
        assert offline.get_candle("KRW-BTC", "1h", **day).equals(expected)


def test_a_list_a_day_is_kept_in_the_lake(provider, exchange):
    provider.get_market()
    exchange.set_clock(now="2026-11-21T00:10:00Z")
    universe = Universe(provider.lake().root, "upbit")
    assert universe.days() == [DAY]
    assert universe.at(DAY)[0].equals(provider.get_market())


def test_a_call_for_something_else_makes_no_lake_for_the_list(provider):
    provider.get_ticker("KRW-BTC")
    assert not provider.lake().root.exists()


def test_an_audit_finds_nothing_wrong_with_the_lists(provider):
    provider.get_market()
    provider.get_candle("KRW-BTC", "1h", count=5)
    assert provider.lake().audit().is_empty()


def past(provider, day, *symbols):
    """Have the lake remember another list of an earlier day."""
    today = provider.get_market()
    listed = today.filter(pl.col("symbol").is_in(symbols))
    gone = pl.DataFrame(
        [{"symbol": each, "quote": "KRW", "base": each[4:]} for each in symbols],
    ).join(today, on="symbol", how="anti")
    both = pl.concat([listed, gone], how="diagonal").cast(pl.Schema(MARKET))
    moment = int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000
    Universe(provider.lake().root, "upbit").keep(both, moment, make=True)


def test_delisted_markets_come_back_with_their_days(provider):
    past(provider, date(2026, 3, 1), "KRW-BTC", "KRW-MATIC")
    found = provider.get_market(delisted=True)
    assert found.height == 856
    assert list(found.columns) == [*MARKET, "listed_from", "last_seen", "successor"]
    days = {row["symbol"]: (row["listed_from"], row["last_seen"]) for row in found.to_dicts()}
    assert days["KRW-MATIC"] == (date(2026, 3, 1), date(2026, 3, 1))
    assert days["KRW-BTC"] == (date(2026, 3, 1), DAY)
    assert days["KRW-ETH"] == (DAY, DAY)
    assert found["symbol"].is_sorted()
    assert provider.get_market().columns == list(MARKET)
    assert "KRW-MATIC" not in provider.get_ticker("KRW-*")["symbol"]


def test_the_universe_of_a_day_is_the_list_of_that_day_or_the_one_before(provider, exchange):
    past(provider, date(2026, 3, 1), "KRW-BTC", "KRW-MATIC")
    before = len(exchange.requests())
    for day in ("2026-03-01", date(2026, 3, 1), "2026-03-01T15:00:00Z"):
        found = provider.get_market(as_of=day)
        assert found["symbol"].to_list() == ["KRW-BTC", "KRW-MATIC"]
    with pytest.warns(UserWarning, match="2026-03-11 is that of 2026-03-01, 10 days before"):
        assert provider.get_market("KRW", as_of="2026-03-11").height == 2
    with pytest.raises(NotCovered, match="the oldest is of 2026-03-01"):
        provider.get_market(as_of="2026-02-28")
    assert len(exchange.requests()) == before
    with pytest.raises(InputError, match="as_of"):
        provider.get_market(as_of="2026-03-01", delisted=True)


def test_warnings_and_cautions_are_columns(provider):
    found = provider.get_market()
    flags = [name for name, dtype in MARKET.items() if dtype == pl.Boolean()]
    assert len(flags) == 6
    assert not found.select(flags).null_count().sum_horizontal()[0]


def test_tick_sizes_and_levels_are_joined_when_asked_for(provider, exchange):
    found = provider.get_market("KRW", instruments=True)
    assert found.columns == [*MARKET, "tick_size", "supported_levels"]
    row = found.row(by_predicate=pl.col("symbol") == "KRW-BTC", named=True)
    assert row["tick_size"] == 1000
    assert row["supported_levels"][0] == 0
    book = provider.get_orderbook("KRW-BTC", level=row["supported_levels"][1])
    assert book["level"][0] == row["supported_levels"][1]
    asked = sent(exchange, "/v1/orderbook/instruments")
    provider.get_market(instruments=True)
    assert sent(exchange, "/v1/orderbook/instruments") == asked


def test_the_rhythm_of_a_market_in_the_lake_follows_its_week(provider, exchange):
    provider.get_candle("KRW-SHIB", "1m", start="2026-11-18", end="2026-11-19")
    provider.get_ticker(["KRW-BTC", "KRW-SHIB"])
    router = provider.twin._router

    async def learnt():
        await asyncio.gather(*router.lake_activity._learning)
        return {name: market._week for name, market in router.activity._markets.items()}

    weeks = engine().run(learnt())
    assert weeks["KRW-BTC"] is None
    assert len(weeks["KRW-SHIB"]) == 168
