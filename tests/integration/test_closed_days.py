"""Trades of days that are over are asked for once, in the life of the cache folder."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

import marketkit as mk
from marketkit.settings import resolve_cache
from marketkit.twin import SmartDataProvider
from tests.integration.conftest import FAST_LIMITS

OVER = {"start": "2026-11-18T10:00", "end": "2026-11-18T12:00"}
SLACK = 2.0 + 1.0  # seconds: what a broken cache may cost, and a busy machine

# Holds the lock of a SQLite file for ten seconds, as another program would.
HOLDER = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN EXCLUSIVE")
print("held", flush=True)
time.sleep(10)
"""


def another(exchange, tmp_path, **more) -> SmartDataProvider:
    return SmartDataProvider(
        endpoint=exchange.endpoint, lake=tmp_path / "lake", limits=FAST_LIMITS, **more
    )


def asked(exchange) -> int:
    return exchange.stats()["groups"]["crix-trades"]["requests"]


def test_another_process_asks_for_no_page_again(provider, exchange, tmp_path):
    first = provider.get_trade("KRW-BTC", **OVER)
    provider.close()
    exchange.reset_stats()
    with another(exchange, tmp_path) as later:
        reply = later.with_response.get_trade("KRW-BTC", **OVER)
        exact = later.get_trade("KRW-BTC", precision="decimal", **OVER)
    assert first.height > 500  # several pages
    assert reply.frame.equals(first)
    assert reply.source == {"KRW-BTC": "store"}
    assert reply.cache_hit
    assert exact["sequential_id"].equals(first["sequential_id"])
    assert asked(exchange) == 0


def test_days_that_are_over_are_there_offline(provider, exchange, tmp_path):
    first = provider.get_trade("KRW-BTC", **OVER)
    provider.close()
    with another(exchange, tmp_path, offline=True) as later:
        # Without an answer there is only our own clock, which the sandbox does not keep to.
        later.twin._transport._clock.saw(provider.twin._transport.now())
        assert later.get_trade("KRW-BTC", **OVER).equals(first)
        with pytest.raises(mk.Offline):
            later.get_trade("KRW-BTC", count=3)


def test_a_day_that_has_hardly_ended_may_still_change(provider, exchange):
    """It is half a minute past midnight."""
    window = {"start": "2026-11-19T23:58", "end": "2026-11-19T23:59"}
    provider.get_trade("KRW-BTC", **window)
    provider.get_trade("KRW-BTC", **window)
    assert asked(exchange) == 2


def test_the_days_count_back_from_the_exchanges_own_today(provider, exchange):
    first = provider.get_trade("KRW-BTC", **OVER)
    exchange.set_clock(now="2026-11-21T00:10:30Z", speed=0)
    provider.get_ticker("KRW-ETH")  # it tells the time
    exchange.reset_stats()
    assert provider.get_trade("KRW-BTC", **OVER).equals(first)
    assert asked(exchange) == 0


def lock(file: Path) -> subprocess.Popen[str]:
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(file)], stdout=subprocess.PIPE, text=True
    )
    holder.stdout.readline()
    return holder


def garble(file: Path) -> None:
    file.write_bytes(b"this is no database" * 1_000)


def remove(file: Path) -> None:
    file.unlink()


@pytest.mark.slow
@pytest.mark.parametrize("harm", [lock, garble, remove])
def test_whatever_befalls_the_cache_every_call_answers_within_two_seconds_more(
    provider, exchange, tmp_path, harm
):
    """A full disk is the store's own to prove."""
    with another(exchange, tmp_path) as warm:  # writes the file, and learns what is usual
        calls = [
            lambda one: one.get_market(),
            lambda one: one.get_ticker("KRW-*"),
            lambda one: one.get_trade("KRW-BTC", **OVER),
            lambda one: one.get_candle("KRW-BTC", "1m", count=5),
        ]
        usual = [timed(call, warm) for call in calls]
        frames = [call(warm) for call in calls]
    (file,) = resolve_cache(exchange.endpoint).glob("*.sqlite")
    holder = harm(file)
    try:
        for number, call in enumerate(calls):
            assert timed(call, provider) <= usual[number] + SLACK
        assert [call(provider).height for call in calls] == [frame.height for frame in frames]
    finally:
        if holder is not None:
            holder.kill()
            holder.communicate()


def timed(call, provider) -> float:
    started = time.perf_counter()
    call(provider)
    return time.perf_counter() - started
