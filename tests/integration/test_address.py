"""Several addresses of one machine: each has a budget of its own, and no other leaves by it."""

from __future__ import annotations

import os
import pickle
import socket
import threading
from pathlib import Path

import pytest

import marketkit as mk
from marketkit import SmartDataProvider
from marketkit.errors import Banned, InputError, Unreachable
from marketkit.sandbox import Sandbox
from tests.waiting import PATIENCE

FIRST, SECOND = "127.0.0.2", "127.0.0.3"
NOW = "2026-01-02T00:00:00Z"


def has(address: str) -> bool:
    with socket.socket() as trial:
        try:
            trial.bind((address, 0))
        except OSError:
            return False
    return True


pytestmark = pytest.mark.skipif(
    not (has(FIRST) and has(SECOND)), reason="this system has one address of its own"
)


@pytest.fixture
def exchange():
    with Sandbox(now=NOW) as sandbox:
        yield sandbox


def asking(exchange, address):
    return SmartDataProvider(endpoint=exchange.endpoint, address=address)


def copied(provider):
    return pickle.loads(pickle.dumps(provider))  # noqa: S301 - our own


def counted(exchange, address, group):
    return exchange.stats()["addresses"].get(address, {}).get(group, {}).get("requests", 0)


def budgets():
    return sorted(path.name for path in Path(os.environ["MARKETKIT_BUDGET_DIR"]).glob("*.bin"))


def test_each_provider_asks_from_its_own_address_with_a_budget_of_its_own(exchange):
    for address in (FIRST, SECOND):
        with asking(exchange, address) as provider:
            provider.get_ticker("KRW-BTC")
    seen = exchange.stats()
    assert set(seen["addresses"]) == {FIRST, SECOND}
    for address in (FIRST, SECOND):
        assert seen["addresses"][address]["ticker"]["requests"] == 1
        assert any(f"-from-{address}-" in name for name in budgets())
    assert seen["groups"]["ticker"]["requests"] == 2


def test_two_addresses_send_at_twice_the_limit_and_nobody_is_rejected(exchange):
    def ask(address):
        with asking(exchange, address) as provider:
            for count in range(1, 13):
                provider.get_candle("KRW-BTC", "1m", count=count, source="exchange")

    threads = [threading.Thread(target=ask, args=[each]) for each in (FIRST, SECOND)]
    for each in threads:
        each.start()
    for each in threads:
        each.join(PATIENCE)
    seen = exchange.stats()
    for address in (FIRST, SECOND):
        counts = seen["addresses"][address]["candles"]
        assert counts["requests"] >= 12
        assert counts["rejected"] == 0
        assert counts["worst_1s"] <= 10


def test_the_environment_names_the_address_of_streams_too(exchange, monkeypatch):
    monkeypatch.setenv("MARKETKIT_ADDRESS", SECOND)
    with SmartDataProvider(endpoint=exchange.endpoint) as provider:
        with provider.watch(["KRW-BTC"], "ticker") as feed:
            next(iter(feed))
        assert counted(exchange, SECOND, "websocket") == 1
    assert set(exchange.stats()["addresses"]) == {SECOND}


def test_streams_of_two_addresses_do_not_share_a_socket(exchange):
    for address in (FIRST, SECOND):
        with asking(exchange, address) as provider, provider.watch("KRW-BTC", "ticker") as feed:
            next(iter(feed))
    assert counted(exchange, FIRST, "websocket") == counted(exchange, SECOND, "websocket") == 1


def test_a_ban_of_one_address_holds_for_no_other(exchange):
    with asking(exchange, FIRST) as banned:
        exchange.strike("418", times=1)
        with pytest.raises(Banned):
            banned.get_ticker("KRW-BTC")
        with pytest.raises(Banned, match=FIRST):
            banned.get_ticker("KRW-BTC")
    with asking(exchange, SECOND) as other:
        assert other.get_ticker("KRW-BTC").height == 1


def test_the_address_that_would_be_taken_anyway_has_the_budget_of_those_who_name_none(exchange):
    for address in (None, "127.0.0.1"):
        with asking(exchange, address) as provider:
            provider.get_ticker("KRW-BTC")
    assert set(exchange.stats()["addresses"]) == {"127.0.0.1"}
    assert not any("-from-" in name for name in budgets())


def test_a_pickled_provider_keeps_the_address_it_was_given(exchange, monkeypatch):
    with asking(exchange, FIRST) as provider:
        copied(provider).get_ticker("KRW-BTC")
    monkeypatch.setenv("MARKETKIT_ADDRESS", SECOND)  # of this machine: no part of what travels
    with SmartDataProvider(endpoint=exchange.endpoint) as provider:
        monkeypatch.setenv("MARKETKIT_ADDRESS", "127.0.0.4")
        copied(provider).get_ticker("KRW-BTC")
    assert set(exchange.stats()["addresses"]) == {FIRST, "127.0.0.4"}


def test_an_address_of_another_machine_is_named_in_the_failure(exchange):
    named = pytest.raises(Unreachable, match=r"from 192\.0\.2\.7")
    with asking(exchange, "192.0.2.7") as provider, named:
        provider.get_ticker("KRW-BTC")


@pytest.mark.parametrize("address", ["here", "127.0.0.1:80", "", " ", "::", "224.0.0.1", 5])
def test_an_address_that_is_none_is_refused_at_once(exchange, address):
    with pytest.raises(InputError, match="address="):
        SmartDataProvider(endpoint=exchange.endpoint, address=address)


def test_the_functions_of_the_package_can_be_given_an_address(exchange, monkeypatch):
    from marketkit.api import sync

    monkeypatch.setattr(sync, "_configured", {})
    sync.default_provider.cache_clear()
    try:
        mk.configure(endpoint=exchange.endpoint, address=FIRST)
        mk.get_ticker("KRW-BTC")
        mk.configure(address=SECOND)
        mk.get_ticker("KRW-BTC")
    finally:
        sync.default_provider().close()
        sync.default_provider.cache_clear()
    for address in (FIRST, SECOND):
        assert counted(exchange, address, "ticker") == 1
