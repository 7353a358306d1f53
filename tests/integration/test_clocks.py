"""A machine whose clock is wrong: it is told, and nothing is computed from it."""

from __future__ import annotations

import warnings

import pytest

from marketkit.api.sync import SmartDataProvider
from marketkit.net import exchange_clock, transport
from marketkit.timeframe import DAY, MINUTE, iso, parse_time
from tests.integration.conftest import FAST_LIMITS, NOW

AT = parse_time(NOW)
WRONG = [-400 * DAY, -5 * DAY, 5 * DAY, 400 * DAY]


@pytest.fixture
def machine(monkeypatch):
    """This machine's clock, in ms UTC."""
    now = [AT]
    monkeypatch.setattr(exchange_clock, "machine_time", lambda: now[0])
    return now


@pytest.fixture
def warmed(exchange, provider, tmp_path):
    """What gives further providers of that lake: the market list is kept, so nobody asks for it."""
    provider.get_market()
    provider.close()
    exchange.reset_stats()

    def another(endpoint=exchange.endpoint, **more):
        return SmartDataProvider(
            endpoint=endpoint, lake=tmp_path / "lake", limits=FAST_LIMITS, **more
        )

    return another


@pytest.mark.parametrize("ahead", WRONG)
def test_the_newest_candles_are_those_of_the_exchange(warmed, machine, ahead):
    machine[0] += ahead
    with warmed() as provider:
        newest = provider.get_candle("KRW-BTC", "1m", count=5, source="exchange")
        assert newest["time"].dt.epoch("ms")[-1] in range(AT - 10 * MINUTE, AT)
        assert provider.get_candle("KRW-BTC", "1m", count=5).equals(newest)


@pytest.mark.parametrize("ahead", WRONG)
def test_a_backfill_up_to_now_ends_at_the_exchanges_now(warmed, machine, ahead):
    machine[0] += ahead
    with warmed() as provider:
        report = provider.backfill("KRW-BTC", "1m", start=iso(AT - DAY)).wait()
        assert report.complete
        assert report.end == AT // MINUTE * MINUTE - MINUTE


@pytest.mark.parametrize("ahead", WRONG)
def test_trades_of_a_day_are_those_of_the_exchanges_calendar(warmed, machine, ahead):
    window = {"start": iso(AT - 2 * MINUTE), "end": iso(AT - MINUTE)}
    with warmed() as right:
        trades = right.get_trade("KRW-BTC", **window)
    machine[0] += ahead
    with warmed() as wrong:
        assert wrong.get_trade("KRW-BTC", **window).equals(trades)
        assert trades.height


def test_what_the_lake_has_is_given_without_asking_the_time(warmed, exchange, machine):
    window = {"start": iso(AT - 2 * DAY), "end": iso(AT - DAY)}
    with warmed() as right:
        candles = right.get_candle("KRW-BTC", "1h", **window)
    exchange.reset_stats()
    machine[0] += 30 * MINUTE  # within the life of the market list
    with warmed() as wrong:
        assert wrong.get_candle("KRW-BTC", "1h", **window).equals(candles)
    assert candles.height == 24
    assert exchange.requests() == []


def test_the_time_is_asked_for_once_and_then_known(warmed, exchange):
    with warmed() as provider:
        times = [provider.exchange_time() for _ in range(3)]
    assert {int(each.timestamp()) for each in times} == {AT // 1000}
    assert [each["group"] for each in exchange.requests()] == ["market"]


@pytest.mark.parametrize("ahead", [-40 * DAY, 40 * DAY])
def test_the_status_has_both_times(warmed, machine, ahead):
    machine[0] += ahead
    with warmed() as provider:
        assert provider.status().machine_ahead is None
        provider.exchange_time()
        status = provider.status()
        assert abs(status.machine_ahead * 1000 - ahead) < 1000
        assert f"{iso(AT)} at the exchange" in repr(status)
        assert f"{iso(AT + ahead)[:10]}" in repr(status)
        assert status.as_dict()["machine_ahead"] == status.machine_ahead


@pytest.mark.parametrize("ahead", [-40 * DAY, 40 * DAY])
def test_a_wrong_clock_is_told_once_a_process_with_both_times(warmed, machine, monkeypatch, ahead):
    monkeypatch.setattr(transport, "_TOLD", set())
    machine[0] += ahead
    with warmed() as provider, pytest.warns(UserWarning, match="the clock of this machine") as told:
        provider.get_ticker("KRW-BTC")
    assert len(told) == 1
    assert iso(AT) in str(told[0].message)
    assert iso(AT + ahead)[:10] in str(told[0].message)
    with warmed() as provider, warmed() as another, warnings.catch_warnings():
        warnings.simplefilter("error")
        provider.get_ticker("KRW-ETH")
        another.exchange_time()
