"""The sync provider against its async twin."""

from __future__ import annotations

import inspect
import threading

import pytest

import marketkit as mk
from marketkit.api.provider import AsyncSmartDataProvider
from marketkit.api.sync import SmartDataProvider, default_provider
from marketkit.errors import EngineClosed, Offline
from marketkit.net.engine import engine


def surface(kind):
    return {
        name: method
        for name, method in inspect.getmembers(kind, callable)
        if not name.startswith("_")
    }


def test_the_twins_have_the_same_methods_signatures_and_docs():
    sync, twin = surface(SmartDataProvider), surface(AsyncSmartDataProvider)
    sync["aclose"] = sync.pop("close")
    for told in (inspect.signature, inspect.getdoc):
        assert {name: told(method) for name, method in sync.items()} == {
            name: told(method) for name, method in twin.items()
        }
    ours, theirs = (
        inspect.signature(each.__init__) for each in (SmartDataProvider, AsyncSmartDataProvider)
    )
    assert ours == theirs


def test_no_sync_method_gives_a_coroutine():
    assert not [
        name
        for name, method in surface(SmartDataProvider).items()
        if inspect.iscoroutinefunction(method)
    ]


def test_the_twins_share_lake_endpoints_and_counts(offline):
    assert offline.lake() is offline.twin.lake()
    with pytest.raises(Offline):
        offline.get_ticker("KRW-BTC")
    assert offline.with_response._quotes is offline.twin.with_response._quotes


def test_a_sync_call_on_the_engine_is_refused_before_it_waits_for_itself(offline):
    async def inside():
        offline.status()

    with pytest.raises(EngineClosed, match="wait for itself"):
        engine().run(inside())


def test_a_provider_is_closed_at_the_end_of_its_block_and_can_be_used_again(provider, exchange):
    with provider:
        provider.get_market()
    assert not provider.twin._transport.is_open
    assert provider.get_market(instruments=False).height == 4
    assert exchange.paths() == ["/market/all"]


def test_one_default_provider_is_behind_the_functions_of_the_package(monkeypatch):
    monkeypatch.setenv("MARKETKIT_OFFLINE", "1")
    default_provider.cache_clear()
    try:
        assert default_provider() is default_provider()
        assert mk.get_ticker.__self__ is mk.lake.__self__ is default_provider()
        assert inspect.signature(mk.lake) == inspect.signature(default_provider().lake)
    finally:
        default_provider.cache_clear()


def test_a_blocking_call_is_waited_for_on_the_engine(offline):
    before = {thread.name for thread in threading.enumerate()}
    offline.status()
    assert "marketkit-io" in {thread.name for thread in threading.enumerate()} | before
