"""Trades of days that are over are asked for once, in the life of the cache folder."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import marketkit as mk
from marketkit.api.sync import SmartDataProvider
from marketkit.settings import resolve_cache
from tests.integration.conftest import FAST_LIMITS

OVER = {"start": "2026-11-18T10:00", "end": "2026-11-18T12:00"}
SLACK = 2.0 + 1.0  # seconds: what a broken cache may cost, and a busy machine
CALLS = [
    lambda one: one.get_market(),
    lambda one: one.get_ticker("KRW-*"),
    lambda one: one.get_orderbook("KRW-BTC"),
    lambda one: one.get_trade("KRW-BTC", **OVER),
    lambda one: one.get_candle("KRW-BTC", "1m", count=5),
]

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
        later.twin._transport.clock.saw(provider.twin._transport.now())
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
    with another(exchange, tmp_path) as warm:  # writes the file, and learns what is usual
        usual = [timed(call, warm) for call in CALLS]
        heights = [call(warm).height for call in CALLS]
    (file,) = resolve_cache(exchange.endpoint).glob("*.sqlite")
    holder = harm(file)
    try:
        _answers_as_usual(provider, usual, heights)
    finally:
        if holder is not None:
            holder.kill()
            holder.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("room", [0, 64 << 10])
def test_a_cache_on_a_full_disk_costs_no_call_more_than_two_seconds(
    provider, exchange, tmp_path, small_disk, monkeypatch, room
):
    """Full before there is a file, and with room for some pages: then it fills as they come."""
    usual = [timed(call, provider) for call in CALLS]
    heights = [call(provider).height for call in CALLS]
    monkeypatch.setenv("MARKETKIT_CACHE", str(small_disk))
    fill(small_disk, room)
    with another(exchange, tmp_path) as cramped:
        _answers_as_usual(cramped, usual, heights)
        store = cramped.status().store
        assert store.failures >= 1
    with pytest.raises(OSError, match="No space left"):
        (small_disk / "more").write_bytes(bytes(room + 4096))


def _answers_as_usual(provider, usual, heights) -> None:
    for number, call in enumerate(CALLS):
        assert timed(call, provider) <= usual[number] + SLACK
    assert [call(provider).height for call in CALLS] == heights


@pytest.fixture
def small_disk(tmp_path) -> Iterator[Path]:
    """A real file system of one megabyte, where this process may mount one."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if (
        not shutil.which("mount")
        or subprocess.run(mount, check=False, capture_output=True).returncode
    ):
        pytest.skip("may not mount a file system here")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill(disk: Path, room: int) -> None:
    """Leave so many bytes free."""
    free = shutil.disk_usage(disk).free
    (disk / "filler").write_bytes(bytes(free - room))
    assert shutil.disk_usage(disk).free == room


def timed(call, provider) -> float:
    started = time.perf_counter()
    call(provider)
    return time.perf_counter() - started
