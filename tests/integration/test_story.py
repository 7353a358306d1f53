"""Answers with their story, the status of a provider, and the names of older programs."""

from __future__ import annotations

import asyncio
import importlib
import json

import pandas as pd
import pytest
from tests.unit.api.test_compat import OLDER

import marketkit as mk
from marketkit.api import compat
from marketkit.api.calls import DataMethods
from marketkit.api.provider import AsyncSmartDataProvider
from marketkit.api.sync import SmartDataProvider, default_provider
from marketkit.cli.main import main
from marketkit.timeframe import parse_time
from tests.integration.conftest import FAST_LIMITS, NOW


@pytest.mark.parametrize(
    "call",
    [
        lambda p: p.get_ticker(["KRW-BTC", "KRW-ETH"]),
        lambda p: p.get_orderbook(["KRW-BTC", "KRW-ETH"]),
        lambda p: p.get_trade(["KRW-BTC", "KRW-ETH"]),
        lambda p: p.get_candle(["KRW-BTC", "KRW-ETH"], "1m", count=3),
    ],
)
def test_a_story_names_the_source_and_age_of_every_symbol(provider, call):
    first = call(provider.with_response)
    assert first.success
    assert not first.cache_hit
    assert first.source == {"KRW-BTC": "rest", "KRW-ETH": "rest"}
    assert set(first.frame["symbol"]) == set(first.age_ms) == set(first.source)
    assert all(age <= first.response_time_ms + 1 for age in first.age_ms.values())
    assert first.symbols_per_second == pytest.approx(2000 / first.response_time_ms)


def test_the_market_list_has_a_story_too(provider, exchange, tmp_path):
    first = provider.with_response.get_market(quote="KRW")
    assert set(first.source.values()) == {"rest"}
    again = provider.with_response.get_market()
    assert set(again.source.values()) == {"memory"}
    assert max(again.age_ms.values()) >= max(first.age_ms.values())
    assert set(provider.with_response.get_market(as_of="2026-11-20").source.values()) == {"lake"}
    provider.close()
    with SmartDataProvider(endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS) as later:
        later.twin._transport.clock.saw(parse_time(NOW) + 900)  # the sandbox does not keep to ours
        assert set(later.with_response.get_market().source.values()) == {"store"}


def test_what_the_lake_proves_comes_from_the_lake(provider):
    window = {"start": "2026-11-19", "end": "2026-11-19T01:00"}
    assert provider.with_response.get_candle("KRW-BTC", "1m", **window).source == {
        "KRW-BTC": "rest"
    }
    for more in ({}, {"source": "lake"}):
        reply = provider.with_response.get_candle("KRW-BTC", "1m", **window, **more)
        assert reply.source == {"KRW-BTC": "lake"}
        assert reply.cache_hit


def test_a_story_has_the_frame_its_caller_wants(provider):
    reply = provider.with_response.get_ticker("KRW-BTC", frame="pandas", tz="Asia/Seoul")
    assert isinstance(reply.frame, pd.DataFrame)
    assert str(reply.frame.index.tz) == "Asia/Seoul"
    assert "<table" in reply._repr_html_()


def test_a_partial_result_is_a_story_and_no_result_an_error(provider, exchange):
    window = {"start": "2026-11-19", "end": "2026-11-19T01:00", "source": "lake"}
    with pytest.raises(mk.NotCovered):
        provider.with_response.get_candle("KRW-BTC", "1m", **window)
    provider.get_candle("KRW-ETH", "1m", start="2026-11-19", end="2026-11-19T01:00")
    reply = provider.with_response.get_candle(["KRW-BTC", "KRW-ETH"], "1m", **window)
    assert not reply.success
    assert isinstance(reply.failures["KRW-BTC"], mk.NotCovered)
    assert set(reply.frame["symbol"]) == {"KRW-ETH"}
    with pytest.raises(mk.UnknownSymbol):
        provider.with_response.get_ticker("KRW-BCT")


def test_stories_can_be_awaited(exchange, tmp_path):
    async def run():
        async with AsyncSmartDataProvider(
            endpoint=exchange.endpoint, lake=tmp_path, limits=FAST_LIMITS
        ) as twin:
            return await twin.with_response.get_ticker("KRW-BTC")

    assert asyncio.run(run()).source == {"KRW-BTC": "rest"}


def test_every_face_has_the_same_calls(provider):
    calls = {name for name in vars(DataMethods) if name.startswith("get_")}
    assert calls == {"get_market", "get_ticker", "get_orderbook", "get_trade", "get_candle"}
    for face in (provider, provider.twin, provider.with_response, provider.twin.with_response):
        assert isinstance(face, DataMethods)


def test_the_status_counts_what_was_delivered_and_what_is_left(provider):
    assert "nothing yet" in repr(provider.status())
    provider.get_ticker(["KRW-BTC", "KRW-ETH"])
    provider.get_candle("KRW-BTC", "1m", count=3)
    with pytest.warns(UserWarning, match="KRW-BCT"):
        provider.get_ticker(["KRW-BTC", "KRW-BCT"], on_error="skip")
    status = provider.status()
    delivered = {row["kind"]: row for row in status.delivered.to_dicts()}
    assert delivered["candle"]["rest"] == 1
    assert sum(delivered["ticker"][each] for each in ("memory", "rest")) == 3
    assert delivered["ticker"]["failed"] == 1
    assert status.symbols == 4
    assert status.symbols_per_second == pytest.approx(4 / 60)
    groups = {row["group"]: row for row in status.requests.to_dicts()}
    assert groups["market"]["requests"] == 1
    assert all(0 <= row["left"] <= row["limit"] == 10 for row in groups.values())
    ages = dict(zip(status.times["what"], status.times["p50"], strict=True))
    assert ages["age"] <= ages["latency"] + 1000
    assert set(status.lives["symbol"]) == {"KRW-BTC", "KRW-ETH"}
    assert set(status.lives["kind"]) == {"ticker", "candle"}
    assert status.lives["why"].str.len_chars().min() > 0
    assert "4 symbols" in repr(status)
    assert status.store.failures == 0
    assert "<table" in status._repr_html_()
    assert status.as_dict()["memory"]["entries"] == status.memory.entries > 0


def test_the_module_level_functions_tell_stories_too(exchange, monkeypatch):
    monkeypatch.setenv("MARKETKIT_ENDPOINT", exchange.endpoint)
    default_provider.cache_clear()
    try:
        assert mk.with_response.get_ticker("KRW-BTC").source == {"KRW-BTC": "rest"}
        assert mk.status().endpoint == exchange.endpoint
    finally:
        default_provider().close()
        default_provider.cache_clear()


def test_older_names_warn_with_the_new_one_and_give_the_same(exchange, monkeypatch):
    monkeypatch.setenv("MARKETKIT_ENDPOINT", exchange.endpoint)
    default_provider.cache_clear()
    arguments = {"get_candle": ("KRW-BTC", "1h"), "get_market": (), "status": ()}
    try:
        for older, (new, fixed) in OLDER.items():
            given = arguments.get(new, ("KRW-BTC",))
            with pytest.warns(DeprecationWarning, match=f"{older} is deprecated: call {new}"):
                old = getattr(importlib.reload(compat), older)(*given)
            now = getattr(mk, new)(*given, **fixed)
            if new == "status":
                assert old.endpoint == now.endpoint
            else:
                assert list(old.columns) == list(now.columns)
                assert old["symbol"].to_list() == now["symbol"].to_list()
    finally:
        default_provider().close()
        default_provider.cache_clear()


def test_the_command_line_says_what_the_machine_may_still_send(exchange, capsys):
    assert main(["status", "--json", "--endpoint", exchange.endpoint]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["group"]: (row["left"], row["limit"]) for row in rows} == dict.fromkeys(
        ("candles", "crix-trades", "market", "orderbook", "ticker"), (10, 10)
    )
